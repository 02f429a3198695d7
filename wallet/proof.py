"""Prove the ledger: recompute everything from what was written once, and list what does not agree."""

# ruff: noqa: S608 - the queries are put together from the constants below and nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from partners.models import Shortcode
from wallet import bank_proof, drift
from wallet.models import Account, Hold, Transfer

SHOWN = 5  # lines that explain a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that should agree and does not, with the lines that explain it."""

    check: str
    subject: str
    expected: str
    found: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was looked at, and what does not agree; no differences is a proof."""

    accounts: int
    transfers: int
    holds: int
    differences: tuple[Difference, ...]


def prove(*, at: datetime | None = None) -> Proof:
    """Recompute every balance in one snapshot, so that work going on meanwhile is no difference.

    :param at: now, if it is another moment: what the bank has not told by then may still come
    """
    at = at or timezone.now()
    with transaction.atomic():
        if not connection.savepoint_ids:  # the outermost transaction: the snapshot is ours to choose
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        found = [difference for check, query in RULES.items() for difference in _run(check, query)]
        return Proof(
            accounts=Account.objects.count(),
            transfers=Transfer.objects.count(),
            holds=Hold.objects.count(),
            differences=(*found, *_observed(), *_bank(at)),
        )


# Each rule finds what is wrong: rows of subject, expected, found, and what explains it (an account, a transfer or
# a hold). A sound ledger has none.
_CHANGES = """select from_account_id as account, id as transfer, -amount as change from ledger_transfers
    union all select to_account_id, id, amount from ledger_transfers"""
_LINES = """select account_id as account, transfer_id as transfer, number, amount, balance_after from ledger_lines
    union all select a.id, w.transfer_id, w.number, w.amount, w.balance_after from wallet_transactions w
    join partner_wallets p on p.id = w.wallet_id
    join ledger_accounts a on a.partner_id = p.partner_id and a.kind = 'wallet'"""
_DUE = """select h.id as hold, d.type, d.from_kind, d.to_kind, d.amount from ledger_holds h,
    lateral (values
        (true, 'hold', 'wallet', 'wallet_held', charge),
        (purpose = 'payout', 'float_hold', 'float', 'float_held', principal),
        (purpose <> 'payout', 'purchase_hold', 'wallet', 'wallet_held', principal),
        (status = 'released', 'release', 'wallet_held', 'wallet', charge),
        (status = 'released' and purpose = 'payout', 'float_release', 'float_held', 'float', principal),
        (status = 'released' and purpose <> 'payout', 'purchase_release', 'wallet_held', 'wallet', principal),
        (status = 'captured', 'charge', 'wallet_held', 'fees', charge),
        (status = 'captured' and purpose = 'payout', 'disbursement', 'float_held', 'customers', principal),
        (status = 'captured' and purpose <> 'payout', 'b2c_float_purchase', 'wallet_held', 'float', principal),
        (status = 'captured' and shortcode_id in (select id from shortcodes where partner_id is null),
         'mpesa_cost', 'charges_paid', 'mpesa_cost', mpesa_cost)
    ) d (due, type, from_kind, to_kind, amount) where d.due and d.amount > 0"""
_MADE = """select t.hold_id as hold, t.type, f.kind as from_kind, o.kind as to_kind, t.amount
    from ledger_transfers t join ledger_accounts f on f.id = t.from_account_id
    join ledger_accounts o on o.id = t.to_account_id where t.hold_id is not null"""

RULES = {
    "a balance is the sum of its transfers": f"""
        select a.kind, coalesce(sum(c.change), 0), a.balance, a.id as account, null, null from ledger_accounts a
        left join ({_CHANGES}) c on c.account = a.id where a.balance is not null
        group by a.id having a.balance <> coalesce(sum(c.change), 0)""",
    "a transfer has its lines": f"""
        select a.kind, c.change, l.amount, a.id, coalesce(c.transfer, l.transfer), null
        from (select c.* from ({_CHANGES}) c join ledger_accounts a on a.id = c.account
              where a.kind in ('wallet', 'float')) c
        full join ({_LINES}) l on l.account = c.account and l.transfer = c.transfer
        join ledger_accounts a on a.id = coalesce(c.account, l.account)
        where c.change is distinct from l.amount""",
    "a line's balance is the sum of the lines so far": f"""
        select a.kind, r.total, r.balance_after, null, r.transfer, null from (
            select l.*, sum(amount) over (partition by account order by number) as total from ({_LINES}) l) r
        join ledger_accounts a on a.id = r.account where r.total <> r.balance_after""",
    "a wallet's current balance is the sum of its lines": f"""
        select 'current_balance', coalesce(sum(l.amount), 0), p.current_balance, a.id, null, null
        from partner_wallets p join ledger_accounts a on a.partner_id = p.partner_id and a.kind = 'wallet'
        left join ({_LINES}) l on l.account = a.id group by p.id, a.id, a.balance
        having p.current_balance <> coalesce(sum(l.amount), 0) or p.current_balance <> a.balance""",
    "all accounts together are zero": f"""
        select 'all accounts', 0, total, null, null, null from (
            select coalesce((select sum(balance) from ledger_accounts), 0) + coalesce((
                select sum(c.change) from ({_CHANGES}) c join ledger_accounts a on a.id = c.account
                where a.balance is null), 0) as total) t where total <> 0""",
    "a held balance is the sum of the open holds": """
        select a.kind, coalesce(sum(h.part), 0), a.balance, a.id, null, null from ledger_accounts a
        left join (
            select partner_id, null::uuid as shortcode_id, 'wallet_held' as kind,
                   charge + case when purpose = 'payout' then 0 else principal end as part
            from ledger_holds where status = 'held'
            union all select partner_id, shortcode_id, 'float_held', principal
            from ledger_holds where status = 'held' and purpose = 'payout') h
        on h.partner_id = a.partner_id and h.kind = a.kind and h.shortcode_id is not distinct from a.shortcode_id
        where a.kind in ('wallet_held', 'float_held') group by a.id having a.balance <> coalesce(sum(h.part), 0)""",
    "a hold has its transfers": f"""
        select coalesce(d.type, m.type), d.amount, m.amount, null, null, coalesce(d.hold, m.hold)
        from ({_DUE}) d full join ({_MADE}) m
            on (m.hold, m.type, m.from_kind, m.to_kind) = (d.hold, d.type, d.from_kind, d.to_kind)
        where d.amount is distinct from m.amount""",
}


def _run(check: str, query: str) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    return [_difference(check, *row) for row in rows]


def _difference(
    check: str, subject: str, expected: Any, found: Any, account: Any, transfer: Any, hold: Any
) -> Difference:
    if account:
        subject = str(Account.objects.select_related("partner", "shortcode").get(pk=account))
    lines: list[str] = []
    if transfer or hold:
        mine = Transfer.objects.filter(Q(pk=transfer) if transfer else Q(hold=hold))
        lines = [drift.sentence(line) for line in mine.order_by("created_at", "id")]
        lines += [f"hold {found_hold}" for found_hold in Hold.objects.filter(pk=hold)]
    elif account:
        mine = Transfer.objects.filter(Q(from_account=account) | Q(to_account=account))
        lines = [drift.sentence(line) for line in mine.order_by("-created_at", "-id")[:SHOWN]]
    return Difference(
        check=check,
        subject=subject,
        expected="nothing" if expected is None else str(expected),
        found="nothing" if found is None else str(found),
        lines=tuple(lines),
    )


def _bank(at: datetime) -> list[Difference]:
    return [
        Difference(check=check, subject=subject, expected=expected, found=found, lines=(line,))
        for check, subject, expected, found, line in bank_proof.differences(at=at)
    ]


def _observed() -> list[Difference]:
    known = Shortcode.objects.filter(utility_balance__isnull=False, balance_at__isnull=False)
    both = [_against_mpesa(shortcode) for shortcode in known.order_by("number")]
    return [difference for difference in both if difference]


def _against_mpesa(shortcode: Shortcode) -> Difference | None:
    """Compare M-Pesa's figure with what the float of a shortcode was at that moment."""
    found = drift.compare(shortcode)
    if found is None or not found.drift:
        return None
    return Difference(
        check="the float is what M-Pesa says",
        subject=f"Utility of {shortcode.number} at {found.observed_at:%Y-%m-%d %H:%M:%S}",
        expected=str(found.observed),
        found=str(found.settled) if found.exact else f"{found.lowest} to {found.highest}",
        lines=found.lines,
    )
