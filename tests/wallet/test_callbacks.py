"""NCBA posts its notices: the first time, again, wrong in every way, and while the database is down."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import Client as Web

from common import tokens
from common.models import InboundMessage
from partners.models import Partner
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import as_aliases, line, paybill, post, wallet_of, xml
from wallet import bank as the_bank
from wallet import crediting, tasks
from wallet.bank_models import BankAccount, BankCredit, BankDebit, CreditStatus
from wallet.operations import Contradiction

pytestmark = pytest.mark.django_db
ACCEPTED, REJECTED = (
    {"ResultCode": "0", "ResultDesc": "Success"},
    {"ResultCode": "1", "ResultDesc": "Not accepted"},
)


@pytest.fixture
def bank() -> BankAccount:
    return make_bank.account()


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def result(answer: HttpResponse) -> str:
    """The text of `NCBAPaymentNotificationResult/Result`."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")
    body = ElementTree.fromstring(answer.content)[0]
    (found,) = body
    assert found.tag == "{http://mega.com/ncba}NCBAPaymentNotificationResult"
    return str(found[0].text)


def message() -> InboundMessage:
    return InboundMessage.objects.get()


def test_a_paybill_notice_in_json_is_booked_and_acknowledged(bank, kilimo) -> None:
    answer = post(bank, "paybill", paybill())
    assert (answer.status_code, answer.json()) == (200, ACCEPTED)
    assert wallet_of(kilimo) == 5000
    assert (message().source, message().kind, message().subject_id) == ("ncba", "ncba_paybill", bank.pk)
    assert message().applied_at
    assert BankCredit.objects.get().hash_sound is True


def test_a_paybill_notice_in_xml_is_booked_and_acknowledged_in_xml(bank, kilimo) -> None:
    assert result(post(bank, "paybill", xml(as_aliases(paybill())))) == "OK"
    assert wallet_of(kilimo) == 5000


def test_an_account_notice_is_booked_and_acknowledged(bank, kilimo) -> None:
    assert result(post(bank, "account", xml(line()))) == "OK"
    assert wallet_of(kilimo) == 5000


def test_both_notices_of_one_payment_are_one_credit(bank, kilimo) -> None:
    post(bank, "account", xml(line()))
    post(bank, "paybill", paybill())
    assert wallet_of(kilimo) == 5000
    assert BankCredit.objects.get().receipt == "RKL51ZDR4F"


def test_a_second_time_it_is_acknowledged_and_nothing_happens(bank, kilimo) -> None:
    for _ in range(3):
        assert post(bank, "paybill", paybill()).json() == ACCEPTED
    assert result(post(bank, "account", xml(line()))) == "OK"
    assert result(post(bank, "account", xml(line()))) == "OK: Duplicate Notification"
    assert wallet_of(kilimo) == 5000
    assert InboundMessage.objects.get(kind="ncba_paybill").copies == 3


def test_money_of_nobody_is_acknowledged_and_in_suspense(bank, kilimo) -> None:
    assert post(bank, "paybill", paybill(BillRefNumber="123456 RENT", Narrative="RENT")).json() == ACCEPTED
    assert BankCredit.objects.get().status == CreditStatus.SUSPENSE


def test_a_repeated_id_with_another_amount_is_acknowledged_and_seen(bank, kilimo) -> None:
    post(bank, "paybill", paybill())
    assert post(bank, "paybill", paybill(TransAmount="9000.00")).json() == ACCEPTED
    assert wallet_of(kilimo) == 5000
    assert BankCredit.objects.get().attention


def test_a_debit_is_kept_and_books_nothing(bank, kilimo) -> None:
    debit = line(TransAmount="-50000.00", Narrative="FLOAT TOPUP PV260603A1B2C3D4E5F6")
    assert result(post(bank, "account", xml(debit))) == "OK"
    assert BankDebit.objects.get().amount == 50_000
    assert not BankCredit.objects.exists()


@pytest.mark.parametrize("amount", ["0", "0.00", "-0.00"])
def test_a_notice_without_money_is_acknowledged_and_books_nothing(bank, kilimo, amount) -> None:
    assert post(bank, "paybill", paybill(TransAmount=amount)).json() == ACCEPTED
    assert not BankCredit.objects.exists()
    assert "no money in it" in message().outcome


def test_a_negative_paybill_notice_takes_nothing_from_anybody(bank, kilimo) -> None:
    post(bank, "paybill", paybill())
    assert post(bank, "paybill", paybill(TransAmount="-5000.00")).json() == ACCEPTED
    assert wallet_of(kilimo) == 5000
    assert BankDebit.objects.get().source == "paybill"


def test_a_line_that_the_bank_calls_failed_is_not_money(bank, kilimo) -> None:
    assert result(post(bank, "account", xml(line(Status="FAILED")))) == "OK"
    assert not BankCredit.objects.exists()


def test_a_line_of_another_account_is_acknowledged_and_books_nothing(bank, kilimo) -> None:
    assert result(post(bank, "account", xml(line(AccountNr="9999999999")))) == "OK"
    assert not BankCredit.objects.exists()
    assert "not ours" in message().outcome
    post(bank, "account", xml(line(AccountNr="0001000000001")))
    assert wallet_of(kilimo) == 5000


def test_an_amount_with_one_place_and_a_hashed_phone_are_fine(bank, kilimo) -> None:
    hashed = "9b" * 32
    assert post(bank, "paybill", paybill(TransAmount="5.0", Mobile=hashed)).json() == ACCEPTED
    assert wallet_of(kilimo) == 5


def test_a_time_that_nobody_can_read_does_not_lose_the_money(bank, kilimo) -> None:
    post(bank, "paybill", paybill(TransTime="soon"))
    assert wallet_of(kilimo) == 5000
    assert "time cannot be read" in message().outcome


def test_secrets_are_not_stored(bank, kilimo) -> None:
    hidden = ("push-pass", paybill()["Hash"][:40], line()["HashVal"][:40])
    post(bank, "paybill", paybill())
    post(bank, "account", xml(line()))
    post(
        bank,
        "account",
        xml(line()).replace("<Password>", "<Password a='b'><![CDATA[").replace("</Pass", "]]></Pass"),
    )
    post(bank, "paybill", json.dumps(paybill())[:-1], content_type="application/json")
    post(bank, "account", xml(line()).encode("utf-16"))
    stored = " ".join(InboundMessage.objects.values_list("body", flat=True)).replace("�", "")
    assert InboundMessage.objects.count() == 5
    assert not [secret for secret in hidden if secret in stored]


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "password": lambda: paybill(Password="guess"),
    "user": lambda: paybill(Username="guess"),
    "no password": lambda: paybill(Password=None),
    "no amount": lambda: paybill(TransAmount=None),
    "no id": lambda: paybill(TransID=None),
    "an amount in words": lambda: paybill(TransAmount="five"),
}


@pytest.mark.parametrize("make_body", WRONG.values(), ids=WRONG)
def test_a_wrong_notice_is_answered_1_stored_and_not_acted_on(bank, kilimo, make_body) -> None:
    assert post(bank, "paybill", make_body()).json() == REJECTED
    assert (message().kind, bool(message().applied_at)) == ("ncba_refused", True)
    assert message().outcome.startswith("refused: ")
    assert not BankCredit.objects.exists()


BODIES = [
    " ",
    "hello",
    "{",
    "[]",
    "<a/>",
    "\x00",
    '<!DOCTYPE a [<!ENTITY x "y">]><a><TransID>&x;</TransID></a>',
]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_notice_gets_no_ok_in_either_form(bank, body) -> None:
    assert post(bank, "paybill", body, content_type="application/json").json() == REJECTED
    assert "OK" not in result(post(bank, "paybill", body, content_type="text/xml")).upper()
    assert "OK" not in result(post(bank, "account", body)).upper()
    assert post(bank, "paybill", body, content_type="text/plain").json() == REJECTED


@pytest.mark.parametrize("hash_mode", ["off", "enforce"])
def test_an_encoding_that_the_xml_names_is_read_and_one_that_it_hides_is_refused(
    bank, kilimo, hash_mode
) -> None:
    BankAccount.objects.update(hash_mode=hash_mode)
    body = xml(line(CustomerName="JOSÉ")).encode("latin-1")
    assert "OK" not in result(post(bank, "account", body))
    assert wallet_of(kilimo) == 0
    assert result(post(bank, "account", b'<?xml version="1.0" encoding="ISO-8859-1"?>' + body)) == "OK"
    assert wallet_of(kilimo) == 5000


def test_a_json_notice_in_another_encoding_is_refused_and_stored(bank, kilimo) -> None:
    body = json.dumps(paybill(name="JOSÉ"), ensure_ascii=False).encode("latin-1")
    assert post(bank, "paybill", body, content_type="application/json").json() == REJECTED
    assert (message().kind, wallet_of(kilimo)) == ("ncba_refused", 0)
    assert post(bank, "paybill", paybill(name="JOSÉ")).json() == ACCEPTED
    assert wallet_of(kilimo) == 5000


def test_a_wrong_account_notice_is_answered_200_without_ok(bank, kilimo) -> None:
    assert "OK" not in result(post(bank, "account", xml(line(Password="guess"))))
    assert "OK" not in result(post(bank, "account", json.dumps(line()), content_type="application/json"))
    assert not BankCredit.objects.exists()


def test_what_was_refused_is_taken_when_it_comes_again_after_the_password_was_mended(bank, kilimo) -> None:
    BankAccount.objects.update(push_password="old")
    assert post(bank, "paybill", paybill()).json() == REJECTED
    bank.push_password = "push-pass"
    bank.save()
    assert post(bank, "paybill", paybill()).json() == ACCEPTED
    assert wallet_of(kilimo) == 5000


def test_without_a_password_of_ours_nobody_is_let_in(bank, kilimo) -> None:
    BankAccount.objects.update(push_username="", push_password="")
    assert post(bank, "paybill", paybill(Username="", Password="")).json() == REJECTED


MODES = [("off", None, True), ("log", False, True), ("enforce", None, False)]


@pytest.mark.parametrize(("mode", "sound", "taken"), MODES)
def test_a_wrong_hash_is_ignored_noted_or_refused(bank, kilimo, mode, sound, taken) -> None:
    BankAccount.objects.update(hash_mode=mode)
    assert post(bank, "paybill", paybill(Hash="wrong")).json() == (ACCEPTED if taken else REJECTED)
    assert ("OK" in result(post(bank, "account", xml(line() | {"HashVal": "wrong"})))) == taken
    assert wallet_of(kilimo) == (5000 if taken else 0)
    assert [row.hash_sound for row in BankCredit.objects.all()] == ([sound] if taken else [])


@pytest.mark.parametrize("mode", ["off", "log", "enforce"])
def test_a_right_hash_is_taken_in_every_mode_also_with_an_equals_too_many(bank, kilimo, mode) -> None:
    BankAccount.objects.update(hash_mode=mode)
    fields = paybill()
    assert post(bank, "paybill", fields | {"Hash": fields["Hash"] + "="}).json() == ACCEPTED
    assert result(post(bank, "account", xml(line()))) == "OK"


def test_a_wrong_token_is_404_and_nothing_is_stored(bank) -> None:
    good = tokens.make("ncba", bank.pk)
    for token in (
        "ab" * 38,
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        tokens.make("sms", bank.pk),
        "ab",
    ):
        answer = post(bank, "paybill", paybill(), token=token)
        assert (answer.status_code, answer.content) == (404, b"") or token == "ab"
    assert not InboundMessage.objects.exists()


def test_the_address_before_the_last_renewal_is_still_good_and_the_one_before_it_is_not(bank, kilimo) -> None:
    for version, status in ((0, 404), (1, 200), (2, 200), (3, 404)):
        BankAccount.objects.update(callback_version=2)
        token = tokens.make("ncba", bank.pk, version=version)
        assert post(bank, "paybill", paybill(), token=token).status_code == status


def test_a_huge_body_is_refused_before_it_is_read(bank) -> None:
    assert post(bank, "paybill", paybill(name="x" * 70_000)).status_code == 413


def test_only_a_post_is_taken(bank) -> None:
    path = the_bank.callback_address(bank, "paybill").partition("/callbacks/")[2]
    assert Web().get(f"/callbacks/{path}").status_code == 405


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("what", ["paybill", "account"])
def test_while_the_database_is_down_the_bank_is_told_to_come_again(bank, monkeypatch, error, what) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise error

    body = paybill() if what == "paybill" else xml(line())
    monkeypatch.setattr("common.inbound._insert", down)
    assert post(bank, what, body).status_code == 503
    monkeypatch.setattr(the_bank, "named_by", down)
    assert post(bank, what, body).status_code == 503


def test_what_could_not_be_booked_at_once_is_stored_acknowledged_and_booked_by_the_sweep(
    bank, kilimo, monkeypatch
) -> None:
    def broken(**_: Any) -> str:
        raise OperationalError("the connection was cut")

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(crediting, "take_credit", broken)
        assert post(bank, "paybill", paybill()).json() == ACCEPTED
    assert (wallet_of(kilimo), message().applied_at) == (0, None)
    tasks.apply_notice(str(message().pk))
    tasks.apply_notice(str(message().pk))
    assert wallet_of(kilimo) == 5000


def test_a_credit_that_contradicts_the_ledger_stays_due_with_the_reason(bank, kilimo, monkeypatch) -> None:
    def contradict(**_: Any) -> str:
        raise Contradiction("topup FT26154ABCDE is already booked with another amount")

    monkeypatch.setattr(crediting, "take_credit", contradict)
    assert post(bank, "paybill", paybill()).json() == ACCEPTED
    assert (message().applied_at, message().tries) == (None, 1)
    assert "already booked" in message().outcome


def test_the_credit_is_booked_within_a_second_of_its_notice(bank, kilimo) -> None:
    post(bank, "paybill", paybill())
    assert (BankCredit.objects.get().booked_at - message().received_at).total_seconds() < 1


def test_the_address_holds_none_of_the_words_that_daraja_forbids(bank) -> None:
    address = the_bank.callback_address(bank, "paybill")
    assert not [word for word in ("mpesa", "safaricom", "exe", "cmd", "sql", "query") if word in address]
