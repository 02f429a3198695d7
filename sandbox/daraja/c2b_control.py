"""``/control/daraja/pay`` and its kin: customers pay, addresses are deleted, statements are read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

from aiohttp import web

from sandbox.control import Expected, money, need, read
from sandbox.daraja.c2b_confirming import post_confirmation
from sandbox.daraja.c2b_paying import MINIMUM, begin, carry_out
from sandbox.daraja.entries import ACCOUNTS, Movement, enter
from sandbox.daraja.gateway import COLLECTING
from sandbox.daraja.paying import MOBILE
from sandbox.daraja.payments import Payment
from sandbox.daraja.state import Shortcode
from sandbox.daraja.statement import as_csv, bound
from sandbox.daraja.stk_paying import post_callback
from sandbox.daraja.tariff import MAXIMUM
from sandbox.routing import answer
from sandbox.world import World

MOST, AT_ONCE, LISTED = 100_000, 50, 1_000


def c2b_control_routes(world: World) -> list[web.RouteDef]:
    """The control pages about money from customers."""

    async def pay(request: web.Request) -> web.Response:
        return answer(await take_payment(world, await read(request)))

    async def pay_bulk(request: web.Request) -> web.Response:
        return answer(take_many(world, await read(request)))

    async def listed(request: web.Request) -> web.Response:
        return answer(list_payments(world, request.query))

    async def confirm_again(request: web.Request) -> web.Response:
        return answer(await send_again(world, request.match_info["receipt"], await read(request)))

    async def callback_again(request: web.Request) -> web.Response:
        question = world.daraja.payments.questions[request.match_info["id"]]
        if question.status == "pending":
            raise Expected("a question that was answered expected")
        for _ in range(int((await read(request)).get("times", 1))):
            await post_callback(world, question)
        return answer(question.as_dict())

    async def forget_urls(request: web.Request) -> web.Response:
        forgotten = world.daraja.payments.registrations.pop(request.match_info["shortcode"])
        return answer({"forgotten": forgotten.as_dict()})

    async def settle_revenue(request: web.Request) -> web.Response:
        return answer(settle(world, await read(request)))

    async def statement(request: web.Request) -> web.Response:
        return web.Response(text=_statement(world, request.query), content_type="text/csv")

    return [
        web.post("/control/daraja/pay", pay),
        web.post("/control/daraja/pay/bulk", pay_bulk),
        web.get("/control/daraja/payments", listed),
        web.post("/control/daraja/payments/{receipt}/confirmation", confirm_again),
        web.post("/control/daraja/stk/{id}/callback", callback_again),
        web.delete("/control/daraja/urls/{shortcode}", forget_urls),
        web.post("/control/daraja/settle", settle_revenue),
        web.get("/control/daraja/statement.csv", statement),
    ]


async def take_payment(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """A customer pays; answered when it is completed or cancelled, with ``wait`` false at once."""
    need(body, "shortcode", "phone", "amount")
    taker, phone, amount = _taker(world, body), str(body["phone"]), money(body["amount"], "amount")
    bill_ref, name = str(body.get("bill_ref", "")), str(body.get("name") or "")
    stranger = phone not in world.daraja.phones and world.owner_of(phone) is None
    _check(world, phone, amount, bill_ref)
    if name and stranger:
        world.daraja.phone(phone).name = name.upper()
    payment = begin(
        world,
        shortcode=taker,
        phone=phone,
        amount=amount,
        bill_ref=bill_ref,
        channel="control",
        name=name,
    )
    if body.get("wait", True):
        await carry_out(world, payment)
    else:
        world.later(0, carry_out, world, payment)
    return payment.as_dict()


def _taker(world: World, body: dict[str, Any]) -> Shortcode:
    number = str(body["shortcode"])
    shortcode = world.daraja.shortcodes.get(number)
    if shortcode is None or shortcode.kind not in COLLECTING:
        raise Expected(f"shortcode: one of kind c2b or both expected, not {number!r}")
    return shortcode


def _check(world: World, phone: str, amount: Decimal, bill_ref: str) -> None:
    if not MOBILE.match(phone):
        raise Expected(f"phone: twelve digits 2547… or 2541… expected, not {phone!r}")
    if amount < MINIMUM or amount > MAXIMUM or amount != round(amount, 2):
        raise Expected(f"amount: {MINIMUM} to {MAXIMUM} expected, not {amount}")
    if len(bill_ref) > 20:
        raise Expected("bill_ref: at most 20 characters expected")
    payer = world.daraja.phone(phone)
    if not (payer.exists and payer.active and payer.registered):
        raise Expected(f"phone: {phone} has no working M-Pesa")


def take_many(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Many customers pay, each once; their payments go on in the background.

    ``per_second`` spreads them; without it they go as fast as validation allows, fifty at once.
    """
    need(body, "shortcode", "count")
    count, taker = int(body["count"]), _taker(world, body)
    if not 1 <= count <= MOST:
        raise Expected(f"count: 1 to {MOST} expected")
    phones, references = _phones(body, count), _references(body, count)
    amounts = [money(each, "amounts") for each in body.get("amounts") or [body.get("amount", "100")]]
    wanted = list(zip(phones, islice(cycle(amounts), count), references, strict=True))
    for each in wanted:  # all or none
        _check(world, *each)
    made = [
        begin(world, shortcode=taker, phone=phone, amount=amount, bill_ref=ref, channel="control")
        for phone, amount, ref in wanted
    ]
    per_second = float(body.get("per_second", 0))
    if per_second > 0:
        for place, payment in enumerate(made):
            world.later(place / per_second, carry_out, world, payment)
    else:
        waiting = iter(made)
        for _ in range(min(AT_ONCE, count)):
            world.later(0, _work_off, world, waiting)
    total = sum((payment.amount for payment in made), Decimal(0))
    return {"count": count, "total": f"{total:.2f}", "receipts": [payment.receipt for payment in made]}


async def _work_off(world: World, waiting: Iterator[Payment]) -> None:
    for payment in waiting:
        await carry_out(world, payment)
        await asyncio.sleep(0)


def _phones(body: dict[str, Any], count: int) -> list[str]:
    if body.get("phones"):
        return list(islice(cycle(str(phone) for phone in body["phones"]), count))
    first = int(body.get("phone_start", "254700000000"))
    return [str(first + place) for place in range(count)]


def _references(body: dict[str, Any], count: int) -> list[str]:
    if body.get("bill_refs"):
        return list(islice(cycle(str(one) for one in body["bill_refs"]), count))
    if "bill_ref_start" in body:
        return [str(int(body["bill_ref_start"]) + place) for place in range(count)]
    return [str(body.get("bill_ref", ""))] * count


def list_payments(world: World, query: Any) -> dict[str, Any]:
    """Payments from place ``after`` on, at most ``limit``; ``next`` is the next ``after``."""
    after, limit = int(query.get("after", 0)), int(query.get("limit", LISTED))
    payments = world.daraja.payments
    chosen = list(islice(payments.by_receipt.values(), after, after + limit))
    wanted = {name: query[name] for name in ("shortcode", "status", "phone", "bill_ref") if name in query}
    shown = [one for one in chosen if all(getattr(one, name) == value for name, value in wanted.items())]
    return {
        "counts": payments.counts(),
        "next": after + len(chosen),
        "payments": [payment.as_dict() for payment in shown],
    }


async def send_again(world: World, receipt: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send the confirmation of a completed payment now, whatever became of it; ``changes`` alter fields."""
    payment, changes = world.daraja.payments.by_receipt[receipt], body.get("changes")
    registration = world.daraja.payments.registrations.get(payment.shortcode)
    if payment.status != "completed" or registration is None:
        raise Expected("a completed payment to a shortcode with registered addresses expected")
    if changes is not None and not isinstance(changes, dict):
        raise Expected("changes: an object expected")
    for _ in range(int(body.get("times", 1))):
        await post_confirmation(world, payment, registration.version, changes=changes)
    return payment.as_dict()


def settle(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Revenue settlement: what customers paid in goes from Utility to Working, less the charges.

    ``amount``: default what was collected since the last settlement, as far as Utility holds it.
    """
    need(body, "shortcode")
    shortcode = _taker(world, body)
    amount = money(body.get("amount", min(shortcode.collected, max(Decimal(0), shortcode.utility))), "amount")
    if not 0 < amount <= shortcode.utility:
        raise Expected(f"amount: up to {shortcode.utility:.2f} expected, not {amount}")
    charges = (
        min(amount, max(Decimal(0), -shortcode.charges_paid)) if body.get("charges", True) else Decimal(0)
    )
    shortcode.collected -= min(amount, shortcode.collected)
    receipt = world.daraja.new_receipt()

    def move(account: str, moved: Decimal, details: str) -> None:
        movement = Movement(
            receipt=receipt, details=details, reason="Organization Settlement", at=world.clock.now()
        )
        enter(shortcode, account, moved, movement)

    move("utility", -amount, "Revenue Settlement to Working Account")
    move("working", amount, "Revenue Settlement from Utility Account")
    if charges:
        move("working", -charges, "Settlement of charges")
        move("charges_paid", charges, "Settlement of charges")
    world.daraja.transfers.append(
        {
            "receipt": receipt,
            "command": "RevenueSettlement",
            "from": shortcode.number,
            "to": shortcode.number,
            "amount": f"{amount:.2f}",
            "reference": "",
            "at": world.clock.now().isoformat(),
        }
    )
    world.tell("daraja", f"KES {amount} settled to Working of {shortcode.number}")
    return {name: f"{getattr(shortcode, name):.2f}" for name in (*ACCOUNTS, "collected")} | {
        "receipt": receipt
    }


def _statement(world: World, query: Any) -> str:
    shortcode = world.daraja.shortcodes[query.get("shortcode", "")]
    account = query.get("account", "utility")
    if account not in ACCOUNTS:
        raise Expected(f"account: one of {', '.join(ACCOUNTS)} expected, not {account!r}")
    start, end = bound(query.get("from", ""), end=False), bound(query.get("to", ""), end=True)
    return as_csv(world, shortcode, account, start, end)
