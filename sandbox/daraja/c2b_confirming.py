"""How a confirmation goes out: at once, late, twice, never, out of order, unreadable, or after a forged one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.daraja.c2b_magic import magic
from sandbox.daraja.c2b_messages import notice
from sandbox.daraja.delivery import GARBAGE
from sandbox.daraja.payments import HeldBack, Payment
from sandbox.daraja.switches import CONFIRMATION_KINDS
from sandbox.faults import Fault
from sandbox.world import World

REDELIVERIES, REDELIVERY_SECONDS = 3, 60.0


async def confirm(world: World, payment: Payment, version: str) -> None:
    """Send the confirmation of a completed payment on its way; returns at once."""
    delay, fault = world.latencies.sample("daraja.c2b_confirmation"), _fault(world, payment)
    kind = fault.kind if fault is not None else ""
    if fault is None:
        world.later(delay, _send, world, payment, version)
    elif kind == "confirmation_early":
        await post_confirmation(world, payment, version)
    elif kind == "confirmation_late":
        world.later(delay + fault.seconds(3600), _send, world, payment, version)
    elif kind == "confirmation_out_of_order":
        _hold_back(world, payment, version, fault)
    elif kind != "confirmation_lost":
        world.later(delay, _send_as, world, payment, version, fault)


def _fault(world: World, payment: Payment) -> Fault | None:
    fault = None
    if world.faults:
        subject = payment.as_dict() | {"id": payment.receipt}
        fault = world.faults.pick("daraja", "c2b_confirmation", subject, kinds=CONFIRMATION_KINDS)
    if fault is None and world.switches.get("daraja.magic") == "on":
        fault = magic(payment.phone, payment.amount, CONFIRMATION_KINDS)
    if fault is not None:
        world.tell("daraja", f"c2b_confirmation: fault {fault.kind}")
    return fault


async def _send_as(world: World, payment: Payment, version: str, fault: Fault) -> None:
    changed = {key: value for key, value in fault.params.items() if key != "after"}
    if fault.kind == "confirmation_garbage":
        await _post_garbage(world, payment, fault)
    if fault.kind == "confirmation_forged" and not fault.params.get("after"):
        await post_confirmation(world, payment, version, changes=changed)
    await _send(world, payment, version)
    if fault.kind == "confirmation_twice":
        await post_confirmation(world, payment, version)
    if fault.kind == "confirmation_forged" and fault.params.get("after"):
        await post_confirmation(world, payment, version, changes=changed)


async def _send(world: World, payment: Payment, version: str, tries: int = 1) -> None:
    """Send it; by switch again where it was not taken."""
    taken = await post_confirmation(world, payment, version)
    again = world.switches.get("daraja.c2b_redelivery") == "on" and tries <= REDELIVERIES
    if not taken and again:
        world.later(REDELIVERY_SECONDS, _send, world, payment, version, tries + 1)
    if tries == 1:
        _let_go(world, payment.shortcode)


async def post_confirmation(
    world: World, payment: Payment, version: str, *, changes: Mapping[str, Any] | None = None
) -> bool:
    """Post it once; whether it was taken. ``changes`` make it another message, which is not counted."""
    registration = world.daraja.payments.registrations.get(payment.shortcode)
    if registration is None:  # the addresses were deleted meanwhile
        return False
    body = notice(world, payment, version, confirmation=True)
    if changes:
        altered = {**body, **changes}
        await world.call("POST", registration.confirmation_url, json=altered)
        return True
    payment.confirmations_sent += 1
    status = await world.call("POST", registration.confirmation_url, json=body)
    taken = status is not None and 200 <= status < 300
    payment.confirmed += taken
    if not taken:
        world.tell("daraja", f"{payment.receipt}: the confirmation found no taker ({status or 'no answer'})")
    return taken


async def _post_garbage(world: World, payment: Payment, fault: Fault) -> None:
    registration = world.daraja.payments.registrations.get(payment.shortcode)
    if registration is None:
        return
    body = str(fault.params.get("body", "html"))
    headers = {"Content-Type": str(fault.params.get("content_type", "application/json"))}
    text = GARBAGE.get(body, body)
    await world.call("POST", registration.confirmation_url, data=text.encode(), headers=headers)


def _hold_back(world: World, payment: Payment, version: str, fault: Fault) -> None:
    """Keep it until so many later ones of the shortcode were sent, but not for ever."""
    held = HeldBack(payment, version, int(fault.params.get("after", 1)))
    world.daraja.payments.held_back.setdefault(payment.shortcode, []).append(held)
    world.later(fault.seconds(60), _send_held, world, held)


async def _send_held(world: World, held: HeldBack) -> None:
    waiting = world.daraja.payments.held_back.get(held.payment.shortcode, [])
    if held in waiting:
        waiting.remove(held)
        await _send(world, held.payment, held.version)


def _let_go(world: World, shortcode: str) -> None:
    for held in list(world.daraja.payments.held_back.get(shortcode, ())):
        held.left -= 1
        if held.left <= 0:
            world.later(0, _send_held, world, held)
