"""Float that was bought: it reaches the shortcode in the Daraja books after a while, or never, and never twice."""

from __future__ import annotations

from decimal import Decimal

from sandbox.daraja.entries import Movement, enter
from sandbox.ncba.state import HOLDING_PREFIX, Arrival
from sandbox.world import World


def shortcode_behind(world: World, account_number: str) -> str | None:
    """The shortcode whose holding account this is: 333 + shortcode; None if it is another account."""
    number = account_number.removeprefix(HOLDING_PREFIX)
    known = account_number.startswith(HOLDING_PREFIX) and number in world.daraja.shortcodes
    return number if known else None


def under_way(
    world: World, reference: str, *, shortcode: str, into: str, amount: Decimal, seconds: float = 0
) -> Arrival:
    """Send the float on its way; ``seconds``: what the bank itself takes before it leaves."""
    now = world.clock.now()
    arrival = Arrival(reference=reference, shortcode=shortcode, into=into, amount=amount, at=now)
    world.ncba.arrivals.append(arrival)
    subject = {"shortcode": shortcode, "amount": f"{amount:.2f}", "id": reference}
    fault = world.faults.pick("ncba", "float_arrival", subject) if world.faults else None
    if fault is not None and fault.kind == "float_never":
        arrival.status = "never"
        world.tell("ncba", f"{reference}: the float will never arrive")
        return arrival
    delay = seconds + world.latencies.sample("ncba.float_arrival")
    if fault is not None and fault.kind == "float_late":
        delay += fault.seconds(7200)
    world.later(delay, _arrive, world, arrival)
    return arrival


async def _arrive(world: World, arrival: Arrival) -> None:
    if arrival.status != "under way":
        return
    arrival.status, arrival.arrived_at = "arrived", world.clock.now()
    shortcode = world.daraja.shortcodes[arrival.shortcode]
    receipt = world.daraja.new_receipt()
    movement = Movement(
        receipt=receipt,
        details=f"Funds received from NCBA, {arrival.reference}",
        reason="Organization Deposit of Funds from Bank",
        at=arrival.arrived_at,
        initiated_at=arrival.at,
        other_party="NCBA",
    )
    enter(shortcode, arrival.into, arrival.amount, movement)
    world.daraja.transfers.append(
        {
            "receipt": receipt,
            "command": "FromBank",
            "from": "NCBA",
            "to": shortcode.number,
            "amount": f"{arrival.amount:.2f}",
            "reference": arrival.reference,
            "at": arrival.arrived_at.isoformat(),
        }
    )
    world.tell("ncba", f"KES {arrival.amount} arrived in {shortcode.number} {arrival.into}")
