"""A message moves along its table only, with a line of history for each move."""

import pytest
from django.db import transaction

from common.moves import ForbiddenMove, LostRace
from sms.models import SmsNotification, Status
from tests import make
from tests.make import NOW
from tests.sms import make_sms

pytestmark = pytest.mark.django_db
PAIRS = [(old, new) for old in Status for new in Status]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_pair_of_statuses(old: str, new: str) -> None:
    row = make_sms.in_status(make.partner(), old)
    extra = {"delivered_at": NOW} if new == Status.DELIVERED else {}
    if new in SmsNotification.NEXT[old]:
        row._move(new, at=NOW, note="why", **extra)
        assert [(event.old, event.new, event.note) for event in row.events.all()] == [(old, new, "why")]
    else:
        with pytest.raises(ForbiddenMove):
            row._move(new, at=NOW, **extra)
        assert SmsNotification.objects.get().status == old
        assert not row.events.exists()


def test_a_delivered_message_never_moves_again() -> None:
    assert SmsNotification.NEXT[Status.DELIVERED] == frozenset()


def test_the_second_of_two_moves_changes_nothing() -> None:
    row = make_sms.in_status(make.partner(), Status.SENT)
    same = SmsNotification.objects.get()
    row.mark_delivered(at=NOW)
    with pytest.raises(LostRace), transaction.atomic():
        same.mark_undelivered(at=NOW, reason="absent")
    assert SmsNotification.objects.get().status == Status.DELIVERED
    assert row.events.count() == 1


@pytest.mark.parametrize("status", ["sent", "delivered", "pending", "sending"])
def test_what_may_have_arrived_is_not_sent_again(status: str) -> None:
    row = make_sms.in_status(make.partner(), status)
    with pytest.raises(ForbiddenMove):
        row.send_again(gateway_id=None, at=NOW, note="")
    assert SmsNotification.objects.get().status == status


@pytest.mark.parametrize(("status", "unconfirmed"), [("failed", False), ("sent", True)])
def test_a_person_may_send_a_failed_or_unconfirmed_message_again(status: str, unconfirmed: bool) -> None:
    owner = make.partner()
    account = make_sms.gateway(owner)
    row = make_sms.in_status(owner, status, unconfirmed=unconfirmed, tries=6, on_second=True)
    row.send_again(gateway_id=account.pk, at=NOW, note="sent again by mary")
    row.refresh_from_db()
    assert (row.status, row.tries, row.on_second, row.unconfirmed) == (Status.PENDING, 0, False, False)
    assert (row.next_step_at, row.gateway_id) == (NOW, account.pk)
    assert row.events.get().note == "sent again by mary"
