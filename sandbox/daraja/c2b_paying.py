"""A payment by a customer, from the wallet on the phone to Utility: held, validated, completed or cancelled."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from sandbox.daraja import tariff
from sandbox.daraja.c2b_confirming import confirm, post_confirmation
from sandbox.daraja.c2b_magic import magic
from sandbox.daraja.c2b_messages import REJECTIONS, notice, verdict
from sandbox.daraja.codes import text_of
from sandbox.daraja.entries import Movement, enter
from sandbox.daraja.payments import Payment, Registration
from sandbox.daraja.state import Shortcode
from sandbox.daraja.switches import VALIDATION_KINDS
from sandbox.faults import Fault
from sandbox.world import World

MINIMUM = Decimal(1)


def begin(
    world: World,
    *,
    shortcode: Shortcode,
    phone: str,
    amount: Decimal,
    bill_ref: str,
    channel: str,
    name: str = "",
) -> Payment:
    """Hold the money on the phone and give the payment its receipt.

    What the wallet lacks is brought in cash; a caller that does not want that looks before.
    """
    state, payer = world.daraja, world.daraja.phone(phone)
    charge, business_charge = tariff.c2b_fees(amount, shortcode.c2b_tariff)
    lacking = max(Decimal(0), amount + charge - payer.balance)
    state.payments.cash_brought += lacking
    payer.balance += lacking - amount - charge
    payment = Payment(
        receipt=state.new_receipt(),
        shortcode=shortcode.number,
        phone=phone,
        name=(name or payer.name).upper(),
        amount=amount,
        bill_ref="" if shortcode.organisation == "till" else bill_ref,
        channel=channel,
        at=world.clock.now(),
        charge=charge,
        business_charge=business_charge,
    )
    state.payments.by_receipt[payment.receipt] = payment
    return payment


async def carry_out(world: World, payment: Payment) -> None:
    """Decide the payment; returns when it is completed or cancelled. Its confirmation goes out by itself."""
    shortcode = world.daraja.shortcodes[payment.shortcode]
    refused = refusal(shortcode, payment.amount)
    if refused:
        cancel(world, payment, refused)
        return
    registration = world.daraja.payments.registrations.get(payment.shortcode)
    if registration is None or not shortcode.external_validation:
        complete(world, payment)
        if registration is not None:
            await _confirm(world, payment, registration)
        return
    fault = _validation_fault(world, payment)
    if fault is not None and fault.kind == "confirmation_early":
        await _confirm_early(world, payment, registration)
        return
    if await _allowed(world, payment, registration, fault):
        complete(world, payment)
        await _confirm(world, payment, registration)
    else:
        cancel(world, payment, payment.validation)


async def _confirm(world: World, payment: Payment, registration: Registration) -> None:
    """Tell it, unless it was an STK payment and only its callback is wanted."""
    if payment.channel != "stk" or world.switches.get("daraja.stk_c2b_pair") == "on":
        await confirm(world, payment, registration.version)


def refusal(shortcode: Shortcode, amount: Decimal) -> str | None:
    """The code with which M-Pesa itself refuses a payment to the shortcode."""
    if shortcode.kind == "b2c":
        return "2028"
    if amount < MINIMUM:
        return "2"
    if amount > tariff.MAXIMUM:
        return "3"
    return {"invalid": "11", "restricted": "2006"}.get(shortcode.state)


def _validation_fault(world: World, payment: Payment) -> Fault | None:
    subject = payment.as_dict() | {"id": payment.receipt}
    fault = None
    if world.faults:
        fault = world.faults.pick("daraja", "c2b_validation", subject, kinds=VALIDATION_KINDS)
    if fault is None and world.switches.get("daraja.magic") == "on":
        fault = magic(payment.phone, payment.amount, VALIDATION_KINDS)
    if fault is not None:
        world.tell("daraja", f"c2b_validation: fault {fault.kind}")
    return fault


async def _allowed(world: World, payment: Payment, registration: Registration, fault: Fault | None) -> bool:
    """Whether validation, or the default where it does not answer, lets the payment pass."""
    if fault is not None and fault.kind == "validation_lost":
        said = None
    else:
        if fault is not None and fault.kind == "validation_twice":
            await _ask(world, payment, registration)
        said = await _ask(world, payment, registration)
    payment.validation, third_party = verdict(said)
    if payment.validation in ("no answer", "unreadable"):
        world.tell(
            "daraja", f"{payment.receipt}: validation {payment.validation}, so {registration.response_type}"
        )
        return registration.response_type == "Completed"
    payment.third_party_id = third_party
    return payment.validation == "0"


async def _ask(world: World, payment: Payment, registration: Registration) -> tuple[int, str] | None:
    world.daraja.payments.validations += 1
    body = notice(world, payment, registration.version, confirmation=False)
    seconds = float(world.switches.get("daraja.c2b_validation_seconds"))
    return await world.exchange("POST", registration.validation_url, json=body, timeout=seconds)


async def _confirm_early(world: World, payment: Payment, registration: Registration) -> None:
    """M-Pesa does not wait: the payment is completed and confirmed while validation still has the question."""
    asked = asyncio.ensure_future(_ask(world, payment, registration))
    await asyncio.sleep(0)
    complete(world, payment)
    await post_confirmation(world, payment, registration.version)
    code, _ = verdict(await asked)
    payment.validation = f"too late: {code}"


def complete(world: World, payment: Payment) -> None:
    """Move the money into Utility."""
    shortcode = world.daraja.shortcodes[payment.shortcode]
    payment.status, payment.completed_at = "completed", world.clock.now()
    other, account = (
        f"{payment.phone} - {payment.name}",
        f" Acc. {payment.bill_ref}" if payment.bill_ref else "",
    )
    till = shortcode.organisation == "till"
    movement = Movement(
        receipt=payment.receipt,
        details=f"{'Merchant Payment' if till else 'Pay Bill'} from {other}{account}",
        reason="Customer Buy Goods Online" if till else "Pay Bill Online",
        at=payment.completed_at,
        initiated_at=payment.at,
        other_party=other,
        reference=payment.bill_ref,
    )
    enter(shortcode, "utility", payment.amount, movement)
    shortcode.collected += payment.amount
    payment.org_balance = shortcode.utility
    if payment.business_charge:
        _charge(shortcode, payment, movement)
    world.daraja.payments.completed.setdefault(payment.shortcode, []).append(payment)
    world.tell(
        "daraja", f"KES {payment.amount} paid by {payment.phone} to {payment.shortcode}, {payment.receipt}"
    )


def _charge(shortcode: Shortcode, payment: Payment, paid: Movement) -> None:
    movement = Movement(
        receipt=payment.receipt,
        details=f"Pay Bill Charge for {payment.receipt}",
        reason="Pay Bill Charge",
        at=paid.at,
        linked=payment.receipt,
    )
    enter(shortcode, "charges_paid", -payment.business_charge, movement)


def cancel(world: World, payment: Payment, reason: str) -> None:
    """Give the held money back to the phone."""
    payment.status, payment.reason = "cancelled", reason
    world.daraja.phone(payment.phone).balance += payment.amount + payment.charge
    text = f"{payment.receipt}: KES {payment.amount} to {payment.shortcode} cancelled, {reason} {why(reason)}"
    world.tell("daraja", text.rstrip())


def why(reason: str) -> str:
    """The words behind a cancellation's code."""
    if reason in REJECTIONS:
        return REJECTIONS[reason]
    return text_of(reason) if reason.isdigit() else ""
