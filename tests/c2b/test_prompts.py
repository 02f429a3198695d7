"""A customer is asked on the phone: once, and only a receipt proves that the customer paid."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Web
from django.utils import timezone

from c2b import prompting, pulling
from c2b.models import C2bTransaction, Collector, StkPush
from c2b.statuses import PromptStatus, Status
from common import tokens
from common.models import InboundMessage
from mifos.accounts import AccountKind
from tests.c2b.make_c2b import World
from tests.c2b.test_mpesa_side import deliver, register
from tests.make import JANE
from tests.sandbox.conftest import Inbox

pytestmark = pytest.mark.django_db

LOAN = {"kind": AccountKind.LOAN, "account_id": 1, "account_no": "000000001"}


def ask(world: World, **changes: Any) -> StkPush:
    wanted = {"partner": world.partner, "phone": "0708374149", "amount": Decimal(300), "asked_by": "ann"}
    return prompting.prompt(**(wanted | LOAN | {"at": timezone.now()} | changes))


def test_a_prompt_is_paid_and_the_payment_knows_its_account(daraja: World, running_inbox: Inbox) -> None:
    daraja.loan()
    daraja.sandbox.control("POST", "daraja/phones", {"phone": JANE, "name": "JANE DOE", "balance": "1000"})
    row = ask(daraja)
    assert (row.status, bool(row.checkout_id)) == (PromptStatus.WAITING, True)
    deliver(running_inbox, "/result")
    message = InboundMessage.objects.get(kind="stk_result")
    paid = prompting.apply(message=message, at=timezone.now())
    row.refresh_from_db()
    payment = C2bTransaction.objects.get(pk=paid)
    assert (row.status, row.mpesa_receipt) == (PromptStatus.PAID, payment.mpesa_receipt)
    assert (payment.channel, payment.amount, payment.customer_phone) == ("stk", 300, JANE)
    from c2b import matching

    matching.match(transaction_id=payment.pk, at=timezone.now())
    payment.refresh_from_db()
    assert (payment.status, payment.matched_by) == (Status.MATCHED, "prompt")
    message.refresh_from_db()
    assert prompting.apply(message=message, at=timezone.now()) is None


def test_a_customer_without_money_is_told_in_words(daraja: World, running_inbox: Inbox) -> None:
    daraja.sandbox.control("POST", "daraja/phones", {"phone": JANE, "name": "JANE DOE", "balance": "0"})
    row = ask(daraja)
    deliver(running_inbox, "/result")
    prompting.apply(message=InboundMessage.objects.get(kind="stk_result"), at=timezone.now())
    row.refresh_from_db()
    assert (row.status, row.reason) == (PromptStatus.FAILED, "The customer has too little money")
    assert not C2bTransaction.objects.exists()


def test_the_same_request_prompts_once(daraja: World) -> None:
    assert ask(daraja, client_request_id="r1").pk == ask(daraja, client_request_id="r1").pk
    assert len(daraja.sandbox.control("GET", "daraja/books")["stk"]) == 1


def test_a_lost_answer_is_unknown_and_never_sent_again(daraja: World) -> None:
    daraja.sandbox.fault("daraja", "stk", "lost", times=1)
    row = ask(daraja)
    assert row.status == PromptStatus.UNKNOWN
    prompting.ask(prompt_id=row.pk, at=timezone.now() + timedelta(minutes=2))
    row.refresh_from_db()
    assert (row.status, row.asks) == (PromptStatus.UNKNOWN, 1)
    assert len(daraja.sandbox.control("GET", "daraja/books")["stk"]) == 1


@pytest.mark.parametrize("amount", ["0", "-5", "250001"])
def test_what_m_pesa_does_not_take_is_not_asked_for(daraja: World, amount: str) -> None:
    with pytest.raises(prompting.CannotPrompt):
        ask(daraja, amount=Decimal(amount))
    assert not StkPush.objects.exists()


def has_money(world: World, balance: int) -> None:
    facts = {"phone": JANE, "name": "JANE DOE", "balance": str(balance)}
    world.sandbox.control("POST", "daraja/phones", facts)


def once(happens: Callable[[], bool]) -> None:
    """Ask the sandbox until something has happened there; each question takes a call over the network."""
    assert any(happens() for _ in range(500))


def asked_again(row: StkPush, **later: int) -> StkPush:
    prompting.ask(prompt_id=row.pk, at=timezone.now() + timedelta(**(later or {"minutes": 2})))
    row.refresh_from_db()
    return row


def apply_all() -> None:
    for message in InboundMessage.objects.filter(kind="stk_result").order_by("received_at"):
        prompting.apply(message=message, at=timezone.now())


def test_m_pesa_is_asked_for_a_refusal_that_got_lost(daraja: World) -> None:
    has_money(daraja, 0)
    daraja.sandbox.fault("daraja", "stk", "result_lost", times=1)
    row = ask(daraja)
    once(lambda: asked_again(row).status == PromptStatus.FAILED)
    assert (row.reason, row.next_step_at) == ("The customer has too little money", None)


def test_a_success_without_a_receipt_is_no_payment_until_pull_tells_of_it(daraja: World) -> None:
    has_money(daraja, 1000)
    daraja.sandbox.fault("daraja", "stk", "result_lost", times=1)
    row, collector = ask(daraja), Collector.objects.get()
    once(lambda: daraja.sandbox.control("GET", "daraja/books")["payments"])
    assert asked_again(row).status == PromptStatus.WAITING
    assert not C2bTransaction.objects.exists()
    assert pulling.pull(collector_id=collector.pk, at=timezone.now() + timedelta(seconds=2)) == 1
    assert asked_again(row).status == PromptStatus.PAID
    assert row.mpesa_receipt == C2bTransaction.objects.get().mpesa_receipt


def test_after_a_day_without_proof_nobody_is_asked_and_the_prompt_says_so(daraja: World) -> None:
    daraja.sandbox.fault("daraja", "stk", "silent", times=1)
    row = ask(daraja)
    assert asked_again(row).next_step_at is not None
    assert asked_again(row, hours=25).next_step_at is None
    assert (row.status, "Pull or the statement" in row.reason) == (PromptStatus.WAITING, True)


def test_a_result_that_names_another_amount_is_no_payment(daraja: World, running_inbox: Inbox) -> None:
    has_money(daraja, 1000)
    daraja.sandbox.fault(
        "daraja",
        "stk",
        "result_forged",
        times=1,
        params={"Amount": 9000.0, "MpesaReceiptNumber": "AAAAAAAAAA"},
    )
    row = ask(daraja)
    deliver(running_inbox, "/result", 2)
    apply_all()
    row.refresh_from_db()
    assert [one.amount for one in C2bTransaction.objects.all()] == [300]
    assert row.mpesa_receipt == C2bTransaction.objects.get().mpesa_receipt != "AAAAAAAAAA"


def test_the_result_and_the_confirmation_of_one_payment_are_one_row(
    daraja: World, running_inbox: Inbox
) -> None:
    has_money(daraja, 1000)
    register(daraja)
    row = ask(daraja)
    deliver(running_inbox, "/confirmation")
    deliver(running_inbox, "/result")
    apply_all()
    payment = C2bTransaction.objects.get()
    row.refresh_from_db()
    assert (payment.notices, row.status, row.mpesa_receipt) == (2, PromptStatus.PAID, payment.mpesa_receipt)


def test_a_wrong_token_finds_nothing(daraja: World) -> None:
    row = ask(daraja)
    wrong = ("0" * 76, "abc", tokens.make("c2b", row.pk), tokens.make(prompting.PURPOSE, row.pk, version=1))
    for token in wrong:
        answer = Web().post(f"/callbacks/stk/{token}/result", data="{}", content_type="application/json")
        assert answer.status_code == 404
    assert not InboundMessage.objects.exists()
