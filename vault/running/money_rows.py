"""What our tables say of the money that came in during a run, for the comparison, and what is still under way."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from c2b.models import C2bTransaction
from c2b.statuses import ENDED
from c2b.statuses import Status as Collected
from partners.models import Partner
from vault.running.agreement import Books
from vault.running.money_agreement import OurCollection, OurCredit, OurMoney, OurPurchase
from wallet.bank_models import BankCredit, BankDebit
from wallet.models import FLOAT_KINDS, Account, Kind, Transfer
from wallet.proof import prove
from wallet.purchases import UNDER_WAY, FloatPurchase

NOTHING = Decimal(0)
AT_REST = (*ENDED, Collected.UNMATCHED)


def read(books: Books, *, since: datetime) -> OurMoney:
    """Return our side of the comparison: what was written since then, and what the books outside name besides."""
    orders = [order["our_reference"] for order in books["ncba"]["orders"]]
    receipts = [one["receipt"] for one in books["daraja"].get("payments", ())]
    bought = FloatPurchase.objects.filter(Q(asked_at__gte=since) | Q(reference__in=orders))
    collected = C2bTransaction.objects.filter(Q(created_at__gte=since) | Q(mpesa_receipt__in=receipts))
    return OurMoney(
        codes=frozenset(Partner.objects.values_list("code", flat=True)),
        credits=_credits(since),
        purchases=tuple(
            OurPurchase(reference=row.reference, amount=row.amount, status=row.status)
            for row in bought.exclude(route="daraja_topup")
        ),
        collections=tuple(
            OurCollection(
                receipt=row.mpesa_receipt, amount=row.amount, booked=row.booked_amount, status=row.status
            )
            for row in collected
        ),
        floats=floats(),
        from_bank=_through_bank(since),
    )


def _credits(since: datetime) -> tuple[OurCredit, ...]:
    booked: dict[str, Decimal] = defaultdict(Decimal)
    came = Transfer.objects.filter(created_at__gte=since, from_account__kind=Kind.BANK)
    for reference, amount in came.values_list("reference", "amount"):
        booked[reference] += amount
    rows = BankCredit.objects.filter(created_at__gte=since).select_related("partner")
    return tuple(
        OurCredit(
            reference=row.reference,
            amount=row.amount,
            status=row.status,
            partner=row.partner.code if row.partner else "",
            booked=sum((booked[one] for one in {row.core_reference or "", row.receipt} - {""}), NOTHING),
        )
        for row in rows
    )


def _through_bank(since: datetime) -> Decimal:
    moved = Transfer.objects.filter(created_at__gte=since)
    came = moved.filter(from_account__kind=Kind.BANK).aggregate(sum=Sum("amount"))["sum"] or NOTHING
    left = moved.filter(to_account__kind=Kind.BANK).aggregate(sum=Sum("amount"))["sum"] or NOTHING
    return came - left


def floats() -> dict[str, Decimal]:
    """Return what the ledger has on each shortcode, held money included."""
    rows = Account.objects.filter(kind__in=FLOAT_KINDS).order_by()
    return dict(rows.values_list("shortcode__number").annotate(Sum("balance")))


def unsound() -> list[str]:
    """Say what the proof of the ledger finds."""
    return [
        f"ledger, {one.subject}: {one.check}: expected {one.expected}, found {one.found}"
        for one in prove().differences
    ]


def float_under_way(*, since: datetime) -> list[str]:
    """Say of each purchase that has not ended where it is and why, and of each debit that nothing explains."""
    purchases = FloatPurchase.objects.filter(status__in=UNDER_WAY, asked_at__gte=since)
    debits = BankDebit.objects.filter(created_at__gte=since, matched_id__isnull=True, is_fee=False)
    return [
        *(f"{row}: {row.status}; {row.attention or row.result_text or 'no reason'}" for row in purchases),
        *(f"debit {row}: matched with nothing; {row.outcome or 'waits'}" for row in debits),
    ]


def under_way(*, since: datetime) -> list[str]:
    """Say of all money since then that has not come to rest where it is and why; suspense is rest."""
    payments = C2bTransaction.objects.filter(created_at__gte=since).exclude(status__in=AT_REST)
    waiting = C2bTransaction.objects.filter(
        created_at__gte=since, status=Collected.UNMATCHED, next_step_at__isnull=False, attention=""
    )
    return [
        *float_under_way(since=since),
        *(f"{row}: {row.status}; {row.attention or row.reason or 'no reason'}" for row in payments),
        *(f"{row}: {row.status}; looked at again {row.next_step_at}" for row in waiting),
    ]
