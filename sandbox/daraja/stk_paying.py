"""What the customer does with a question on the phone, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.daraja import c2b_paying, ids
from sandbox.daraja.delivery import GARBAGE
from sandbox.daraja.payments import Question
from sandbox.daraja.state import Shortcode
from sandbox.daraja.stk_codes import SUCCESS, text_of
from sandbox.daraja.tariff import c2b_fees
from sandbox.faults import Fault
from sandbox.world import World

RULE_LIMIT = timedelta(minutes=2)
TAKERS = {"CustomerPayBillOnline": "paybill", "CustomerBuyGoodsOnline": "till"}


async def customer_acts(world: World, question: Question, fault: Fault | None) -> None:
    """Decide the question and tell CallBackURL, as the fault wants it."""
    if question.status != "pending":
        return
    kind = fault.kind if fault is not None else ""
    world.daraja.payments.open_questions.pop(question.phone, None)
    if kind == "silent":  # the customer does nothing, and M-Pesa says nothing
        return
    forced = None
    if fault is not None and kind == "result_code" and not fault.params.get("paid"):
        forced = str(fault.params.get("code", "1032"))
    if forced == SUCCESS:  # success still needs the money
        forced = None
    code = forced or refusal(world, question) or await _pay(world, question)
    question.result_code, question.finished_at = code, world.clock.now()
    question.status = "paid" if code == SUCCESS else "failed"
    if code != SUCCESS:
        world.tell(
            "daraja", f"STK of KES {question.amount} on {question.phone} failed: {code} {text_of(code)}"
        )
    await _tell_as(world, question, fault)


def refusal(world: World, question: Question) -> str | None:
    """The code with which it fails; None if the customer enters the PIN."""
    payer, asked = world.daraja.phone(question.payer), world.daraja.phone(question.phone)
    taker = world.daraja.shortcodes.get(question.shortcode)
    if taker is None:
        return "SFC_IC0003"
    if not _fits(question, taker):
        return "2028"
    if question.strings and world.switches.get("daraja.stk_strings") == "time_out":
        return "1037"
    if not all(one.exists and one.active and one.registered for one in (payer, asked)):
        return "1037"
    refused = c2b_paying.refusal(taker, question.amount)
    if refused is None and world.switches.get("daraja.stk_rule_limit") == "on" and _repeated(world, question):
        return "17"
    charge, _ = c2b_fees(question.amount, taker.c2b_tariff)
    return refused or ("1" if payer.balance < question.amount + charge else None)


def _fits(question: Question, taker: Shortcode) -> bool:
    """A till is paid through its store's or head office's number; a paybill through its own."""
    if taker.organisation != TAKERS[question.kind]:
        return False
    return question.business_shortcode in (taker.number, taker.head_office)


def _repeated(world: World, question: Question) -> bool:
    """The same amount from the same customer within two minutes."""
    return any(
        other.status == "paid"
        and (other.payer, other.amount) == (question.payer, question.amount)
        and question.at - other.at < RULE_LIMIT
        for other in world.daraja.payments.questions.values()
    )


async def _pay(world: World, question: Question) -> str:
    """Pay like any other payment: validation and confirmation of the shortcode take part."""
    taker = world.daraja.shortcodes[question.shortcode]
    payment = c2b_paying.begin(
        world,
        shortcode=taker,
        phone=question.payer,
        amount=question.amount,
        bill_ref=question.reference,
        channel="stk",
    )
    question.receipt = payment.receipt
    await c2b_paying.carry_out(world, payment)
    if payment.status == "completed":
        return SUCCESS
    question.receipt = ""
    return str(world.switches.get("daraja.stk_rejected_code"))


async def _tell_as(world: World, question: Question, fault: Fault | None) -> None:
    kind, params = (fault.kind, fault.params) if fault is not None else ("", {})
    if kind == "result_lost":
        return
    delay = world.latencies.sample("daraja.stk_callback")
    if fault is not None and kind == "result_late":
        delay += fault.seconds(60)
    messages: list[Any] = [_callback(world, question, _spoken(question, kind, params))]
    if kind == "result_twice":
        messages *= 2
    elif kind == "result_garbage":
        messages.insert(0, GARBAGE.get(str(params.get("body", "html")), str(params.get("body"))))
    elif kind == "result_forged":
        messages.insert(0, _callback(world, question, SUCCESS, changes=params))
    elif kind == "result_contradicting":
        opposite = "1032" if question.result_code == SUCCESS else SUCCESS
        place = 0 if params.get("untrue_first") else 1
        messages.insert(place, _callback(world, question, opposite))
    if delay and kind != "result_before_answer":
        world.later(delay, _post_all, world, question, messages)
    else:
        await _post_all(world, question, messages)


def _spoken(question: Question, kind: str, params: Mapping[str, Any]) -> str:
    """With ``paid`` the code is only what the callback says: the money did move."""
    said_only = kind == "result_code" and params.get("paid")
    return str(params.get("code", "1037")) if said_only else question.result_code


async def _post_all(world: World, question: Question, messages: list[Any]) -> None:
    for message in messages:
        if isinstance(message, str):
            headers = {"Content-Type": "application/json"}
            await world.call("POST", question.callback_url, data=message.encode(), headers=headers)
            continue
        await post_callback(world, question, message)


async def post_callback(world: World, question: Question, message: Any = None) -> None:
    """Send a callback, once; without a message the true one."""
    question.callbacks_sent += 1
    body = message if message is not None else _callback(world, question, question.result_code)
    status = await world.call("POST", question.callback_url, json=body)
    if status is None or status >= 400:
        world.tell("daraja", f"stk: the callback found no taker ({status or 'no answer'})")


def _callback(
    world: World, question: Question, code: str, *, changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body for CallBackURL. AccountReference does not come back."""
    as_string = world.switches.get("daraja.result_code_type") == "string" or not code.isdigit()
    told: dict[str, Any] = {
        "MerchantRequestID": question.merchant_request_id,
        "CheckoutRequestID": question.checkout_request_id,
        "ResultCode": code if as_string else int(code),
        "ResultDesc": text_of(code),
    }
    if code == SUCCESS:
        told["CallbackMetadata"] = {"Item": _items(world, question, changes or {})}
    told |= {key: value for key, value in (changes or {}).items() if key in told}
    return {"Body": {"stkCallback": told}}


def _items(world: World, question: Question, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    values: dict[str, Any] = {
        "Amount": float(question.amount),
        "MpesaReceiptNumber": question.receipt or world.daraja.new_receipt(),
        "Balance": None,
        "TransactionDate": int(ids.compact(question.finished_at or question.at)),
        "PhoneNumber": int(question.payer),
    }
    values |= {key: value for key, value in changes.items() if key in values}
    return [
        {"Name": name} if value is None else {"Name": name, "Value": value} for name, value in values.items()
    ]
