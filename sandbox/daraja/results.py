"""The JSON of results and timeout notices, in the portal's shapes and in those that the field has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.daraja import ids
from sandbox.daraja.codes import SUCCESS, text_of
from sandbox.daraja.state import Payout
from sandbox.world import World

INTERNAL_URL = "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"
QUEUE_REFERENCE = {"Key": "QueueTimeoutURL", "Value": INTERNAL_URL}
TIMED_OUT = "The service request has timed out."

Parameter = dict[str, Any]


def parameter(key: str, *value: Any) -> Parameter:
    """One entry of ``ResultParameter``; without a value the key stands alone."""
    return {"Key": key, "Value": value[0]} if value else {"Key": key}


def result(
    world: World,
    *,
    code: str,
    originator_conversation_id: str,
    conversation_id: str,
    transaction_id: str,
    parameters: Sequence[Parameter] | Parameter | None = None,
    references: Sequence[Parameter] | Parameter = (),
    text: str | None = None,
    strings: bool = False,
) -> dict[str, Any]:
    """A whole result body.

    ``strings``: this API writes ResultType and ResultCode as strings (balance, B2B).
    """
    body: dict[str, Any] = {
        "ResultType": "0" if strings else 0,
        "ResultCode": _code(world, code, strings=strings),
        "ResultDesc": text_of(code) if text is None else text,
        "OriginatorConversationID": originator_conversation_id,
        "ConversationID": conversation_id,
        "TransactionID": transaction_id,
    }
    if parameters is not None:
        body["ResultParameters"] = {"ResultParameter": _parameters(world, parameters)}
    body["ReferenceData"] = {"ReferenceItem": _references(world, references)}
    return {"Result": body}


def _code(world: World, code: str, *, strings: bool) -> str | int:
    wanted = world.switches.get("daraja.result_code_type")
    as_string = wanted == "string" or (wanted == "portal" and strings)
    return code if as_string or not code.isdigit() else int(code)


def _parameters(world: World, given: Sequence[Parameter] | Parameter) -> Any:
    if isinstance(given, dict):
        return given
    made = list(given)
    if world.switches.get("daraja.missing_value") == "on" and made:
        made[-1] = {"Key": made[-1]["Key"]}
    if world.switches.get("daraja.key_order") == "shuffled":
        world.random.shuffle(made)
    return made


def _references(world: World, given: Sequence[Parameter] | Parameter) -> Any:
    wanted = world.switches.get("daraja.reference_item")
    if wanted == "list" and isinstance(given, dict):
        return [given]
    if wanted == "object" and not isinstance(given, dict) and given:
        return given[0]
    return given if isinstance(given, dict) else list(given)


def of_payout(
    world: World,
    payout: Payout,
    *,
    code: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The result of a payout as it is, or as if its code were another."""
    code = payout.result_code if code is None else code
    echo = world.switches.get("daraja.result_id") == "echo"
    paid = code == SUCCESS
    return result(
        world,
        code=code,
        originator_conversation_id=payout.originator_conversation_id if echo else payout.gateway_id,
        conversation_id=payout.conversation_id,
        transaction_id=payout.receipt if paid else failed_transaction_id(world),
        parameters=_paid_parameters(world, payout, changes or {}) if paid else _failed_parameters(world),
        references=QUEUE_REFERENCE,
    )


def _paid_parameters(world: World, payout: Payout, changes: Mapping[str, Any]) -> list[Parameter]:
    phone, funds = world.daraja.phone(payout.phone), payout.funds
    values: dict[str, Any] = {
        "TransactionAmount": int(payout.amount),
        "TransactionReceipt": payout.receipt,
        "ReceiverPartyPublicName": f"{payout.phone} - {phone.name}",
        "TransactionCompletedDateTime": ids.dotted(payout.finished_at or payout.at),
        "B2CUtilityAccountAvailableFunds": float(funds.get("utility", 0)),
        "B2CWorkingAccountAvailableFunds": float(funds.get("working", 0)),
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": float(funds.get("charges_paid", 0)),
    }
    values |= {key: value for key, value in changes.items() if key in values}
    return [parameter(key, value) for key, value in values.items()]


def _failed_parameters(world: World) -> list[Parameter] | Parameter | None:
    shape = world.switches.get("daraja.failure_parameters")
    if shape == "none":
        return None
    only = parameter("BOCompletedTime", int(ids.compact(world.clock.now())))
    return only if shape == "object" else [only]


def failed_transaction_id(world: World) -> str:
    """What a failed result calls its transaction: a real-looking id or a generic one."""
    shape = world.switches.get("daraja.failed_transaction_id")
    if shape == "mixed":
        shape = world.random.choice(("real", "generic"))
    return world.daraja.new_receipt() if shape == "real" else ids.generic_receipt(world.clock.now())


def timeout_notice(
    world: World, request: Mapping[str, Any], originator_conversation_id: str, conversation_id: str
) -> dict[str, Any] | None:
    """The undocumented notice to QueueTimeOutURL; None is an empty body.

    All shapes but the empty one carry the SecurityCredential, as was seen in production.
    """
    shape = world.switches.get("daraja.timeout_body")
    if shape == "empty":
        return None
    if shape == "flat":
        return dict(request)
    credential = request.get("SecurityCredential", "")
    if shape == "code":
        return {"ResultType": 1, "ResultCode": 1, "ResultDesc": TIMED_OUT, "SecurityCredential": credential}
    body = result(
        world,
        code="1",
        originator_conversation_id=originator_conversation_id,
        conversation_id=conversation_id,
        transaction_id=ids.generic_receipt(world.clock.now()),
        references=[QUEUE_REFERENCE, parameter("SecurityCredential", credential)],
        text=TIMED_OUT,
    )
    body["Result"]["ResultType"] = 1
    return body
