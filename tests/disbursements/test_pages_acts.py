"""What people do from the pages: offered where it fits, to whom may, with a reason, and never twice."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from common.gateway import OutcomeUnknown
from common.models import AuditLine
from common.moves import LostRace
from disbursements import checking, deciding
from disbursements.acts import ACTS, offered
from disbursements.models import Disbursement, SettlementProposal
from disbursements.pages import open_proposal
from disbursements.statuses import Cause, Status
from tests.disbursements.outside import RECEIPT, World, post_result, result
from tests.disbursements.test_pages import APPROVES, LIST, OPERATES, SEES, login, page_of, shown
from tests.make import NOW
from wallet import balances

pytestmark = pytest.mark.django_db


def press(pages: Client, row: Disbursement, name: str, reason: str = "because", **said: str) -> Any:
    """Press a button of the page and confirm its dialog."""
    return pages.post(f"{LIST}{row.pk}/{name}/", {"reason": reason, "_form_submitted": "True"} | said)


def told(pages: Client) -> str:
    """Return the messages that the next page shows."""
    return " ".join(str(message) for message in pages.get(LIST).context["messages"])


def held(world: World, loan_id: int = 12) -> Disbursement:
    row = world.ready(loan_id)
    boss = get_user_model().objects.get_or_create(username="boss")[0]
    deciding.hold(disbursement_id=row.pk, by=boss, reason="wait", at=NOW)
    row.refresh_from_db()
    return row


def unknown(world: World) -> Disbursement:
    world.daraja.plan.append(OutcomeUnknown("the answer was lost"))
    row = world.sent()
    assert row.status == Status.UNKNOWN
    return row


def above_the_limit(world: World) -> Disbursement:
    world.partner.approval_limit = 5000
    world.partner.save()
    world.approve()
    row = world.take()
    checking.check(disbursement_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert row.hold_cause == Cause.SECOND_PERSON
    return row


OFFERED = {
    Status.DETECTED: {"hold", "cancel"},
    Status.READY: {"hold", "cancel"},
    Status.SENDING: set(),
    Status.ACCEPTED: {"ask"},
    Status.UNKNOWN: {"ask", "propose"},
    Status.PAID: set(),
    Status.COMPLETED: set(),
    Status.FAILED: {"retry", "cancel"},
    Status.CANCELLED: {"retry"},
}


@pytest.mark.parametrize("status", OFFERED)
def test_only_what_fits_is_offered(status: Status) -> None:
    assert offered(Disbursement(status=status), proposal=None) == OFFERED[status]


@pytest.mark.parametrize(
    ("cause", "fits"),
    [
        (Cause.PHONE, {"hold", "release", "cancel"}),
        (Cause.BY_PERSON, {"release", "cancel"}),
        (Cause.SECOND_PERSON, {"hold", "approve", "cancel"}),
    ],
)
def test_what_is_offered_for_a_held_one_depends_on_its_cause(cause: Cause, fits: set[str]) -> None:
    assert offered(Disbursement(status=Status.HELD, hold_cause=cause), proposal=None) == fits


def test_hold_and_release_go_through_with_a_reason_and_an_audit_line(world: World) -> None:
    pages, row = login("mary", SEES, OPERATES), world.ready()
    press(pages, row, "hold", "the branch called")
    row.refresh_from_db()
    assert (row.status, row.hold_cause) == (Status.HELD, Cause.BY_PERSON)
    press(pages, row, "release", "the branch called again")
    row.refresh_from_db()
    assert row.status == Status.DETECTED
    lines = AuditLine.objects.order_by("at").values_list("actor_name", "action", "reason")
    assert list(lines) == [
        ("mary", "hold", "the branch called"),
        ("mary", "release", "the branch called again"),
    ]


def test_without_a_reason_nothing_happens(world: World) -> None:
    pages, row = login("mary", SEES, OPERATES), world.ready()
    answer = press(pages, row, "hold", reason=" ")
    assert "HX-Redirect" not in answer.headers
    row.refresh_from_db()
    assert row.status == Status.READY


@pytest.mark.parametrize("name", ACTS)
def test_asking_for_a_dialog_does_nothing(world: World, name: str) -> None:
    pages, row = login("root", SEES, OPERATES, APPROVES), held(world)
    before = AuditLine.objects.count()
    said = shown(pages, f"{LIST}{row.pk}/{name}/")
    assert "KES 9,500 for Jane Doe (2547••••149)" in said
    row.refresh_from_db()
    assert (row.status, AuditLine.objects.count()) == (Status.HELD, before)


@pytest.mark.parametrize("name", ACTS)
def test_who_only_sees_can_do_nothing(world: World, name: str) -> None:
    pages, row = login("viewer", SEES), held(world)
    assert press(pages, row, name).status_code == 403
    assert f"/{name}/" not in shown(pages, page_of(row))
    row.refresh_from_db()
    assert row.status == Status.HELD


def test_the_page_shows_the_buttons_that_fit_and_no_other(world: World) -> None:
    said = shown(login("mary", SEES, OPERATES), page_of(held(world)))
    assert [name for name in ACTS if f"/{name}/" in said] == ["release", "cancel"]


def test_the_second_of_two_operators_is_told_so(world: World) -> None:
    first, second, row = login("mary", SEES, OPERATES), login("john", SEES, OPERATES), held(world)
    assert press(first, row, "release").status_code == 200
    answer = press(second, row, "release")
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, page_of(row))
    assert "does not fit any more" in told(second)
    assert row.events.filter(old="held", new="detected").count() == 1


def test_a_lost_race_is_told_in_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(**_: Any) -> None:
        raise LostRace("moved")

    pages, row = login("mary", SEES, OPERATES), held(world)
    monkeypatch.setattr(deciding, "release", lose)
    assert press(pages, row, "release").status_code == 200
    assert "a moment ago" in told(pages)


def test_an_amount_above_the_limit_needs_two_approvers(world: World) -> None:
    row = above_the_limit(world)
    first, second = login("mary", SEES, APPROVES), login("john", SEES, APPROVES)
    press(first, row, "approve")
    assert "/approve/" not in shown(first, page_of(row))
    press(first, row, "approve")  # again, from an old page
    row.refresh_from_db()
    assert row.status == Status.HELD
    press(second, row, "approve")
    row.refresh_from_db()
    assert row.status == Status.DETECTED


def test_an_operator_cannot_approve(world: World) -> None:
    row = above_the_limit(world)
    assert press(login("mary", SEES, OPERATES), row, "approve").status_code == 403


def test_a_question_is_brought_forward(world: World) -> None:
    row = unknown(world)
    Disbursement.objects.filter(pk=row.pk).update(next_step_at=None)
    pages = login("mary", SEES, OPERATES)
    pages.post(f"{LIST}{row.pk}/ask/", {"_form_submitted": "True"})
    row.refresh_from_db()
    assert row.next_step_at is not None


def test_two_people_settle_an_unknown_payment(world: World) -> None:
    row = unknown(world)
    first, second = login("mary", SEES, APPROVES), login("john", SEES, APPROVES)
    press(first, row, "propose", "in the statement, line 7", outcome="paid", receipt="SG632NMUZZ")
    assert "/agree/" not in shown(first, page_of(row))
    press(first, row, "agree")
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    press(second, row, "agree", "I see it too")
    row.refresh_from_db()
    assert (row.status, row.receipt) == (Status.PAID, "SG632NMUZZ")
    assert balances.of_partner(world.partner.pk).floats[0].held == 0


def test_a_refused_proposal_leaves_it_unknown(world: World) -> None:
    row = unknown(world)
    press(login("mary", SEES, OPERATES), row, "propose", "not there", outcome="not_paid", receipt="")
    press(login("john", SEES, APPROVES), row, "refuse", "look at the second page")
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    assert open_proposal(row) is None
    assert SettlementProposal.objects.get().agreed is False


def test_a_payment_said_to_be_paid_needs_its_receipt(world: World) -> None:
    pages, row = login("mary", SEES, APPROVES), unknown(world)
    press(pages, row, "propose", "I remember it", outcome="paid", receipt=" ")
    assert not SettlementProposal.objects.exists()
    assert "receipt" in told(pages)


def test_the_receipt_of_another_payment_settles_nothing(world: World) -> None:
    world.paid(1)
    row = unknown(world)
    second = login("john", SEES, APPROVES)
    press(login("mary", SEES, APPROVES), row, "propose", "line 7", outcome="paid", receipt=RECEIPT)
    assert press(second, row, "agree").status_code == 200
    assert "another payment already" in told(second)
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    assert open_proposal(row) is not None


def bulk(pages: Client, action: str, rows: list[UUID], **said: str) -> Any:
    ticked = {"action": action, "_selected_action": [str(row) for row in rows], "index": "0"}
    return pages.post(LIST, ticked | said)


def test_many_are_released_after_one_more_page_that_says_how_much(world: World) -> None:
    pages = login("mary", SEES, OPERATES)
    rows = [held(world, 1), held(world, 2), world.ready(3)]
    asked = bulk(pages, "release_many", [row.pk for row in rows]).content.decode()
    assert "2 payments, KES 19,000 together" in asked
    assert "1 of the ticked ones does not fit" in asked
    assert Disbursement.objects.filter(status=Status.HELD).count() == 2
    bulk(pages, "release_many", [row.pk for row in rows[:2]], reason="all clear")
    assert not Disbursement.objects.filter(status=Status.HELD).exists()
    assert AuditLine.objects.filter(action="release", reason="all clear").count() == 2


def test_one_that_does_not_fit_stops_none_of_the_others(world: World) -> None:
    pages = login("mary", SEES, OPERATES)
    row, other = held(world, 1), world.sent(2)
    bulk(pages, "release_many", [row.pk, other.pk], reason="all clear")
    row.refresh_from_db()
    assert row.status == Status.DETECTED
    assert "Loan 000000002" in told(pages)


def test_many_failed_ones_are_tried_again(world: World) -> None:
    rows = [world.sent(1), world.sent(2)]
    for row in rows:
        post_result(row, result(2040))
    bulk(login("mary", SEES, OPERATES), "retry_many", [row.pk for row in rows], reason="registered now")
    assert Disbursement.objects.filter(status=Status.DETECTED).count() == 2


def test_who_only_sees_has_no_bulk_actions(world: World) -> None:
    pages, row = login("viewer", SEES), held(world)
    bulk(pages, "release_many", [row.pk], reason="all clear")
    row.refresh_from_db()
    assert row.status == Status.HELD
