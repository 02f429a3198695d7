"""What can be done with money. Each operation is one server-side statement (migrations 0002 and 0003).

They join the caller's transaction, and a wallet's row stays locked until that transaction ends: make the
operation the last thing before the commit, and one per transaction, so that nobody waits longer than a commit.
An exception from here leaves the caller's transaction usable, with nothing written.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from common import rows
from common.ids import new_id
from common.money import kes, shown
from common.rows import Statement
from wallet.models import (
    FLOAT_KINDS,
    HELD_KINDS,
    PLATFORM_KINDS,
    Account,
    Hold,
    Kind,
    PartnerWallet,
    Transfer,
    TransferType,
)


class InsufficientFunds(Exception):
    """There is less in the wallet or the float than is needed. Nothing was changed."""

    def __init__(self, *, account: str, needed: Decimal, available: Decimal) -> None:
        self.account, self.needed, self.available = account, needed, available
        super().__init__(
            f"The {account} has {shown(available)}, and {shown(needed)} is needed: "
            f"{shown(needed - available)} is missing."
        )


class Contradiction(Exception):
    """What is asked for contradicts what is already booked. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A wallet at or below its threshold."""

    partner_id: UUID
    balance: Decimal
    threshold: Decimal


def open_accounts(*, partner_id: UUID, shortcode_id: UUID | None = None, at: datetime) -> None:
    """Open a partner's wallet, and its float on a shortcode if one is named. Repeating it changes nothing."""
    kinds: list[tuple[str, UUID | None]] = [(Kind.WALLET, None), (Kind.WALLET_HELD, None)]
    if shortcode_id:
        kinds += [(kind, shortcode_id) for kind in FLOAT_KINDS]
    PartnerWallet.objects.bulk_create([PartnerWallet(partner_id=partner_id)], ignore_conflicts=True)
    Account.objects.bulk_create(
        [
            Account(
                kind=kind, partner_id=partner_id, shortcode_id=shortcode, balance=Decimal(0), created_at=at
            )
            for kind, shortcode in kinds
        ],
        ignore_conflicts=True,
    )


def platform_account(kind: str) -> UUID:
    """Return the id of one of the platform's own accounts, opened when it is first needed."""
    if kind not in PLATFORM_KINDS:
        raise ValueError(f"{kind} is not an account of the platform")
    with connection.cursor() as cursor:
        cursor.execute("select ledger_account(%s, null, null)", [str(kind)])
        return UUID(str(cursor.fetchone()[0]))


def book_opening(
    *,
    partner_id: UUID,
    shortcode_id: UUID | None,
    wallet: Decimal | None,
    float_: Decimal | None,
    at: datetime,
) -> None:
    """Book what a partner begins with, once for its wallet and once for each float.

    A repeat changes nothing, also with another amount: corrections are transfers of their own.
    """
    open_accounts(partner_id=partner_id, shortcode_id=shortcode_id, at=at)
    openings = [(Kind.WALLET, None, wallet), (Kind.FLOAT, shortcode_id, float_)]
    for kind, shortcode, amount in openings:
        if not amount:
            continue
        if kind == Kind.FLOAT and shortcode is None:
            raise ValueError("Opening float needs a shortcode")
        reference = f"{kind}:{partner_id}" + (f":{shortcode}" if shortcode else "")
        if Transfer.objects.filter(type=TransferType.OPENING, reference=reference).exists():
            continue
        account = Account.objects.named(kind, partner_id=partner_id, shortcode_id=shortcode)
        transfer(
            type=TransferType.OPENING,
            reference=reference,
            from_account=platform_account(Kind.OPENING),
            to_account=account.pk,
            amount=amount,
            at=at,
            description="Opening balance",
        )


def hold(
    *,
    reference: UUID,
    partner_id: UUID,
    shortcode_id: UUID,
    principal: Decimal,
    charge: Decimal,
    at: datetime,
    purpose: str = Hold.Purpose.PAYOUT,
) -> None:
    """Set aside the charge from the wallet and the principal from the float (for a float purchase both come
    from the wallet): all or nothing, once per reference.

    :raises InsufficientFunds: with the account that lacks it; the wallet is looked at first
    :raises Contradiction: the reference has a hold with another partner, shortcode or amount
    """
    outcome, account, needed, available = _call(
        _HOLD,
        [new_id(), reference, str(purpose), partner_id, shortcode_id, kes(principal), kes(charge), at],
    )
    if outcome == "short":
        raise InsufficientFunds(account=account, needed=needed, available=available)
    if outcome == "contradiction":
        raise Contradiction(f"There is already a hold for {reference} with other particulars.")


def capture(
    *, reference: UUID, at: datetime, event_at: datetime, receipt: str, mpesa_cost: Decimal | None
) -> None:
    """Let held money go: the principal to the client (or the bought float), the charge to the platform.

    :param event_at: when it happened outside
    :param receipt: the M-Pesa receipt, or the bank's reference; the proof
    :param mpesa_cost: M-Pesa's own fee, recorded beside; on a shared shortcode also booked as our cost
    :raises Contradiction: no such hold, already released, or captured with another receipt
    """
    if not receipt:
        raise ValueError("A capture needs a receipt")
    cost = None if mpesa_cost is None else kes(mpesa_cost)
    answer = _call(_CAPTURE, [reference, at, event_at, receipt, cost])
    _refuse_contradiction(reference, "captured", *answer)


def release(*, reference: UUID, at: datetime, reason: str) -> None:
    """Give held money back, because it is proved that nothing was paid.

    :raises Contradiction: no such hold, or already captured
    """
    answer = _call(_RELEASE, [reference, at, reason[:200]])
    _refuse_contradiction(reference, "released", *answer)


def _refuse_contradiction(
    reference: UUID, wanted: str, outcome: str, status: str | None, receipt: str | None
) -> None:
    if outcome != "contradiction":
        return
    if status is None:
        raise Contradiction(f"There is no hold for {reference}, so it cannot be {wanted}.")
    proof = f" with receipt {receipt}" if receipt else ""
    raise Contradiction(f"The hold for {reference} was already {status}{proof}; it cannot be {wanted} now.")


def transfer(
    *,
    type: str,
    reference: str,
    from_account: UUID,
    to_account: UUID,
    amount: Decimal,
    at: datetime,
    event_at: datetime | None = None,
    description: str = "",
    reverses: UUID | None = None,
) -> UUID:
    """Move money once per (type, reference) and return the transfer's id; a repeat returns the earlier one's.

    Held accounts are out of reach: they move with their holds.

    :param event_at: when it happened outside; `at`, when we write it, if they are the same
    :raises InsufficientFunds: a partner's account would go below zero
    :raises Contradiction: (type, reference) is booked with another amount or other accounts
    """
    if type not in TransferType.values:
        raise ValueError(f"{type} is not a type of transfer")
    amount = kes(amount)
    outcome, transfer_id, available = _call(
        _TRANSFER,
        [
            new_id(),
            str(type),
            reference,
            from_account,
            to_account,
            amount,
            event_at or at,
            at,
            description[:200],
            reverses,
        ],
    )
    if outcome == "short":
        kind = Account.objects.get(pk=from_account).kind
        raise InsufficientFunds(account=kind, needed=amount, available=available)
    if outcome == "contradiction":
        raise Contradiction(f"{type} {reference} is already booked with another amount or other accounts.")
    return UUID(str(transfer_id))


def reverse(*, transfer_id: UUID, at: datetime, reason: str) -> UUID:
    """Undo a transfer by the same amount the other way; a repeat returns the earlier reversal.

    :raises InsufficientFunds: the money has been used meanwhile
    :raises Contradiction: it is part of a hold, or a reversal itself
    """
    wrong = Transfer.objects.select_related("from_account", "to_account").get(pk=transfer_id)
    if wrong.reverses_id or {wrong.from_account.kind, wrong.to_account.kind} & {*HELD_KINDS}:
        raise Contradiction("A reversal, and what belongs to a hold, is not reversed: book a correction.")
    return transfer(
        type=TransferType.REVERSAL,
        reference=str(transfer_id),
        from_account=wrong.to_account_id,
        to_account=wrong.from_account_id,
        amount=wrong.amount,
        at=at,
        description=reason,
        reverses=transfer_id,
    )


def low_balance(partner_id: UUID) -> Shortfall | None:
    """Say whether a wallet is at or below its threshold; a wallet without a threshold never is."""
    wallet = PartnerWallet.objects.filter(partner_id=partner_id).first()
    if wallet is None or wallet.low_balance_threshold is None:
        return None
    if wallet.current_balance > wallet.low_balance_threshold:
        return None
    return Shortfall(
        partner_id=partner_id, balance=wallet.current_balance, threshold=wallet.low_balance_threshold
    )


def take_turn(partner_id: UUID) -> None:
    """Wait until nobody else moves this partner's money, and keep the others waiting until the transaction ends.

    The operations do it themselves; needed only before accounts are locked in another way.
    """
    with connection.cursor() as cursor:
        cursor.execute("select ledger_turn(%s)", [partner_id])


def _function(name: str, *types: str) -> Statement:
    return Statement(f"select * from {name}({rows.marks(len(types))})", types)  # noqa: S608 - our own function's name


_HOLD = _function("ledger_hold", "uuid", "uuid", "text", "uuid", "uuid", "numeric", "numeric", "timestamptz")
_CAPTURE = _function("ledger_capture", "uuid", "timestamptz", "timestamptz", "text", "numeric")
_RELEASE = _function("ledger_release", "uuid", "timestamptz", "text")
_TRANSFER = _function(
    "ledger_transfer",
    *("uuid", "text", "text", "uuid", "uuid", "numeric", "timestamptz", "timestamptz", "text", "uuid"),
)


def _call(function: Statement, values: list[Any]) -> tuple[Any, ...]:
    _, (answer,) = rows.run(function, values)
    return answer
