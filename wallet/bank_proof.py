"""Compare the book of the bank account with the lines of the bank that we know, one by one, both ways."""

# ruff: noqa: S608 - the queries are put together from the constants below and nothing else

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from wallet.bank_models import BankAccount

# The statement is read every few minutes, and a line may be told a day late.
SETTLED = timedelta(days=2)

_BANK = "(select id from ledger_accounts where kind = 'bank' and partner_id is null)"
_IN = f"""select t.reference, t.amount, t.created_at, t.type || ' ' || t.reference as words from ledger_transfers t
    where t.from_account_id = {_BANK} and t.type in ('topup', 'suspense')"""

# Each finds what is wrong: what it is about, what is expected, what was found, a line that explains it.
RULES = {
    "money that came in is booked once": f"""
        select c.amount || ' on ' || c.event_at::date, c.amount, coalesce(sum(t.amount), 0),
               coalesce(c.core_reference, c.receipt) || ' ' || c.status
        from bank_credits c left join ({_IN}) t on t.reference in (c.core_reference, c.receipt) and t.reference <> ''
        where c.status in ('booked', 'suspense', 'allocated') group by c.id
        having coalesce(sum(t.amount), 0) <> c.amount""",
    "what is booked as come in is a line of the bank": f"""
        select t.words, null, t.amount, t.words from ({_IN}) t
        where t.created_at >= %(since)s and not exists (
            select from bank_credits c where t.reference in (c.core_reference, c.receipt))""",
    "what left the bank is something that we ordered": """
        select d.amount || ' on ' || d.event_at::date, null, d.amount, d.core_reference || ' ' || d.narrative
        from bank_debits d where d.matched_id is null and not d.is_fee and d.created_at < %(settled)s""",
    "a debit's purchase is bought, for the same amount": """
        select p.reference, p.amount, d.amount, d.core_reference || ', and the purchase is ' || p.status
        from bank_debits d join float_purchases p on p.id = d.matched_id and d.matched_table = 'float_purchases'
        where not d.is_fee and d.created_at < %(settled)s and (p.status <> 'bought' or p.amount <> d.amount)""",
    "bought float is a debit of the bank": """
        select p.reference, p.amount, null, 'proved by ' || p.evidence || ' ' || p.receipt
        from float_purchases p where p.status = 'bought' and p.route <> 'daraja_topup'
            and p.settled_at >= %(since)s and p.settled_at < %(settled)s and not exists (
            select from bank_debits d where d.matched_id = p.id and not d.is_fee)""",
    "bought float is booked as gone from the bank": """
        select p.reference, p.amount, t.amount, 'float_funding ' || p.id
        from float_purchases p left join ledger_transfers t on t.type = 'float_funding' and t.reference = p.id::text
        where (p.status = 'bought') <> (t.id is not null) or t.amount <> p.amount""",
}


def differences(*, at: datetime) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield check, subject, expected, found and a line for everything that does not agree.

    Without a bank account set up there is nothing to compare with.
    """
    account = BankAccount.objects.order_by("created_at").first()
    if account is None:
        return
    values = {"since": account.created_at, "settled": at - SETTLED}
    for check, query in RULES.items():
        for subject, expected, found, line in _run(query, values):
            yield check, subject, _shown(expected), _shown(found), line


def _run(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _shown(figure: Any) -> str:
    return "nothing" if figure is None else str(figure)
