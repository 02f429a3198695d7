"""A matched payment reaches Mifos once, whatever happens on the way."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from c2b import desk, matching, turns, waiting
from c2b.models import C2bTransaction, Posting
from c2b.statuses import Status
from common.money import shown
from mifos.accounts import AccountKind
from sms.models import SmsNotification
from tests.c2b.make_c2b import RECEIPT, World
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db


def repayments(world: World, loan: int) -> list[dict[str, Any]]:
    rows = next(one for one in world.books()["loans"] if one["id"] == loan)["transactions"]
    return [row for row in rows if row["type"] != "disbursement"]


def deposits(world: World, savings: int) -> list[dict[str, Any]]:
    return next(one for one in world.books()["savings"] if one["id"] == savings)["transactions"]


def test_a_repayment_is_booked_with_receipt_date_and_our_id(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert (row.status, row.booked_amount, row.transaction_type) == ("posted", 500, "loan_repayment")
    (booked,) = repayments(world, loan)
    assert (booked["amount"], booked["receipt"], booked["external_id"]) == ("500.00", RECEIPT, str(row.pk))
    assert booked["date"] == "2026-06-03"
    assert [event.new for event in row.events.all()] == ["matched", "posting", "posting", "posted"]


@pytest.mark.parametrize(("release", "external"), [("1.14", False), ("develop", True)])
def test_a_deposit_carries_our_id_only_where_the_release_takes_it(
    world: World, release: str, external: bool
) -> None:
    world.sandbox.switch(fineract__version=release)
    type(world.host).objects.update(release=release)
    savings = world.savings(client_id=world.client())
    row = world.posted(BillRefNumber=f"{savings:09d}")
    assert (row.status, row.transaction_type) == ("posted", "savings_deposit"), row.reason
    (booked,) = deposits(world, savings)
    assert booked["external_id"] == (str(row.pk) if external else None)
    assert booked["receipt"] == RECEIPT


def test_a_mifos_that_refuses_the_id_of_a_deposit_gets_it_without(world: World) -> None:
    type(world.host).objects.update(release="develop")  # wrong: the sandbox plays 1.14
    savings = world.savings(client_id=world.client())
    row = world.posted(BillRefNumber=f"{savings:09d}")
    assert row.status == Status.MATCHED
    assert world.go_on(row).status == Status.POSTED
    assert len(deposits(world, savings)) == 1


@pytest.mark.parametrize("kind", ["loan", "savings"])
@pytest.mark.parametrize("fault", ["lost", "booked_error"])
def test_a_booking_whose_answer_is_lost_is_found_and_not_repeated(
    world: World, kind: str, fault: str
) -> None:
    client = world.client()
    account = world.loan(client_id=client) if kind == "loan" else world.savings(client_id=client)
    row = world.matched(BillRefNumber=f"{account:09d}")
    world.fault("repayment" if kind == "loan" else "deposit", fault)
    assert world.go_on(row).status == Status.UNKNOWN, row.reason
    assert Posting.objects.get(transaction=row).in_doubt
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.POSTED
    rows = repayments(world, account) if kind == "loan" else deposits(world, account)
    assert len(rows) == 1


def test_a_lost_request_is_sent_again_under_the_same_key(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    world.fault("repayment", "error_500")
    assert world.go_on(row).status == Status.UNKNOWN
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.POSTED
    posting = Posting.objects.get(transaction=row)
    assert (posting.tries, posting.refusals, len(repayments(world, loan))) == (2, 0, 1)


def test_a_conflict_asks_for_a_new_key(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    world.fault("repayment", "conflict")
    assert world.go_on(row).status == Status.MATCHED
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.POSTED
    assert Posting.objects.get(transaction=row).refusals == 1
    assert len(repayments(world, loan)) == 1


def test_a_question_that_fails_never_clears_a_doubt(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    world.fault("repayment", "lost")
    world.go_on(row)
    world.fault("transaction", "error_500")
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.UNKNOWN
    assert Posting.objects.get(transaction=row).in_doubt
    assert world.go_on(row, at=NOW + timedelta(minutes=10)).status == Status.POSTED
    assert len(repayments(world, loan)) == 1


@pytest.mark.parametrize(
    ("rule", "loan_gets", "savings_get", "status"),
    [
        ("suspense", "300.00", None, "unmatched"),
        ("savings", "300.00", "200.00", "posted"),
        ("post", "500.00", None, "posted"),
    ],
)
def test_excess_goes_where_the_partner_says(
    world: World, rule: str, loan_gets: str, savings_get: str | None, status: str
) -> None:
    world.rule(excess=rule)
    client = world.client()
    loan, savings = (
        world.loan(client_id=client, principal=300),
        world.savings(client_id=client, account_no="S77"),
    )
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert row.status == status, row.reason
    assert [one["amount"] for one in repayments(world, loan)] == [loan_gets]
    assert [one["amount"] for one in deposits(world, savings)] == ([savings_get] if savings_get else [])
    if status == "unmatched":
        assert (row.rest, row.attention) == (200, row.reason)
        assert "KES 200 more than the loan owes" in row.reason


@pytest.mark.parametrize("status", [100, 200, 400, 600, 601, 700])
def test_a_loan_that_is_not_active_gets_nothing_by_itself(world: World, status: int) -> None:
    loan = world.loan()
    world.control(f"kilimo/loans/{loan}/change", {"status": status})
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert row.status == Status.UNMATCHED, row.reason
    assert not repayments(world, loan)
    assert not Posting.objects.filter(transaction=row, void_at__isnull=True).exists()


def test_a_closed_loan_s_money_goes_to_the_only_savings_account(world: World) -> None:
    world.rule(excess="savings")
    client = world.client()
    loan, savings = world.loan(client_id=client), world.savings(client_id=client, account_no="S1")
    world.control(f"kilimo/loans/{loan}/change", {"status": 600})
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert row.status == Status.POSTED, row.reason
    assert [one["amount"] for one in deposits(world, savings)] == ["500.00"]


def test_two_savings_accounts_are_one_too_many_for_the_rest(world: World) -> None:
    world.rule(excess="savings")
    client = world.client()
    loan = world.loan(client_id=client, principal=300)
    world.savings(client_id=client, account_no="S1")
    world.savings(client_id=client, account_no="S2")
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert (row.status, row.rest) == (Status.UNMATCHED, 200)


def test_a_closed_savings_account_sends_the_money_to_suspense(world: World) -> None:
    savings = world.savings(client_id=world.client())
    row = world.matched(BillRefNumber=f"{savings:09d}")
    world.control(f"kilimo/savings/{savings}/change", {"status": 600})
    assert world.go_on(row).status == Status.UNMATCHED
    assert "savings account is" in row.reason


def test_a_payment_of_tomorrow_in_nairobi_waits_for_no_business_date(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}", TransTime="20260604010000")
    assert row.status == Status.POSTED, row.reason
    assert repayments(world, loan)[0]["date"] == "2026-06-03"


def test_a_payment_before_the_disbursal_gets_the_day_of_the_disbursal(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}", TransTime="20260530100000")
    assert row.status == Status.POSTED, row.reason
    assert repayments(world, loan)[0]["date"] == "2026-06-02"


def test_payments_to_one_account_are_booked_in_their_order(world: World) -> None:
    loan = world.loan()
    first = world.matched(BillRefNumber=f"{loan:09d}", TransID="SF30AAAAAA", TransTime="20260603080000")
    second = world.matched(BillRefNumber=f"{loan:09d}", TransID="SF30BBBBBB", TransTime="20260603090000")
    assert world.go_on(second).status == Status.MATCHED
    assert second.next_step_at == NOW + turns.GAP
    assert world.go_on(first, at=NOW + timedelta(seconds=2)).status == Status.POSTED
    second.refresh_from_db()
    assert second.next_step_at == NOW + timedelta(seconds=2), "the first wakes the second when it has ended"
    assert world.go_on(second).status == Status.POSTED
    assert [one["receipt"] for one in repayments(world, loan)] == ["SF30AAAAAA", "SF30BBBBBB"]


def test_a_payment_does_not_overtake_an_earlier_one_that_nobody_has_matched_yet(world: World) -> None:
    loan = world.loan()
    typed = {"BillRefNumber": f"{loan:09d}"}
    earlier = world.received(**typed, TransID="SF30AAAAAA", TransTime="20260603080000")
    world.received(BillRefNumber="L7", TransID="SF30CCCCCC", TransTime="20260603070000")
    later = world.matched(**typed, TransID="SF30BBBBBB", TransTime="20260603090000")
    assert world.go_on(later).status == Status.MATCHED
    assert "SF30AAAAAA to the same account goes first; it is received" in waiting.why(later, at=NOW)
    matching.match(transaction_id=earlier.pk, at=NOW)
    assert world.go_on(earlier).status == Status.POSTED
    assert world.go_on(later).status == Status.POSTED


def test_what_was_allocated_by_a_person_waits_for_nobody_who_typed_the_same(world: World) -> None:
    loan = world.loan()
    world.received(BillRefNumber="tithe", TransID="SF30AAAAAA", TransTime="20260603080000")
    row = world.matched(BillRefNumber="tithe", TransID="SF30BBBBBB", TransTime="20260603090000")
    share = desk.Share(kind=AccountKind.LOAN, account_id=loan, amount=Decimal(500))
    by = get_user_model().objects.create(username="ann")
    desk.allocate(transaction_id=row.pk, shares=[share], by=by, reason="he rang", at=NOW)
    assert world.go_on(row).status == Status.POSTED


def test_nothing_is_booked_while_an_earlier_booking_is_in_doubt(world: World) -> None:
    loan = world.loan()
    first = world.matched(BillRefNumber=f"{loan:09d}", TransID="SF30AAAAAA", TransTime="20260603090000")
    earlier = world.matched(BillRefNumber=f"{loan:09d}", TransID="SF30BBBBBB", TransTime="20260603080000")
    C2bTransaction.objects.filter(pk=first.pk).update(status=Status.UNKNOWN)
    assert world.go_on(earlier).status == Status.MATCHED
    assert not repayments(world, loan)


def test_a_dead_host_lets_everything_wait(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    type(world.host).objects.update(mifos_host_url="http://127.0.0.1:9")
    for minute in range(8):
        world.go_on(row, at=NOW + timedelta(minutes=10 * minute))
        assert row.status == Status.MATCHED
        assert row.next_step_at is not None
    assert "waits to be booked" in row.attention
    type(world.host).objects.update(mifos_host_url=world.sandbox.url, failures=0, retry_at=None)
    assert world.go_on(row, at=NOW + timedelta(hours=30)).status == Status.POSTED
    assert not row.attention


def test_a_missing_right_waits_for_a_person_and_is_tried_again(world: World) -> None:
    loan = world.loan()
    world.control("hosts", {"host": "kilimo", "permissions": ["ALL_FUNCTIONS_READ"]})
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert row.status == Status.FAILED, row.reason
    assert "REPAYMENT_LOAN" in row.attention
    world.control("hosts", {"host": "kilimo", "permissions": ["ALL_FUNCTIONS"]})
    assert world.go_on(row, at=NOW + timedelta(minutes=20)).status == Status.POSTED


def test_a_wrong_password_waits(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    type(world.host).objects.update(mifos_password="wrong")
    assert world.go_on(row).status == Status.MATCHED


def test_a_receipt_goes_to_the_client_s_phone_when_the_payer_s_is_hidden(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}")
    sms = SmsNotification.objects.get(event_key=f"collected:{row.pk}")
    assert (sms.recipient_phone, sms.message_type) == (JANE, "payment_receipt")
    assert "KES 500" in sms.message_content


def test_a_partner_may_let_the_customer_know_the_balance_too(world: World) -> None:
    world.rule(tell_balance=True)
    row = world.posted(BillRefNumber=f"{world.loan():09d}")
    sms = SmsNotification.objects.get(event_key=f"collected:{row.pk}")
    left = row.postings.get().balance_after
    assert (sms.message_type, shown(left) in sms.message_content) == ("transaction_confirmation", True)


def test_the_account_that_took_the_rest_has_a_message_of_its_own(world: World) -> None:
    world.rule(tell_balance=True, excess="savings")
    jane = world.client(mobile_no="0708374149")
    loan = world.loan(client_id=jane, principal=300)
    world.savings(client_id=jane, account_no="S77")
    row = world.posted(BillRefNumber=f"{loan:09d}")
    types = SmsNotification.objects.filter(event_key__startswith=f"collected:{row.pk}")
    assert sorted(types.values_list("message_type", flat=True)) == [
        "account_balance_update",
        "transaction_confirmation",
    ]


def test_sms_sent_is_true_when_it_was(world: World) -> None:
    from c2b import telling

    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}", MSISDN="254711000009")
    assert telling.note_sent(at=NOW) == 0
    assert SmsNotification.objects.filter(recipient_phone="254711000009").update(status="sent") == 1
    assert telling.note_sent(at=NOW) == 1
    row.refresh_from_db()
    assert row.sms_sent


@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
@pytest.mark.parametrize("amount", ["500", "450"])
def test_both_forms_of_a_duplicate_id_mean_that_it_may_be_booked(
    world: World, database: str, amount: str
) -> None:
    world.sandbox.switch(fineract__database=database)
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    earlier = {"amount": amount, "external_id": str(row.pk), "receipt": RECEIPT, "payment_type_id": 1}
    world.control(f"kilimo/loans/{loan}/repay-by-hand", {"date": "2026-06-03"} | earlier)
    assert world.go_on(row).status == Status.UNKNOWN, row.reason
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.POSTED
    assert len(repayments(world, loan)) == 1
    assert bool(row.contradiction) == (amount == "450")


def test_a_deposit_whose_id_mifos_has_already_is_found_and_not_repeated(world: World) -> None:
    world.sandbox.switch(fineract__version="develop")
    type(world.host).objects.update(release="develop")
    savings = world.savings(client_id=world.client())
    row = world.matched(BillRefNumber=f"{savings:09d}")
    path = f"/fineract/kilimo/fineract-provider/api/v1/savingsaccounts/{savings}/transactions?command=deposit"
    body = {"transactionDate": "2026-06-03", "transactionAmount": "500", "externalId": str(row.pk)}
    form = {"dateFormat": "yyyy-MM-dd", "locale": "en", "paymentTypeId": 1}
    headers = {"Fineract-Platform-TenantId": "default"}
    assert world.sandbox.post(path, json=body | form, headers=headers, auth=("api", "secret")).ok
    assert world.go_on(row).status == Status.UNKNOWN, row.reason
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.POSTED
    assert len(deposits(world, savings)) == 1


def test_a_booking_that_somebody_undid_is_not_made_again(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    world.fault("repayment", "lost")
    world.go_on(row)
    booked = repayments(world, loan)[0]["id"]
    body = {
        "transactionDate": "2026-06-03",
        "transactionAmount": 0,
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
    }
    path = f"/fineract/kilimo/fineract-provider/api/v1/loans/{loan}/transactions/{booked}?command=undo"
    headers = {"Fineract-Platform-TenantId": "default"}
    assert world.sandbox.post(path, json=body, headers=headers, auth=("api", "secret")).ok
    assert world.go_on(row, at=NOW + timedelta(minutes=5)).status == Status.FAILED
    assert "undone" in row.attention
    assert len(repayments(world, loan)) == 1


def test_a_checker_s_approval_is_waited_for(world: World) -> None:
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    world.control("hosts", {"host": "kilimo", "maker_checker": ["REPAYMENT_LOAN"]})
    assert world.go_on(row).status == Status.UNKNOWN
    assert "checker" in row.attention
    pending = world.books()["pending"]
    assert len(pending) == 1
    world.go_on(row, at=NOW + timedelta(minutes=6))
    assert world.books()["pending"] == pending
    world.control(f"kilimo/makercheckers/{pending[0]}/approve")
    assert world.go_on(row, at=NOW + timedelta(minutes=30)).status == Status.POSTED
    assert len(repayments(world, loan)) == 1


def test_posting_twice_at_once_books_once(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert world.go_on(row).status == Status.POSTED
    assert row.booked_amount == Decimal(500)
    assert len(repayments(world, loan)) == 1
