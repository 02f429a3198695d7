"""M-Pesa gives a payment back when two people want it: once, whatever happens to the request and its result."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as Web
from django.urls import reverse

from c2b import desk, giving_back, matching, tasks
from c2b.desk import NotPossible
from c2b.models import C2bTransaction
from c2b.reversals import NEXT, Reversal, ReversalStatus
from c2b.statuses import Status
from common import tokens
from common.models import InboundMessage
from common.moves import ForbiddenMove
from mpesa import operations as mpesa
from tests import make
from tests.c2b.make_c2b import World, notice
from tests.c2b.test_desk import who as with_rights
from tests.make import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def paid(world: World, settings: Any) -> C2bTransaction:
    """A payment in suspense that M-Pesa's books have too, to a shortcode with an API operator."""
    settings.MPESA_BASE_URL = f"{world.sandbox.url}/daraja"
    settings.PUBLIC_BASE_URL = "https://vault.example"
    mpesa._tokens.cache_clear()
    certificate = world.sandbox.get("/control/daraja/certificate").text
    secrets = {"consumer_key": "k", "consumer_secret": "s", "initiator": "op", "initiator_password": "p"}
    world.sandbox.control("POST", "daraja/shortcodes", {"number": "600100", "kind": "c2b"} | secrets)
    type(world.shortcode).objects.update(certificate=certificate, **secrets)
    made = {"shortcode": "600100", "phone": make.JANE, "amount": "500", "bill_ref": "tithe"}
    receipt = world.sandbox.control("POST", "daraja/pay", made)["receipt"]
    return world.matched(TransID=receipt, BillRefNumber="tithe")


def who(name: str) -> Any:
    return get_user_model().objects.get_or_create(username=name)[0]


def ordered(row: C2bTransaction) -> Reversal:
    desk.give_back(transaction_id=row.pk, by=who("ann"), reason="sent by mistake", at=NOW)
    assert not Reversal.objects.exists(), "one person is not enough, however small it is"
    desk.agree(transaction_id=row.pk, by=who("ben"), reason="yes", at=NOW)
    return Reversal.objects.get()


def result(reversal: Reversal, code: str, what: str = "result", **more: Any) -> None:
    """Post a result as M-Pesa does, and act on it."""
    body = {
        "Result": {"ResultType": 0, "ResultCode": code, "ResultDesc": "so", "TransactionID": "SF3REV0001"}
        | more
    }
    address = f"/callbacks/reversal/{tokens.make('reversal', reversal.pk)}/{what}"
    assert Web().post(address, data=body, content_type="application/json").status_code == 200
    for message in InboundMessage.objects.filter(applied_at__isnull=True):
        giving_back.apply(message=message, at=LATER)
    reversal.refresh_from_db()


def state(reversal: Reversal) -> tuple[str, str]:
    reversal.refresh_from_db()
    return reversal.status, C2bTransaction.objects.get(pk=reversal.transaction_id).status


@pytest.mark.django_db(transaction=True)
def test_two_people_and_the_customer_has_the_money(world: World, paid: C2bTransaction) -> None:
    reversal = ordered(paid)
    giving_back.send(reversal_id=reversal.pk, at=NOW)
    assert state(reversal) == ("accepted", "unmatched")
    result(reversal, "0")
    assert state(reversal) == ("done", "reversed")
    assert "SF3REV0001" in C2bTransaction.objects.get().reason


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "status"), [("lost", "unknown"), ("html_after", "unknown"), ("html", "unknown")]
)
def test_a_lost_answer_is_doubt_and_asked_again(
    world: World, paid: C2bTransaction, fault: str, status: str
) -> None:
    reversal = ordered(paid)
    world.sandbox.fault("daraja", "reversal", fault, times=1)
    giving_back.send(reversal_id=reversal.pk, at=NOW)
    assert state(reversal) == (status, "unmatched")
    assert reversal.next_step_at is not None
    giving_back.send(reversal_id=reversal.pk, at=LATER)
    assert state(reversal) == ("accepted", "unmatched")
    assert reversal.tries == 2


@pytest.mark.django_db(transaction=True)
def test_a_request_that_never_left_is_wanted_still(paid: C2bTransaction, settings: Any) -> None:
    reversal = ordered(paid)
    settings.MPESA_BASE_URL = "http://127.0.0.1:9"
    giving_back.send(reversal_id=reversal.pk, at=NOW)
    assert state(reversal) == ("wanted", "unmatched")


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("R000001", ("done", "reversed")),
        ("R000002", ("failed", "unmatched")),
        ("1", ("failed", "unmatched")),
        ("2001", ("failed", "unmatched")),
        ("17", ("accepted", "unmatched")),
        ("999", ("accepted", "unmatched")),
    ],
)
def test_each_code_means_what_it_proves(paid: C2bTransaction, code: str, ends: tuple[str, str]) -> None:
    reversal = ordered(paid)
    Reversal.objects.update(status=ReversalStatus.ACCEPTED)
    result(reversal, code)
    assert state(reversal) == ends


def test_a_timeout_notice_and_a_stranger_s_result_decide_nothing(paid: C2bTransaction) -> None:
    reversal = ordered(paid)
    Reversal.objects.update(status=ReversalStatus.ACCEPTED)
    result(reversal, "1", "timeout")
    other = {"ResultParameter": [{"Key": "OriginalTransactionID", "Value": "SF3OTHER01"}]}
    result(reversal, "0", ResultParameters=other)
    assert state(reversal) == ("accepted", "unmatched")


def test_while_it_is_under_way_nobody_decides_otherwise(world: World, paid: C2bTransaction) -> None:
    ordered(paid)
    with pytest.raises(NotPossible, match="may be giving it back"):
        desk.mark_returned(transaction_id=paid.pk, reference="X", by=who("ann"), reason="r", at=NOW)
    with pytest.raises(NotPossible, match="may be giving it back"):
        desk.look_again(transaction_id=paid.pk, by=who("ann"), reason="r", at=NOW)
    world.loan()
    world.post(notice(TransID=paid.mpesa_receipt))
    matching.match(transaction_id=paid.pk, at=NOW)
    assert C2bTransaction.objects.get().status == Status.UNMATCHED


def test_after_a_refusal_the_desk_is_open_again(paid: C2bTransaction) -> None:
    reversal = ordered(paid)
    Reversal.objects.update(status=ReversalStatus.ACCEPTED)
    result(reversal, "1")
    paid.refresh_from_db()
    assert "was not given back" in paid.attention
    assert desk.mark_returned(transaction_id=paid.pk, reference="SF3X", by=who("ann"), reason="r", at=NOW)


def test_a_result_that_comes_after_the_end_and_says_otherwise_is_told(paid: C2bTransaction) -> None:
    reversal = ordered(paid)
    Reversal.objects.update(status=ReversalStatus.ACCEPTED)
    result(reversal, "1")
    result(reversal, "0")
    assert state(reversal) == ("failed", "unmatched")
    assert "says otherwise" in C2bTransaction.objects.get().contradiction


def test_the_buttons_of_the_desk_lead_to_a_reversal_by_two_people(paid: C2bTransaction) -> None:
    page, web = reverse("admin:c2b_desk_of_one", args=[paid.pk]), Web()
    web.force_login(with_rights("olga", "view", "operate"))
    assert b'value="give_back"' in web.get(page).content
    web.post(page, {"act": "give_back", "reason": "sent by mistake"})
    assert web.post(page, {"act": "agree", "reason": "yes"}).status_code == 403
    assert not Reversal.objects.exists()
    web.force_login(with_rights("eve", "view", "approve"))
    web.post(page, {"act": "agree", "reason": "I rang the customer"})
    assert Reversal.objects.get().status == ReversalStatus.WANTED


def test_without_an_operator_it_is_done_on_the_portal(world: World) -> None:
    row = world.matched(BillRefNumber="tithe")
    with pytest.raises(NotPossible, match="no API operator"):
        desk.give_back(transaction_id=row.pk, by=who("ann"), reason="r", at=NOW)


def test_a_wrong_token_finds_nothing() -> None:
    for path in (f"{'0' * 76}/result", f"{tokens.make('stk', make.partner().pk)}/timeout"):
        assert (
            Web().post(f"/callbacks/reversal/{path}", data="{}", content_type="application/json").status_code
            == 404
        )


def test_the_sweep_takes_up_what_is_wanted_and_what_was_stored(
    paid: C2bTransaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    reversal = ordered(paid)
    sent: list[str] = []
    monkeypatch.setattr(tasks.nudge, "send", lambda task, row_id: sent.append(f"{task.name} {row_id}"))
    tasks.sweep()
    assert f"c2b.tasks.give_back {reversal.pk}" in sent


@pytest.mark.parametrize("old", ReversalStatus.values)
@pytest.mark.parametrize("new", ReversalStatus.values)
def test_a_reversal_moves_only_along_its_table(paid: C2bTransaction, old: str, new: str) -> None:
    reversal = ordered(paid)
    Reversal.objects.update(status=old)
    reversal.refresh_from_db()
    if new in NEXT[old]:
        reversal.move(new, at=NOW, note="so")
        assert Reversal.objects.get().status == new
    else:
        with pytest.raises(ForbiddenMove):
            reversal.move(new, at=NOW, note="so")
