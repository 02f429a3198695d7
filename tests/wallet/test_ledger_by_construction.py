"""What the database itself refuses, tried with raw SQL past all of our code."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests.wallet.make_wallet import Funded, capture, funded, release
from wallet.proof import prove

pytestmark = pytest.mark.django_db

TRANSFER = """insert into ledger_transfers
    (id, type, reference, from_account_id, to_account_id, amount, event_at, created_at, description, reverses_id)
    values (gen_random_uuid(), '{type}', '{reference}', {source}, {target}, {amount}, now(), now(), '', {reverses})
    """
WALLET = "(select id from ledger_accounts where kind = 'wallet')"
FLOAT = "(select id from ledger_accounts where kind = 'float')"
HELD = "(select id from ledger_accounts where kind = 'wallet_held')"
FEES = "ledger_account('fees', null, null)"


def transfer(**changes: str) -> str:
    plain = {"type": "correction", "reference": "R1", "source": WALLET, "target": FLOAT, "amount": "10"}
    return TRANSFER.format(**{"reverses": "null"} | plain | changes)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def books() -> Funded:
    return funded()


FORBIDDEN = {
    "a balance by hand": "update ledger_accounts set balance = balance + 1 where kind = 'wallet'",
    "another owner": "update ledger_accounts set kind = 'fees' where kind = 'wallet'",
    "no account": "delete from ledger_accounts",
    "an account opened with money": """insert into ledger_accounts (id, kind, partner_id, shortcode_id, balance,
        created_at) select gen_random_uuid(), 'float', id, gen_random_uuid(), 5, now() from partners""",
    "a float without a shortcode": """insert into ledger_accounts (id, kind, partner_id, balance, created_at)
        select gen_random_uuid(), 'float', id, 0, now() from partners""",
    "a platform account with an owner": """insert into ledger_accounts (id, kind, partner_id, balance, created_at)
        select gen_random_uuid(), 'fees', id, 0, now() from partners""",
    "a current balance by hand": "update partner_wallets set current_balance = 1",
    "no wallet": "delete from partner_wallets",
    "another amount": "update ledger_transfers set amount = 1",
    "no transfer": "delete from ledger_transfers",
    "another line": "update ledger_lines set amount = 1",
    "no line": "delete from ledger_lines",
    "another statement line": "update wallet_transactions set amount = 1",
    "no statement line": "delete from wallet_transactions",
    "a line of one's own": """insert into ledger_lines (id, number, account_id, transfer_id, amount,
        balance_after, event_at, created_at) select gen_random_uuid(), nextval('ledger_numbers'), account_id,
        transfer_id, 1, balance_after + 1, event_at, created_at from ledger_lines limit 1""",
    "a statement line of one's own": """insert into wallet_transactions (id, number, wallet_id, transfer_id,
        transaction_type, amount, balance_after, reference, description, sms_sent, event_at, created_at)
        select gen_random_uuid(), nextval('ledger_numbers'), wallet_id, transfer_id, 'topup', 1, 1, '', '', false,
        now(), now() from wallet_transactions limit 1""",
    "a wallet opened with money": """insert into partner_wallets (id, partner_id, current_balance, currency,
        sms_notifications_enabled, created_at, updated_at)
        values (gen_random_uuid(), gen_random_uuid(), 5, 'KES', true, now(), now())""",
    "an amount of nothing": transfer(amount="0"),
    "a negative amount": transfer(amount="-10"),
    "an account to itself": transfer(target=WALLET),
    "more than there is": transfer(amount="1000.01"),
    "held money without its hold": transfer(target=HELD),
    "a reference twice": transfer() + ";" + transfer(),
    "a reversal of another amount": transfer(
        amount="7", reverses="(select id from ledger_transfers where to_account_id = " + WALLET + ")"
    ),
    "a hold that begins captured": """insert into ledger_holds (id, reference, purpose, partner_id, shortcode_id,
        principal, charge, status, held_at, receipt, reason) select gen_random_uuid(), gen_random_uuid(), 'payout',
        partner_id, shortcode_id, 1, 1, 'captured', now(), '', '' from ledger_holds""",
    "a hold of nothing": """insert into ledger_holds (id, reference, purpose, partner_id, shortcode_id,
        principal, charge, status, held_at, receipt, reason) select gen_random_uuid(), gen_random_uuid(), 'payout',
        partner_id, shortcode_id, 0, 1, 'held', now(), '', '' from ledger_holds""",
    "a hold beyond the float": """insert into ledger_holds (id, reference, purpose, partner_id, shortcode_id,
        principal, charge, status, held_at, receipt, reason) select gen_random_uuid(), gen_random_uuid(), 'payout',
        partner_id, shortcode_id, 90501, 1, 'held', now(), '', '' from ledger_holds""",
    "a larger hold": "update ledger_holds set principal = 1",
    "no hold": "delete from ledger_holds",
    "a capture without a receipt": """update ledger_holds set status = 'captured', settled_at = now(),
        event_at = now()""",
    "a hold that ends in its own way": "update ledger_holds set status = 'lost', settled_at = now()",
    "a smaller hold on its way out": """update ledger_holds set status = 'released', settled_at = now(),
        principal = 1""",
}


@pytest.mark.parametrize("sql", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_the_database_refuses(books: Funded, sql: str) -> None:
    books.hold()
    with pytest.raises(IntegrityError), transaction.atomic():
        run(sql)
    assert books.money() == (955, 45, 90_500, 9_500)
    assert not prove().differences


@pytest.mark.parametrize("end", [capture, release])
def test_an_ended_hold_never_changes(books: Funded, end: object) -> None:
    end(books.hold())  # type: ignore[operator]
    with pytest.raises(IntegrityError), transaction.atomic():
        run("update ledger_holds set status = 'held', settled_at = null, receipt = ''")


def test_a_transfer_by_hand_balances_all_the_same(books: Funded) -> None:
    run(transfer(amount="300"))
    assert books.money() == (700, 0, 100_300, 0)
    assert not prove().differences


def test_a_transfer_that_is_skipped_moves_nothing(books: Funded) -> None:
    run(transfer() + ";" + transfer() + " on conflict do nothing")
    assert books.money() == (990, 0, 100_010, 0)
    assert not prove().differences


def test_a_reversal_happens_once(books: Funded) -> None:
    run(transfer())
    back = {"source": FLOAT, "target": WALLET, "type": "reversal"}
    back["reverses"] = "(select id from ledger_transfers where type = 'correction')"
    run(transfer(**back))
    with pytest.raises(IntegrityError), transaction.atomic():
        run(transfer(**back | {"reference": "R2"}))


def test_a_hold_by_hand_moves_its_money_all_the_same(books: Funded) -> None:
    books.hold()
    run("update ledger_holds set status = 'released', settled_at = now(), reason = 'by hand'")
    assert books.money() == (1000, 0, 100_000, 0)
    assert not prove().differences


def test_a_line_may_be_marked_as_told(books: Funded) -> None:
    run("update wallet_transactions set sms_sent = true")


def test_settings_of_a_wallet_may_change(books: Funded) -> None:
    run("update partner_wallets set low_balance_threshold = 500, sms_notifications_enabled = false")


def test_the_platforms_accounts_keep_no_balance(books: Funded) -> None:
    run(transfer(target=FEES))
    with connection.cursor() as cursor:
        cursor.execute("select balance from ledger_accounts where kind = 'fees'")
        assert cursor.fetchone() == (None,)
