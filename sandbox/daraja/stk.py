"""``/mpesa/stkpush/v1/processrequest`` and ``/mpesa/stkpushquery/v1/query``: a question on the customer's phone."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aiohttp import web

from sandbox.daraja import errors, ids
from sandbox.daraja.gateway import Call, not_taken
from sandbox.daraja.payments import Question
from sandbox.daraja.stk_codes import text_of
from sandbox.daraja.stk_paying import customer_acts
from sandbox.routing import answer
from sandbox.world import World

CLOCK_TOLERANCE = timedelta(minutes=15)


def no_merchant(world: World, party: str) -> web.Response:
    """STK refuses a shortcode that it does not know in words of its own."""
    return errors.refusal(world, 500, "500.001.1001", "Merchant does not exist")


def _refused_password(world: World, call: Call) -> web.Response | None:
    """The password is Base64 of shortcode, passkey and timestamp."""
    body = call.body
    expected = base64.b64encode(
        f"{body['BusinessShortCode']}{call.shortcode.passkey}{body['Timestamp']}".encode()
    )
    sound = bool(call.shortcode.passkey) and hmac.compare_digest(expected, body["Password"].encode())
    if not sound:
        return errors.refusal(world, 500, "500.001.1001", "Wrong credentials")
    if world.switches.get("daraja.stk_timestamp") == "nairobi":
        given = datetime.strptime(body["Timestamp"], "%Y%m%d%H%M%S").replace(tzinfo=ids.NAIROBI)
        if abs(given.astimezone(UTC) - world.clock.now()) > CLOCK_TOLERANCE:
            return errors.invalid_field(world, "Timestamp")
    return None


async def push(world: World, call: Call) -> web.Response:
    """Put the question on the phone; what the customer did goes to CallBackURL."""
    refused = _refused_password(world, call)
    if refused is not None:
        return refused
    if call.fault is not None and call.fault.kind == "response_code":
        return not_taken(world, call.fault)
    internal_error = call.fault is not None and call.fault.kind == "duplicate_text_as_internal_error"
    if internal_error and call.fault is not None and not call.fault.params.get("accepted"):
        return errors.refusal(world, 500, "500.001.1001", "Internal Server Error")
    if str(call.body["PhoneNumber"]) in world.daraja.payments.open_questions:
        text = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
        return errors.refusal(world, 500, "500.001.1001", text)
    question = _ask(world, call)
    if call.fault is not None and call.fault.kind == "result_before_answer":
        await customer_acts(world, question, call.fault)
    else:
        world.later(world.latencies.sample("daraja.stk_customer"), customer_acts, world, question, call.fault)
    if internal_error:
        return errors.refusal(world, 500, "500.001.1001", "Internal Server Error")
    return answer(
        {
            "MerchantRequestID": question.merchant_request_id,
            "CheckoutRequestID": question.checkout_request_id,
            "ResponseCode": "0",
            "ResponseDescription": "Success. Request accepted for processing",
            "CustomerMessage": "Success. Request accepted for processing",
        }
    )


def _ask(world: World, call: Call) -> Question:
    """Write the question down. There is no client id, and so no protection against asking twice."""
    body, payments, now = call.body, world.daraja.payments, world.clock.now()
    number = len(payments.questions) + 1
    question = Question(
        merchant_request_id=f"{world.random.randrange(10_000, 100_000)}-{world.random.randrange(10**7, 10**8)}-1",
        checkout_request_id=f"ws_CO_{now.astimezone(ids.NAIROBI):%d%m%Y%H%M%S}{number:04}",
        business_shortcode=str(body["BusinessShortCode"]),
        shortcode=str(body["PartyB"]),
        payer=str(body["PartyA"]),
        phone=str(body["PhoneNumber"]),
        amount=Decimal(str(body["Amount"])),
        kind=body["TransactionType"],
        reference=body["AccountReference"],
        callback_url=body["CallBackURL"],
        at=now,
        strings=isinstance(body["PartyA"], str) or isinstance(body["PhoneNumber"], str),
    )
    payments.questions[question.checkout_request_id] = question
    payments.open_questions[question.phone] = question
    world.tell("daraja", f"STK of KES {question.amount} on {question.phone} for {question.shortcode}")
    return question


async def query(world: World, call: Call) -> web.Response:
    """What became of a question, at once. ``ResultCode`` is text here; 500 while it is pending."""
    refused = _refused_password(world, call)
    if refused is not None:
        return refused
    question = world.daraja.payments.questions.get(call.body["CheckoutRequestID"])
    if question is None or question.business_shortcode != call.shortcode.number:
        return errors.invalid_field(world, "CheckoutRequestID")
    if question.status == "pending":
        return errors.refusal(world, 500, "500.001.1001", "The transaction is being processed")
    return answer(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": question.merchant_request_id,
            "CheckoutRequestID": question.checkout_request_id,
            "ResultCode": question.result_code,
            "ResultDesc": text_of(question.result_code),
        }
    )
