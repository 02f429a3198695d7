"""Notices of NCBA as values: every layout, every name, and everything that is no notice."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.wallet import make_bank
from wallet.ncba_settings import NcbaSettings
from wallet.notices import Unreadable, hash_is_sound, moment, read_account, read_paybill

NCBA = NcbaSettings()
PAYBILL = (make_bank.SAMPLES / "paybill.json").read_bytes()
ACCOUNT = (make_bank.SAMPLES / "account.xml").read_bytes()


def test_the_paybill_sample_is_read_whole() -> None:
    found = read_paybill(PAYBILL, is_xml=False)
    assert (found.trans_id, found.receipt, found.core_reference) == (
        "RKL51ZDR4F",
        "RKL51ZDR4F",
        "FTC0000000001",
    )
    assert (found.amount, found.event_at) == (Decimal("5.00"), datetime(2026, 6, 3, 7, 15, 30, tzinfo=UTC))
    assert (found.bill_reference, found.narrative) == ("123456 KILIMO", "KILIMO")
    assert (found.phone, found.payer) == ("254708374149", "JANE DOE")
    assert (found.fields.text("Username"), found.fields.text("Password")) == ("pusher", "push-pass")


def test_the_account_sample_is_read_whole() -> None:
    found = read_account(ACCOUNT)
    assert (found.trans_id, found.receipt, found.core_reference) == ("FT26154ABCDE", "", "FT26154ABCDE")
    assert (found.amount, found.event_at) == (Decimal(5000), datetime(2026, 6, 3, 7, 15, tzinfo=UTC))
    assert (found.narrative, found.payer) == ("123456 KILIMO optional", "JANE DOE")


def test_the_xml_layout_of_a_paybill_notice_uses_other_names_for_the_same() -> None:
    fields = make_bank.paybill()
    plain = read_paybill(json.dumps(fields).encode(), is_xml=False)
    aliased = make_bank.as_aliases(fields)
    found = read_paybill(make_bank.xml(aliased).encode(), is_xml=True)
    assert (found.receipt, found.phone, found.payer) == (plain.receipt, plain.phone, plain.payer)
    assert found.fields.text("Hash") == plain.fields.text("Hash")
    secret_key = {"SecretKey" if name == "HashVal" else name: value for name, value in aliased.items()}
    third = read_paybill(make_bank.xml(secret_key).encode(), is_xml=True)
    assert third.fields.text("Hash") == plain.fields.text("Hash")


def test_a_negative_amount_is_money_that_left() -> None:
    assert read_account(make_bank.xml(make_bank.line(TransAmount="-5000.00")).encode()).amount == -5000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260603101530", datetime(2026, 6, 3, 7, 15, 30, tzinfo=UTC)),
        ("2606030015", datetime(2026, 6, 2, 21, 15, tzinfo=UTC)),
        ("20261303101530", None),
        ("2606032561", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_both_times_are_nairobi_and_what_is_no_time_is_none(text: str, expected: datetime | None) -> None:
    assert moment(text) == expected


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;">]>'
    "<a><TransID>&y;</TransID><TransAmount>1</TransAmount></a>"
)
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><TransID>FT1</TransID><TransAmount>1</TransAmount></a>'
NOT_XML = [
    b"",
    b"hello",
    b"{}",
    b"<a>",
    b"<a/>",
    b"<html><body>Bad gateway</body></html>",
    BOMB.encode(),
    OUTSIDE.encode(),
    ACCOUNT.decode().encode("utf-16"),
    b'<?xml version="1.0" encoding="no-such-thing"?><a><TransID>1</TransID></a>',
    "<a><TransID>é</TransID></a>".encode("latin-1"),
    b"<a>" * 50_000,
]


@pytest.mark.parametrize("body", NOT_XML, ids=range(len(NOT_XML)))
def test_what_is_no_xml_notice_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_account(body)


NOT_JSON = [
    b"",
    b"[]",
    b"null",
    b'"text"',
    b"{",
    b"[" * 100_000,
    PAYBILL.decode().encode("utf-16"),
    PAYBILL.replace(b"JANE", b"J\xff\xfe"),
    PAYBILL.replace(b'"5.00"', b'{"a": 1}'),
    PAYBILL.replace(b'"5.00"', b'"five"'),
    PAYBILL.replace(b'"5.00"', b'"5.001"'),
    PAYBILL.replace(b'"5.00"', b'"NaN"'),
    PAYBILL.replace(b'"5.00"', b'""'),
    PAYBILL.replace(b"RKL51ZDR4F", b""),
    PAYBILL.replace(b"RKL51ZDR4F", b"R" * 41),
    PAYBILL.replace(b"JANE", b"J\\u0000"),
]


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_no_json_notice_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_paybill(body, is_xml=False)


def test_an_amount_may_be_a_number_and_half_a_character_is_replaced() -> None:
    body = PAYBILL.replace(b'"5.00"', b"5.10").replace(b"JANE", b"J\\ud800")
    found = read_paybill(body, is_xml=False)
    assert (found.amount, found.payer) == (Decimal("5.10"), "J? DOE")


def sound(fields: dict[str, str], *, credited: str = "880100", secret: str = make_bank.SECRET) -> bool:
    found = read_paybill(json.dumps(fields).encode(), is_xml=False).fields
    known = {"CreditAccount": credited}
    return hash_is_sound(found, secret=secret, names=NCBA.hash_fields_paybill, known=known)


def test_the_hash_of_a_paybill_notice_is_base64_of_the_hex_text() -> None:
    assert make_bank.sealed("abc") == (
        "YmE3ODE2YmY4ZjAxY2ZlYTQxNDE0MGRlNWRhZTIyMjNiMDAzNjFhMzk2MTc3YTljYjQxMGZmNjFmMjAwMTVhZA=="
    )
    fields = make_bank.paybill()
    assert sound(fields)
    assert sound(fields | {"Hash": fields["Hash"] + "="})
    assert sound(fields | {"Hash": f" {fields['Hash'].rstrip('=')}\n"})


def test_a_hash_of_other_fields_another_secret_or_another_account_is_wrong() -> None:
    fields = make_bank.paybill()
    assert not sound(fields | {"TransAmount": "5001.00"})
    assert not sound(fields, secret="other")
    assert not sound(fields, credited=make_bank.TILL)
    assert not sound(fields | {"Hash": ""})
    assert sound(make_bank.paybill(credited=make_bank.TILL), credited=make_bank.TILL)


def test_the_hash_of_an_account_notice_covers_its_own_fields() -> None:
    for fields, right in ((make_bank.line(), True), (make_bank.line() | {"Narrative": "X"}, False)):
        found = read_account(make_bank.xml(fields).encode()).fields
        assert right == hash_is_sound(
            found, secret=make_bank.SECRET, names=NCBA.hash_fields_account, known={"CreditAccount": "880100"}
        )


def test_the_list_of_hashed_fields_can_be_another_one() -> None:
    found = read_paybill(
        json.dumps(make_bank.paybill(Hash=make_bank.sealed("s", "FT26154ABCDE", "KILIMO"))).encode(),
        is_xml=False,
    )
    assert hash_is_sound(found.fields, secret="s", names=("FTRef", "Narrative"), known={})


def test_a_notice_shows_neither_password_nor_hash_when_it_is_printed() -> None:
    assert "push-pass" not in repr(read_paybill(PAYBILL, is_xml=False))
