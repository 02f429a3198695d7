"""Float purchases: one intent to turn a wallet's money into M-Pesa float, its moves, its history, and the rule.

The reference is made with the row and is the only one that the bank ever hears for this intent.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common.ids import new_id
from common.money import MoneyField, shown
from common.moves import Moving
from partners.models import Partner, Shortcode


class PurchaseStatus(models.TextChoices):
    ASKED = "asked", "Waits for a confirmation"
    CONFIRMED = "confirmed", "Confirmed"  # may be sent; nothing has left us, or provably nothing arrived
    SENDING = "sending", "Sending"  # the money is set aside; the bank may have the order from now on
    ACCEPTED = "accepted", "Accepted"  # the bank took it; no evidence yet
    UNKNOWN = "unknown", "Unknown"  # the bank may have it or not; only evidence decides
    BOUGHT = "bought", "Bought"  # proved: charge and money are gone, the float is up
    FAILED = "failed", "Failed"  # proved not bought; the money is back
    CANCELLED = "cancelled", "Cancelled"  # before anything was sent


OPEN = frozenset({PurchaseStatus.SENDING, PurchaseStatus.ACCEPTED, PurchaseStatus.UNKNOWN})
UNDER_WAY = frozenset({PurchaseStatus.ASKED, PurchaseStatus.CONFIRMED, *OPEN})
_ENDS = frozenset({PurchaseStatus.BOUGHT, PurchaseStatus.FAILED})


class Route(models.TextChoices):
    """How the money gets to M-Pesa (setting `NCBA_FLOAT_ROUTE`)."""

    FLOAT_PURCHASE = "float_purchase", "NCBA float purchase"
    LIPA_NA_MPESA = "lipa_na_mpesa", "NCBA pay to paybill"
    BANK_333 = "bank_333", "Transfer to 333 + shortcode"  # arrives in Working, not in Utility
    DARAJA_TOPUP = "daraja_topup", "M-Pesa paybill to bulk"  # M-Pesa knows no id of ours


class AutoFloatRule(models.Model):
    """Buy float for a partner by itself: below so much buy so much, at most so much a day, within hours."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="auto_float_rule")
    below = MoneyField(help_text="Buy when the free float is below this.")
    buy = MoneyField(help_text="How much to buy each time, whole shillings.")
    max_per_day = MoneyField(help_text="At most this much in one day of Nairobi.")
    from_time = models.TimeField(null=True, blank=True, help_text="Nairobi time. Empty: at any hour.")
    to_time = models.TimeField(null=True, blank=True, help_text="Nairobi time. Empty: at any hour.")
    is_active = models.BooleanField(default=True)
    refused_in_a_row = models.PositiveSmallIntegerField(default=0, editable=False)
    next_step_at = models.DateTimeField(null=True, editable=False)  # not looked at before
    last_words = models.CharField(max_length=200, blank=True, editable=False)  # why it did not buy
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "auto_float_rules"
        ordering = ["partner"]
        verbose_name = "automatic float"
        verbose_name_plural = "automatic float"
        constraints = [
            models.CheckConstraint(
                condition=Q(below__gt=0, buy__gt=0, max_per_day__gte=F("buy")), name="auto_float_amounts"
            ),
            models.CheckConstraint(
                condition=Q(from_time__isnull=True, to_time__isnull=True)
                | Q(from_time__isnull=False, to_time__isnull=False, to_time__gt=F("from_time")),
                name="auto_float_hours",
            ),
        ]

    def __str__(self) -> str:
        return f"below {shown(self.below)} buy {shown(self.buy)}, at most {shown(self.max_per_day)} a day"


class FloatPurchase(Moving):
    """One intent to buy float. Its hold has the purchase's id as reference."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            PurchaseStatus.ASKED: frozenset({PurchaseStatus.CONFIRMED, PurchaseStatus.CANCELLED}),
            PurchaseStatus.CONFIRMED: frozenset(
                {PurchaseStatus.SENDING, PurchaseStatus.FAILED, PurchaseStatus.CANCELLED}
            ),
            PurchaseStatus.SENDING: frozenset(
                {PurchaseStatus.CONFIRMED, PurchaseStatus.ACCEPTED, PurchaseStatus.UNKNOWN} | _ENDS
            ),
            PurchaseStatus.ACCEPTED: frozenset({PurchaseStatus.UNKNOWN} | _ENDS),
            PurchaseStatus.UNKNOWN: frozenset({PurchaseStatus.ACCEPTED} | _ENDS),
            PurchaseStatus.BOUGHT: frozenset(),
            PurchaseStatus.FAILED: frozenset(),
            PurchaseStatus.CANCELLED: frozenset(),
        }
    )

    class Confirm(models.TextChoices):
        CODE = "code", "One-time code"
        SECOND_PERSON = "second_person", "Second person"
        NONE = "none", "None"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="float_purchases")
    shortcode = models.ForeignKey(Shortcode, on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey(AutoFloatRule, null=True, on_delete=models.PROTECT, related_name="purchases")
    amount = MoneyField()
    charge = MoneyField(default=Decimal(0))  # by the partner's tariff, fixed when it is sent
    bank_cost = MoneyField(null=True)  # what the bank took for it, beside our charge
    status = models.CharField(max_length=20, choices=PurchaseStatus.choices, default=PurchaseStatus.ASKED)
    route = models.CharField(max_length=20, choices=Route.choices)
    request_id = models.CharField(max_length=80, blank=True)  # the caller's own id of this intent
    reason = models.CharField(max_length=200, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_by_key = models.UUIDField(null=True)  # the API key, where no person asked
    asked_at = models.DateTimeField()
    confirm = models.CharField(max_length=20, choices=Confirm.choices)
    code_digest = models.CharField(max_length=64, blank=True)  # never the code itself
    code_expires_at = models.DateTimeField(null=True)
    codes_sent = models.PositiveSmallIntegerField(default=0)
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_by_key = models.UUIDField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    sends = models.PositiveSmallIntegerField(default=0)  # more than one only where the earlier never arrived
    first_sent_at = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    drift_before = MoneyField(null=True)  # M-Pesa's figure minus our book just before, where it is exact
    bank_reference = models.CharField(max_length=60, blank=True)
    receipt = models.CharField(max_length=40, blank=True)  # the evidence that it was bought
    evidence = models.CharField(max_length=20, blank=True)  # where the evidence is from
    settled_at = models.DateTimeField(null=True)
    next_step_at = models.DateTimeField(null=True)
    result_text = models.CharField(max_length=300, blank=True)
    attention = models.CharField(max_length=300, blank=True)  # why only a person can move it on
    attention_at = models.DateTimeField(null=True)
    proposed_outcome = models.CharField(max_length=10, blank=True)  # bought or failed, by the first of two
    proposed_receipt = models.CharField(max_length=40, blank=True)
    proposed_note = models.CharField(max_length=300, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "float_purchases"
        ordering = ["-asked_at"]
        permissions = [
            ("operate_floatpurchase", "Can ask for a float purchase, and enter its code"),
            ("approve_floatpurchase", "Can confirm another person's float purchase or decide an unknown one"),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="float_purchase_due", condition=Q(next_step_at__isnull=False)
            ),
            models.Index(fields=["partner", "id"], name="float_purchase_newest"),
            models.Index(
                fields=["shortcode"], name="float_purchase_open", condition=Q(status__in=sorted(OPEN))
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, charge__gte=0), name="float_purchase_positive"),
            models.CheckConstraint(
                condition=Q(status__in=PurchaseStatus.values), name="float_purchase_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status=PurchaseStatus.BOUGHT) & ~Q(receipt="")
                | ~Q(status=PurchaseStatus.BOUGHT) & Q(receipt=""),
                name="float_purchase_bought_means_receipt",
            ),
            models.UniqueConstraint(
                fields=["partner", "request_id"], condition=~Q(request_id=""), name="float_purchase_once"
            ),
            models.UniqueConstraint(  # the rule never buys again while it does not know of the last one
                fields=["rule"], condition=Q(status__in=sorted(UNDER_WAY)), name="float_purchase_one_by_rule"
            ),
            models.UniqueConstraint(  # one fact outside proves one purchase
                fields=["evidence", "receipt"], condition=~Q(receipt=""), name="float_purchase_receipt_once"
            ),
        ]

    def __str__(self) -> str:
        return f"float purchase {self.reference}"

    def move(self, new: str, *, at: datetime, note: str = "", who: str = "us", **changes: Any) -> None:
        """Move along `NEXT` with a line of history.

        :raises ForbiddenMove: `NEXT` does not allow it
        :raises LostRace: somebody else moved it first
        """
        self._who = who
        self._move(new, at=at, note=note, **changes)

    def remark(self, note: str, *, at: datetime, who: str = "us") -> None:
        """Write a line of history without a move."""
        self._line(old=self.status, new=self.status, note=note, at=at, who=who)

    def due(self, when: datetime | None) -> None:
        """Set the next step, where nobody has moved the row meanwhile."""
        type(self).objects.filter(pk=self.pk, status=self.status).update(next_step_at=when)
        self.next_step_at = when

    def wait(self, until: datetime, words: str) -> None:
        """Put the next step off and say why, where nobody has moved the row meanwhile."""
        mine = type(self).objects.filter(pk=self.pk, status=self.status)
        mine.update(next_step_at=until, result_text=words[:300])
        self.next_step_at, self.result_text = until, words[:300]

    def ask_for_person(self, words: str, *, at: datetime) -> None:
        """Raise attention, once per reason."""
        if self.attention != words[:300]:
            type(self).objects.filter(pk=self.pk).update(attention=words[:300], attention_at=at)
            self.attention, self.attention_at = words[:300], at

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model:
        who = getattr(self, "_who", "us")
        return FloatPurchaseEvent(purchase=self, old=old, new=new, note=note[:400], who=who[:150], at=at)

    def _line(self, *, old: str, new: str, at: datetime, note: str, who: str) -> None:
        FloatPurchaseEvent.objects.create(
            purchase=self, old=old, new=new, note=note[:400], who=who[:150], at=at
        )


class FloatPurchaseEvent(models.Model):
    """One line of a purchase's history. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purchase = models.ForeignKey(FloatPurchase, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    note = models.CharField(max_length=400, blank=True)
    who = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        db_table = "float_purchase_events"
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
