"""What stops a payment before it is sent, in words that a person understands."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from common.gateway import GatewayError, Rejected, Retryable
from disbursements import checking, deciding, intake, paying
from disbursements.deciding import NotPossible
from disbursements.intake import Sighting
from disbursements.models import Disbursement
from disbursements.statuses import RECHECK, Cause, Status
from partners.models import Partner, Shortcode
from tests import make
from tests.disbursements.outside import World, borrower

pytestmark = pytest.mark.django_db


def checked(world: World, loan_id: int = 12, **fields: Any) -> Disbursement:
    if loan_id not in world.mifos.loans:
        world.approve(loan_id, **fields)
    row = world.take(loan_id)
    checking.check(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    return row


def again(row: Disbursement, *, minutes: float = 1) -> Disbursement:
    checking.check(disbursement_id=row.pk, at=make.NOW + timedelta(minutes=minutes))
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("fields", "cause", "words"),
    [
        ({"phone": ""}, Cause.PHONE, "there is no phone number"),
        ({"phone": "0202345678"}, Cause.PHONE, "not a Kenyan mobile number"),
        ({"phone": "+255 712 345 678"}, Cause.PHONE, "not a Kenyan number"),
        ({"net": "9500.50"}, Cause.AMOUNT, "has cents"),
        ({"net": "9500.001"}, Cause.AMOUNT, "has cents"),
        ({"net": "9"}, Cause.AMOUNT, "outside M-Pesa's limits"),
        ({"net": "0"}, Cause.AMOUNT, "outside M-Pesa's limits"),
        ({"net": "250001", "principal": "250001"}, Cause.AMOUNT, "outside M-Pesa's limits"),
        ({"net": "90", "principal": "99"}, Cause.AMOUNT, "below the product's minimum"),
        ({"net": "200000", "principal": "500001"}, Cause.AMOUNT, "above the product's maximum"),
        ({"client_id": None}, Cause.PHONE, "belongs to a group"),
        ({"fraud": True}, Cause.BLOCKED, "fraud"),
        ({"net_disbursal_amount": None}, Cause.AMOUNT, "nobody guesses"),
    ],
)
def test_a_loan_that_cannot_be_paid_waits_for_a_person(
    world: World, fields: dict[str, Any], cause: str, words: str
) -> None:
    row = checked(world, **fields)
    assert (row.status, row.hold_cause, row.next_step_at) == (Status.HELD, cause, None)
    assert words in row.reason
    assert row.attention


def test_an_inactive_client_is_not_paid(world: World) -> None:
    world.approve()
    world.mifos.clients[12] = borrower(12, "0708374149", active=False, status_text="Closed")
    row = checked(world)
    assert (row.hold_cause, "Closed" in row.reason) == (Cause.CLIENT_INACTIVE, True)


def test_an_undone_approval_waits_and_goes_on_when_approved_again(world: World) -> None:
    row = world.ready()
    approved = world.mifos.loans[12]
    paying.pay(disbursement_id=row.pk, at=make.NOW + timedelta(hours=1))  # sends it back to be checked
    world.mifos.loans[12] = replace(approved, status_id=100, waiting_for_disbursal=False)
    row = again(row)
    assert (row.status, row.hold_cause, row.attention) == (Status.HELD, Cause.APPROVAL_UNDONE, "")
    world.mifos.loans[12] = replace(approved, net_disbursal_amount=Decimal(8000))
    assert intake.take(host=world.host, sightings=[Sighting(loan=world.mifos.loans[12])], at=make.NOW) == [
        row.pk
    ]
    row = again(row, minutes=2)
    assert (row.status, row.amount) == (Status.READY, Decimal(8000))


@pytest.mark.parametrize(
    ("status_id", "text"), [(500, "Rejected"), (300, "Active"), (400, "Withdrawn by applicant")]
)
def test_what_is_no_longer_to_be_paid_is_cancelled(world: World, status_id: int, text: str) -> None:
    loan = world.approve()
    row = world.take()
    world.mifos.loans[12] = replace(
        loan, status_id=status_id, status_text=text, waiting_for_disbursal=False, active=status_id == 300
    )
    row = again(row)
    assert (row.status, text in row.reason) == (Status.CANCELLED, True)


def test_a_changed_amount_waits_for_a_person_who_accepts_it(world: World) -> None:
    loan = world.approve()
    row = world.take()
    world.mifos.loans[12] = replace(loan, net_disbursal_amount=Decimal(9000))
    row = again(row)
    assert row.hold_cause == Cause.AMOUNT_CHANGED
    assert "KES 9,000" in row.reason
    assert "KES 9,500" in row.reason
    amina = get_user_model().objects.create_user("amina")
    deciding.release(disbursement_id=row.pk, by=amina, reason="Agreed with the branch.", at=make.NOW)
    row = again(row)
    assert (row.status, row.amount) == (Status.READY, Decimal(9000))


def test_a_product_switched_off_is_not_taken_and_not_paid(world: World) -> None:
    row = checked(world)
    world.product.is_auto_disbursement_enabled = False
    world.product.save()
    world.approve(13)
    assert intake.take(host=world.host, sightings=[Sighting(loan=world.mifos.loans[13])], at=make.NOW) == []
    Disbursement.objects.filter(pk=row.pk).update(status=Status.DETECTED)
    assert again(row).hold_cause == Cause.PRODUCT_OFF


def test_an_inactive_partner_is_not_paid(world: World) -> None:
    Partner.objects.update(is_active=False)
    assert checked(world).hold_cause == Cause.PARTNER_INACTIVE


def test_without_a_shortcode_it_waits(world: World) -> None:
    Shortcode.objects.update(is_active=False)
    row = checked(world)
    assert (row.hold_cause, row.next_step_at is not None) == (Cause.SHORTCODE, True)


def limit(world: World, **rules: Any) -> None:
    world.product.disbursement_rules = rules
    world.product.save()


@pytest.mark.parametrize(
    ("rules", "cause"),
    [
        ({"max_per_product_per_day": 1}, Cause.DAY_LIMIT),
        ({"max_amount_per_product_per_day": "10000"}, Cause.DAY_LIMIT),
        ({"similar_payment_minutes": 10}, Cause.SIMILAR),
        ({"blocked_phones": [make.JANE]}, Cause.BLOCKED),
        ({"minimum_approval_age_seconds": 60}, Cause.TOO_YOUNG),
        ({"allowed_days": ["sat", "sun"]}, Cause.OUTSIDE_HOURS),
        ({"allowed_from": "11:00"}, Cause.OUTSIDE_HOURS),
        ({"allowed_until": "09:00"}, Cause.OUTSIDE_HOURS),
        ({"allowed_from": "22:00", "allowed_until": "06:00"}, Cause.OUTSIDE_HOURS),
        ({"no_such_rule": 1}, Cause.PRODUCT_OFF),
    ],
)
def test_the_products_rules_hold(world: World, rules: dict[str, Any], cause: str) -> None:
    world.ready()
    limit(world, **rules)
    assert checked(world, 13).hold_cause == cause


@pytest.mark.parametrize(
    "rules",
    [
        {"max_per_client_per_day": 1},
        {"max_per_product_per_day": 2},
        {"allowed_from": "10:00", "allowed_until": "10:01"},
        {"allowed_from": "22:00", "allowed_until": "10:01"},
        {"allowed_days": ["wed"]},
        {"similar_payment_minutes": 10, "blocked_phones": ["0711000009"]},
    ],
)
def test_within_the_rules_it_is_paid(world: World, rules: dict[str, Any]) -> None:
    world.ready()
    limit(world, **rules)
    assert checked(world, 13, phone="0711000002").status == Status.READY


def test_too_young_an_approval_goes_on_by_itself(world: World) -> None:
    limit(world, minimum_approval_age_seconds=60)
    row = checked(world)
    assert row.next_step_at == make.NOW + (RECHECK[Cause.TOO_YOUNG] or timedelta())
    assert again(row, minutes=1).status == Status.READY


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (Retryable("Mifos could not be reached"), Cause.HOST_DOWN),
        (Rejected("Mifos does not accept the user name", code="http.401", stop=True), Cause.HOST_DOWN),
        (
            Rejected("Loan with identifier 12 does not exist", code="error.msg.loan.id.invalid"),
            Cause.MIFOS_ANSWER,
        ),
    ],
)
def test_a_host_in_trouble_holds_only_its_own(world: World, trouble: GatewayError, cause: str) -> None:
    world.approve()
    row = world.take()
    world.mifos.read_refusals.append(trouble)
    row = again(row)
    assert (row.status, row.hold_cause) == (Status.HELD, cause)
    assert (row.next_step_at is None) == (cause == Cause.MIFOS_ANSWER)


def test_held_again_for_the_same_cause_adds_no_line(world: World) -> None:
    limit(world, allowed_from="11:00")
    row = checked(world)
    lines = row.events.count()
    again(row)
    again(row, minutes=2)
    assert row.events.count() == lines


def test_above_the_limit_two_people_must_approve(world: World) -> None:
    Partner.objects.update(approval_limit=Decimal(5000))
    row = checked(world)
    users = get_user_model().objects
    amina, brian = users.create_user("amina"), users.create_user("brian")
    assert row.hold_cause == Cause.SECOND_PERSON
    with pytest.raises(NotPossible):
        deciding.release(disbursement_id=row.pk, by=amina, reason="Please.", at=make.NOW)
    assert not deciding.approve(disbursement_id=row.pk, by=amina, reason="Known client.", at=make.NOW)
    with pytest.raises(NotPossible, match="another person"):
        deciding.approve(disbursement_id=row.pk, by=amina, reason="Really.", at=make.NOW)
    assert deciding.approve(disbursement_id=row.pk, by=brian, reason="Checked.", at=make.NOW)
    assert again(row).status == Status.READY


def test_every_verdict_is_kept_in_words(world: World) -> None:
    row = checked(world)
    assert all(item["ok"] and item["words"] for item in row.checks)
    assert {"loan", "client", "phone", "limits", "hours", "pause"} <= {item["rule"] for item in row.checks}
    assert make.JANE not in str(row.checks)


def tranche_loan(world: World, **actual: date | None) -> None:
    from mifos.shapes import Tranche

    tranches = tuple(
        Tranche(
            id=n,
            expected_on=date(2026, 6, n),
            actual_on=actual.get(f"t{n}"),
            principal=Decimal(5000),
            net=Decimal(4800),
        )
        for n in (1, 2, 9)
    )
    world.approve(multi_disburse=True, tranches=tranches)


def test_a_tranche_is_paid_with_its_own_amounts(world: World) -> None:
    tranche_loan(world)
    row = checked(world)
    assert (row.status, row.tranche_id, row.amount, row.gross_amount) == (
        Status.READY,
        1,
        Decimal(4800),
        Decimal(5000),
    )


def test_a_later_tranche_is_taken_on_its_day_and_not_before(world: World) -> None:
    tranche_loan(world, t1=date(2026, 6, 1))
    active = replace(world.mifos.loans[12], waiting_for_disbursal=False, active=True)
    due = intake.sight(active, today=date(2026, 6, 3))
    assert due is not None
    assert due.tranche is not None
    assert due.tranche.id == 2
    assert intake.sight(active, today=date(2026, 6, 1)) is None


def test_a_tranche_disbursed_by_hand_is_cancelled(world: World) -> None:
    tranche_loan(world)
    row = world.take()
    tranche_loan(world, t1=date(2026, 6, 3))
    row = again(row)
    assert (row.status, "not by us" in row.reason) == (Status.CANCELLED, True)
