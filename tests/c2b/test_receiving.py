"""A confirmation is stored before it is answered: one row per receipt, whatever it looks like and however often."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.test import Client as Web
from django.test.utils import CaptureQueriesContext

from c2b import addresses, pulling, reading, receiving
from c2b.models import C2bTransaction, Collector
from c2b.statuses import Channel, Status
from common import tokens
from common.models import InboundMessage
from mpesa.collections import parse_notice, pulled
from partners.models import Shortcode
from tests import make
from tests.c2b.make_c2b import RECEIPT, World, make_world, notice
from tests.make import JANE, NOW
from tests.sandbox.conftest import Sandbox

pytestmark = pytest.mark.django_db

HASH = "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"


def only() -> C2bTransaction:
    return C2bTransaction.objects.get()


def test_a_confirmation_is_one_row_and_the_answer_is_yes(world: World) -> None:
    answer = world.post(notice())
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Success"})
    row = only()
    assert (row.mpesa_receipt, row.amount, row.status) == (RECEIPT, Decimal("500.00"), Status.RECEIVED)
    assert row.paid_at == datetime(2026, 6, 3, 7, 0, tzinfo=UTC)
    assert (row.partner, row.shortcode, row.channel) == (world.partner, world.shortcode, "c2b")
    assert (row.customer_name, row.bill_ref) == ("JANE", "000000001")
    assert json.loads(row.notice)["TransID"] == RECEIPT
    assert row.next_step_at is not None


def test_it_costs_one_statement_that_writes(world: World) -> None:
    world.post(notice(TransID="SG632NMUAA"))  # the connection knows the statement from now on
    with CaptureQueriesContext(connection) as caught:
        world.post(notice())
    writes = [query["sql"] for query in caught if not query["sql"].lstrip().lower().startswith("select")]
    assert len(writes) == 1
    assert writes[0].startswith("execute vault_")
    assert C2bTransaction.objects.count() == 2


@pytest.mark.parametrize(
    ("msisdn", "phone", "digest", "shown"),
    [
        (JANE, JANE, HASH, "2547••••149"),
        ("0708374149", JANE, HASH, "2547••••149"),
        ("2547 ***** 149", "", "", "2547 ***** 149"),
        ("25470****149", "", "", "25470****149"),
        (HASH, "", HASH, "bbff37…"),
        (HASH.upper(), "", HASH, "BBFF37…"),
        (HASH[:34] + " ***** " + HASH[39:], "", "", "bbff37…4af4"),
        (HASH[:62], "", "", "bbff37…"),
        ("", "", "", ""),
        (None, "", "", ""),
        (254708374149, JANE, HASH, "2547••••149"),
    ],
)
def test_every_way_to_write_the_payer_is_taken(
    world: World, msisdn: Any, phone: str, digest: str, shown: str
) -> None:
    row = world.received(MSISDN=msisdn)
    assert (row.customer_phone, row.phone_hash, row.msisdn_raw) == (phone, digest, shown)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("5.00", "5"),
        ("10", "10"),
        ("4500", "4500"),
        (10, "10"),
        (10.5, "10.50"),
        ("1,000.00", "1000"),
        ("KES 70", "70"),
        ("99.95", "99.95"),
    ],
)
def test_every_spelling_of_an_amount_is_taken(world: World, written: Any, amount: str) -> None:
    assert world.received(TransAmount=written).amount == Decimal(amount)


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "-5", "ten", "", None, "1.005", [], {}, True, "NaN", "1e400"]
)
def test_what_is_no_payment_is_kept_and_told_not_booked(world: World, amount: Any) -> None:
    assert world.post(notice(TransAmount=amount)).json()["ResultCode"] == 0
    assert not C2bTransaction.objects.exists()
    kept = InboundMessage.objects.get()
    assert (kept.kind, bool(kept.applied_at)) == ("c2b_unreadable", True)
    assert "statement" in kept.outcome


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "null", "{", "[" * 5000, b"\xff\xfe", '{"TransID": "\\u0000"}']
)
def test_garbage_is_acknowledged_and_kept(world: World, body: Any) -> None:
    assert world.post(body).status_code == 200
    assert not C2bTransaction.objects.exists()
    assert InboundMessage.objects.count() == 1


def test_names_may_be_missing_and_a_nul_is_no_trouble(world: World) -> None:
    row = world.received(FirstName=None, MiddleName=None, LastName="\u0000Doe\ud800")
    assert row.customer_name == "Doe?"


def test_the_same_receipt_is_counted_not_doubled(world: World) -> None:
    for _ in range(3):
        world.post(notice())
    row = only()
    assert (row.notices, row.contradiction) == (3, "")


def test_the_same_receipt_with_another_amount_asks_for_a_person(world: World) -> None:
    world.post(notice())
    world.post(notice(TransAmount="900"))
    row = only()
    assert (row.amount, row.notices) == (500, 2)
    assert "KES 900" in row.contradiction


def test_the_same_receipt_at_another_shortcode_asks_for_a_person(world: World) -> None:
    other = make.shortcode("600200", kind=Shortcode.Kind.C2B, partner=make.partner("tujenge"))
    world.post(notice())
    world.post(notice(BusinessShortCode="600200"), shortcode=other)
    row = only()
    assert row.shortcode == world.shortcode
    assert "another shortcode" in row.contradiction


def test_all_channels_share_the_receipt_and_fill_in_what_was_missing(world: World) -> None:
    row = {
        "transactionId": RECEIPT,
        "trxDate": "2026-06-03T10:00:00Z",
        "msisdn": 708374149,
        "sender": "JANE DOE",
    }
    said = pulled(row | {"amount": "500.00", "billreference": ""}, shortcode="600100")
    assert pulling.take_all([said], shortcode=world.shortcode, channel=Channel.PULL, at=NOW) == 1
    world.post(notice())
    found = only()
    assert (found.channel, found.notices, found.bill_ref) == ("pull", 2, "000000001")
    assert (found.customer_phone, found.customer_name) == (JANE, "JANE DOE")
    assert found.paid_at == datetime(2026, 6, 3, 7, 0, tzinfo=UTC)


def test_a_payment_in_suspense_is_looked_at_again_when_its_account_becomes_known(world: World) -> None:
    row = world.matched(BillRefNumber="")
    assert (row.status, row.next_step_at) == (Status.UNMATCHED, None)
    world.post(notice())
    row.refresh_from_db()
    assert row.next_step_at is not None


@pytest.mark.parametrize("what", ["confirmation", "validation", "pull"])
def test_a_wrong_token_finds_nothing(world: World, what: str) -> None:
    for token in (
        "0" * 76,
        "abc",
        tokens.make("b2c", world.shortcode.pk),
        tokens.make("c2b", world.partner.pk),
    ):
        answer = Web().post(f"/callbacks/c2b/{token}/{what}", data="{}", content_type="application/json")
        assert answer.status_code == 404
    assert not C2bTransaction.objects.exists()


def test_the_address_before_the_last_change_still_holds(world: World) -> None:
    Collector.objects.create(shortcode=world.shortcode, token_version=2)
    for version, status in ((2, 200), (1, 200), (0, 404), (3, 404)):
        token = tokens.make("c2b", world.shortcode.pk, version=version)
        answer = Web().post(
            f"/callbacks/c2b/{token}/confirmation", data=json.dumps(notice()), content_type="application/json"
        )
        assert answer.status_code == status


def test_a_shortcode_that_only_pays_out_takes_no_notices(world: World) -> None:
    paying = make.shortcode("600992")
    token = tokens.make("c2b", paying.pk)
    answer = Web().post(f"/callbacks/c2b/{token}/confirmation", data="{}", content_type="application/json")
    assert answer.status_code == 404


def test_a_body_above_the_cap_is_refused(world: World) -> None:
    assert world.post("x" * 70_000).status_code == 413


def test_no_address_holds_a_word_that_daraja_refuses(world: World) -> None:
    found = reading.shortcode_of(world.shortcode.pk)
    assert found is not None
    address = addresses.address(found, "confirmation")
    assert not any(word in address for word in ("mpesa", "safaricom", "exe", "cmd", "sql", "query"))


def test_a_database_that_is_away_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def away(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(receiving, "take", away)
    assert world.post(notice()).status_code == 503


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_meanwhile_loses_no_payment(sandbox: Sandbox) -> None:
    world = make_world(sandbox)
    assert world.post(notice()).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        ours = cursor.fetchone()[0]
    with psycopg2.connect(**connection.get_connection_params()) as other, other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [ours])
    said = parse_notice(json.dumps(notice(TransID="SF30BBBBBB")))
    assert said is not None
    taken = receiving.take(said, shortcode=world.shortcode, channel=Channel.C2B, raw="", at=NOW)
    assert taken.fresh
    assert C2bTransaction.objects.count() == 2
