"""What M-Pesa says that a shortcode holds, beside what our book says that it should hold at that moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from partners.models import Shortcode
from wallet.models import Account, Hold, Kind, LedgerLine, Transfer, TransferType
from wallet.purchases import OPEN, FloatPurchase, PurchaseStatus

SHOWN = 5  # lines that explain a difference
# M-Pesa's clock knows seconds only, and its figure and our line of one payout are some seconds apart.
SLACK = timedelta(seconds=60)
CLOCKS = timedelta(minutes=15)  # nothing is written so long before it happens by another's clock
ARRIVES = timedelta(hours=4)  # float whose money has left the bank; after that it is missing
BLURS = timedelta(hours=24)  # so long no rise of the balance proves anything else
# Entries that say what was there already: whatever their moment, M-Pesa's figure has them in it.
SAID_OF_THE_PAST = (TransferType.OPENING, TransferType.FLOAT_ADJUSTMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """M-Pesa's figure and the span in which it may lie, since what was under way may be in it or not."""

    shortcode: Shortcode
    observed: Decimal
    observed_at: datetime
    settled: Decimal  # the book without anything doubtful
    lowest: Decimal
    highest: Decimal
    lines: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether nothing was under way at that moment."""
        return self.lowest == self.highest

    @property
    def drift(self) -> Decimal:
        """How far M-Pesa's figure lies above (+) or below (−) what the book allows; zero within the span."""
        nearest = min(max(self.observed, self.lowest), self.highest)
        return self.observed - nearest


def compare(shortcode: Shortcode, *, with_purchases: bool = True) -> Comparison | None:
    """Compare the last figure of M-Pesa with what the float of a shortcode was at that moment.

    :param with_purchases: take float that is bought and not proved yet for something under way
    :returns: None where M-Pesa has said nothing yet, or nobody has float on it
    """
    observed, at = shortcode.utility_balance, shortcode.balance_at
    accounts = Account.objects.filter(shortcode=shortcode)
    if observed is None or at is None or not accounts.exists():
        return None
    now = accounts.aggregate(total=Sum("balance"))["total"] or Decimal(0)
    written = Q(created_at__gt=at - SLACK - CLOCKS)  # finds the few last rows of a long table
    later = changes(shortcode, written & Q(event_at__gt=at + SLACK))
    around = changes(shortcode, written & Q(event_at__gt=at - SLACK, event_at__lte=at + SLACK))
    flying = list(Hold.objects.filter(shortcode=shortcode, purpose="payout", status="held", held_at__lte=at))
    bought = list(_open_purchases(shortcode, at)) if with_purchases else []
    late = list(_maybe_on_the_way(shortcode, at, within=ARRIVES if with_purchases else BLURS))
    settled = now - sum(change for change, _ in later)
    doubtful = [-change for change, _ in around] + [-hold.principal for hold in flying]
    doubtful += [purchase.amount for purchase in bought] + [-purchase.amount for purchase in late]
    lines = [line for _, line in around] + [f"hold {hold}" for hold in flying]
    lines += [f"{purchase}: {purchase.status}" for purchase in [*bought, *late]]
    return Comparison(
        shortcode=shortcode,
        observed=observed,
        observed_at=at,
        settled=settled,
        lowest=settled + sum(part for part in doubtful if part < 0),
        highest=settled + sum(part for part in doubtful if part > 0),
        lines=tuple(lines or _latest(shortcode)),
    )


def exact_drift(shortcode: Shortcode) -> Decimal | None:
    """Return M-Pesa's figure minus our book, bought float left out; None while payouts blur it."""
    found = compare(shortcode, with_purchases=False)
    return found.drift if found and found.exact else None


def sentence(transfer: Transfer) -> str:
    """Write a transfer as a line for people."""
    return f"{transfer.event_at:%Y-%m-%d %H:%M:%S} {transfer} {transfer.description}".rstrip()


def changes(shortcode: Shortcode, when: Q) -> list[tuple[Decimal, str]]:
    """Return what moved into (+) or out of (−) a shortcode's float as a whole; holds only move within it."""
    inside = list(Account.objects.filter(shortcode=shortcode).values_list("pk", flat=True))
    moved = Transfer.objects.filter(when).filter(
        Q(from_account__in=inside) & ~Q(to_account__in=inside)
        | ~Q(from_account__in=inside) & Q(to_account__in=inside)
    )
    moved = moved.exclude(type__in=SAID_OF_THE_PAST)
    return [
        (transfer.amount if transfer.to_account_id in inside else -transfer.amount, sentence(transfer))
        for transfer in moved.order_by("event_at")
    ]


def _open_purchases(shortcode: Shortcode, at: datetime) -> Any:
    return FloatPurchase.objects.filter(shortcode=shortcode, status__in=OPEN, first_sent_at__lte=at).order_by(
        "first_sent_at"
    )


def _maybe_on_the_way(shortcode: Shortcode, at: datetime, *, within: timedelta) -> Any:
    """Return what the bank has taken the money for, and may not have reached Utility by then."""
    bought = FloatPurchase.objects.filter(
        shortcode=shortcode, status=PurchaseStatus.BOUGHT, evidence__in=["bank", "people"]
    )
    return bought.filter(first_sent_at__gt=at - within, first_sent_at__lte=at).order_by("first_sent_at")


def _latest(shortcode: Shortcode) -> list[str]:
    lines = LedgerLine.objects.filter(account__shortcode=shortcode, account__kind=Kind.FLOAT)
    return [sentence(line.transfer) for line in lines.select_related("transfer")[:SHOWN]]
