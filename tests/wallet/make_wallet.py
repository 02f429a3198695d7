"""Builders for the ledger's tests: a partner with money, and holds on it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.ids import new_id
from partners.models import Partner, Shortcode
from tests import make
from wallet import balances, operations
from wallet.models import Account, Kind

AMOUNTS = {"principal": Decimal(9500), "charge": Decimal(45)}


@dataclass(frozen=True)
class Funded:
    """A partner with money in its wallet and on one shortcode."""

    partner: Partner
    shortcode: Shortcode

    def hold(self, reference: UUID | None = None, **changes: Any) -> UUID:
        reference = reference or new_id()
        where = {"partner_id": self.partner.pk, "shortcode_id": self.shortcode.pk}
        operations.hold(reference=reference, **where | AMOUNTS | {"at": make.NOW} | changes)
        return reference

    def account(self, kind: str) -> UUID:
        shortcode = self.shortcode.pk if kind in (Kind.FLOAT, Kind.FLOAT_HELD) else None
        return Account.objects.named(kind, partner_id=self.partner.pk, shortcode_id=shortcode).pk

    def money(self) -> tuple[Decimal, ...]:
        """What is in the wallet, held of it, in the float, held of it."""
        found = balances.of_partner(self.partner.pk)
        float_ = next(each for each in found.floats if each.shortcode_id == self.shortcode.pk)
        return found.wallet, found.wallet_held, float_.available, float_.held


def funded(
    code: str = "kilimo",
    *,
    wallet: int = 1000,
    float_: int = 100_000,
    shortcode: Shortcode | None = None,
    at: datetime = make.NOW,
) -> Funded:
    books = Funded(make.partner(code), shortcode or make.shortcode())
    operations.book_opening(
        partner_id=books.partner.pk,
        shortcode_id=books.shortcode.pk,
        wallet=Decimal(wallet),
        float_=Decimal(float_),
        at=at,
    )
    return books


def capture(reference: UUID, **changes: Any) -> None:
    proof = {"at": make.NOW, "event_at": make.NOW, "receipt": "SG632NMUAB", "mpesa_cost": None}
    operations.capture(reference=reference, **proof | changes)


def release(reference: UUID) -> None:
    operations.release(reference=reference, at=make.NOW, reason="M-Pesa refused it")


def topup(books: Funded, amount: int, *, reference: str = "FT1") -> UUID:
    return operations.transfer(
        type="topup",
        reference=reference,
        from_account=operations.platform_account(Kind.BANK),
        to_account=books.account(Kind.WALLET),
        amount=Decimal(amount),
        at=make.NOW,
    )
