"""``POST /mpesa/b2b/v1/paymentrequest``: from Working to Utility, with no protection against doubles."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.daraja import ids
from sandbox.daraja.asking import Asked, ask
from sandbox.daraja.balance import account_line
from sandbox.daraja.entries import Movement, enter
from sandbox.daraja.gateway import Call
from sandbox.daraja.results import INTERNAL_URL, parameter
from sandbox.daraja.state import Shortcode
from sandbox.world import World

REFERENCES = [
    {"Key": "BillReferenceNumber", "Value": ""},
    {"Key": "QueueTimeoutURL", "Value": INTERNAL_URL.replace("b2cresults", "b2bresults")},
    {"Key": "Occassion"},
]
TRANSFERS = {  # command: (account that pays, account that receives)
    "BusinessPayToBulk": ("working", "utility"),
    "BusinessTransferFromMMFToUtility": ("working", "utility"),
    "BusinessTransferFromUtilityToMMF": ("utility", "working"),
}
REASONS = {
    "BusinessPayToBulk": "Business Pay to Bulk via API",
    "BusinessTransferFromMMFToUtility": "Business Transfer of Funds from MMF to Utility via API",
    "BusinessTransferFromUtilityToMMF": "Business Transfer of Funds from Utility to MMF via API",
}
ACCOUNT_NAMES = {"working": "Working Account", "utility": "Utility Account"}


async def transfer(world: World, call: Call) -> web.Response:
    """Accept the transfer; what became of it goes to ResultURL."""
    return await ask(world, call, "b2b", _move, _failed)


def _move(asked: Asked) -> dict[str, Any]:
    body, world, payer = asked.call.body, asked.world, asked.call.shortcode
    amount, command = Decimal(str(body["Amount"])), str(body["CommandID"])
    refused = _refusal(world, asked.call, command, amount)
    if refused:
        return _failed(asked, refused)
    source, target = TRANSFERS[command]
    receiver = world.daraja.shortcodes[str(body["PartyB"])]
    receipt, at = world.daraja.new_receipt(), world.clock.now()
    enter(payer, source, -amount, _movement(receipt, at, command, f"to {receiver.number}", receiver))
    enter(receiver, target, amount, _movement(receipt, at, command, f"from {payer.number}", payer))
    world.daraja.transfers.append(
        {
            "receipt": receipt,
            "command": command,
            "from": payer.number,
            "to": receiver.number,
            "amount": f"{amount:.2f}",
            "reference": body["AccountReference"],
            "at": at.isoformat(),
        }
    )
    world.tell("daraja", f"KES {amount} moved from {payer.number} {source} to {receiver.number} {target}")
    left = getattr(payer, source)
    return asked.result(
        "0",
        transaction_id=receipt,
        parameters=[
            parameter("DebitAccountBalance", _java_map(left)),
            parameter("Amount", f"{amount:.2f}"),
            parameter("DebitPartyAffectedAccountBalance", account_line(ACCOUNT_NAMES[source], left)),
            parameter("TransCompletedTime", ids.compact(at)),
            parameter("DebitPartyCharges", ""),
            parameter("ReceiverPartyPublicName", f"{receiver.number} - {receiver.name}"),
            parameter("Currency", "KES"),
            parameter("InitiatorAccountCurrentBalance", _java_map(left)),
        ],
        references=REFERENCES,
        strings=True,
    )


def _movement(receipt: str, at: datetime, command: str, way: str, other: Shortcode) -> Movement:
    return Movement(
        receipt=receipt,
        details=f"{REASONS[command]} {way}",
        reason=REASONS[command],
        at=at,
        other_party=f"{other.number} - {other.name}",
    )


def _refusal(world: World, call: Call, command: str, amount: Decimal) -> str | None:
    if command not in TRANSFERS:
        return "29"
    inside = command != "BusinessPayToBulk"
    if inside and (
        call.body["PartyA"] != call.body["PartyB"] or world.switches.get("daraja.mmf_transfer") == "off"
    ):
        return "2028"
    if str(call.body["PartyB"]) not in world.daraja.shortcodes:
        return "SFC_IC0003"
    return "1" if getattr(call.shortcode, TRANSFERS[command][0]) < amount else None


def _failed(asked: Asked, code: str) -> dict[str, Any]:
    """A failed B2B result carries one parameter as a single object, and its codes as numbers."""
    text = "Receiver party is invalid" if code == "SFC_IC0003" else None
    only = parameter("BOCompletedTime", int(ids.compact(asked.world.clock.now())))
    return asked.result(code, parameters=only, references=REFERENCES, text=text)


def _java_map(held: Decimal) -> str:
    return f"{{Amount={{CurrencyCode=KES, MinimumAmount={int(held * 100)}, BasicAmount={held:.2f}}}}}"
