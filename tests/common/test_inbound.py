"""Stored messages: applied once, however many workers have them in hand."""

from datetime import timedelta

import pytest
from django.test import RequestFactory

from common import inbound
from common.models import InboundMessage
from tests import make

pytestmark = pytest.mark.django_db


def stored(**options: timedelta) -> InboundMessage:
    request = RequestFactory().post("/", data=b'{"n": 1}', content_type="application/json")
    message, fresh = inbound.receive(
        request, source="mifos", kind="mifos_hook", subject_id=None, at=make.NOW, **options
    )
    assert fresh
    return InboundMessage.objects.get(pk=message.pk)


def test_who_was_slower_does_not_wake_what_was_applied() -> None:
    slower = stored()
    inbound.applied(slower.pk, outcome="paid", at=make.NOW)
    inbound.postpone(slower, reason="the row moved meanwhile", at=make.NOW)
    row = InboundMessage.objects.get()
    assert (row.next_step_at, row.outcome, row.tries) == (None, "paid", 0)


def test_a_message_that_cannot_be_applied_yet_is_due_again() -> None:
    inbound.postpone(stored(), reason="no such row yet", at=make.NOW)
    row = InboundMessage.objects.get()
    assert (row.next_step_at, row.tries) == (make.NOW + timedelta(seconds=inbound.RETRY_GAPS[0]), 1)


def test_the_sweep_leaves_a_fresh_message_to_who_acts_on_it_at_once() -> None:
    assert stored(sweep_after=timedelta(seconds=5)).next_step_at == make.NOW + timedelta(seconds=5)


XML = [
    "<Password>hidden</Password>",
    "<n:Password xsi:type='x'>hidden</n:Password>",
    "<Password><![CDATA[hid<den]]></Password>",
    "<HashVal>\nhidden\n</HashVal>",
    "<SecretKey>hidden",
]


@pytest.mark.parametrize("element", XML)
def test_no_secret_of_an_xml_body_is_kept(element: str) -> None:
    kept = inbound.redacted(f"<a><TransID>FT1</TransID>{element}")
    assert "hid" not in kept
    assert "<TransID>FT1</TransID>" in kept


def test_what_no_database_stores_is_replaced() -> None:
    kept = inbound.redacted('{"Password": "hidden", "name": "J\\ud800"}')
    assert kept == '{"Password": "[removed]", "name": "J?"}'


def test_a_body_in_an_encoding_where_no_secret_is_found_is_not_kept() -> None:
    body = "<Password>hidden</Password>".encode("utf-16")
    request = RequestFactory().post("/", data=body, content_type="text/xml")
    message, _ = inbound.receive(request, source="ncba", kind="ncba_refused", subject_id=None, at=make.NOW)
    assert message.body == "[56 bytes of another encoding]"
