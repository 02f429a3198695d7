"""A customer's payment, the bookings made of it, what people decide about it, and its history."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from c2b.known import KnownAccount, StatementLine
from c2b.prompts import PromptEvent, StkPush
from c2b.set_up import KINDS, CollectionRule, Collector
from c2b.statuses import AT_REST, ENDED, NEXT, Channel, MatchedBy, Status, TransactionType
from common import rows
from common.ids import new_id
from common.money import MoneyField
from common.moves import Moving
from common.names import NameWords
from mifos.accounts import AccountKind
from mifos.models import MifosPartner
from partners.models import Partner, Shortcode

SEARCHED = NameWords("customer_name", "client_name", "account_no", "bill_ref")

__all__ = [
    "C2bEvent",
    "C2bTransaction",
    "CollectionRule",
    "Collector",
    "Decision",
    "KnownAccount",
    "Posting",
    "PromptEvent",
    "StatementLine",
    "StkPush",
]


class C2bTransaction(Moving):
    """One payment of a customer: one row per receipt, whatever channel told of it, and how often."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without indexes of their own: each one more makes a confirmation slower, and `c2b_partner` serves both.
    partner = models.ForeignKey(
        Partner, null=True, on_delete=models.PROTECT, related_name="collections", db_index=False
    )
    shortcode = models.ForeignKey(
        Shortcode, on_delete=models.PROTECT, related_name="collections", db_index=False
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.RECEIVED)

    mpesa_receipt = models.CharField(max_length=20, unique=True)
    amount = MoneyField()
    paid_at = models.DateTimeField()  # M-Pesa's own time, ours where it told none
    bill_ref = models.CharField(max_length=100, blank=True)  # as the customer typed it
    business_shortcode = models.CharField(max_length=10, blank=True)  # as the notice says
    mpesa_type = models.CharField(max_length=60, blank=True)
    customer_phone = models.CharField(max_length=12, blank=True)
    phone_hash = models.CharField(max_length=64, blank=True)  # personal data like the phone itself
    msisdn_raw = models.CharField(max_length=40, blank=True)  # as it came, never a full number
    customer_name = models.CharField(max_length=200, blank=True)
    validation_id = models.CharField(max_length=64, blank=True)
    notice = models.TextField(blank=True)  # the message itself
    notices = models.PositiveIntegerField(default=1)  # how often, over all channels
    heard_at = models.DateTimeField()  # the last time

    transaction_type = models.CharField(max_length=20, choices=TransactionType.choices, blank=True)
    mifos_account_id = models.BigIntegerField(null=True)
    account_no = models.CharField(max_length=50, blank=True)
    mifos_client_id = models.BigIntegerField(null=True)
    client_name = models.CharField(max_length=200, blank=True)
    matched_by = models.CharField(max_length=20, choices=MatchedBy.choices, blank=True)
    confidence = models.CharField(max_length=10, blank=True)
    match_words = models.TextField(blank=True)  # why this account, or why none
    matched_at = models.DateTimeField(null=True)

    booked_amount = MoneyField(default=Decimal(0))  # in Mifos, by our bookings
    posted_at = models.DateTimeField(null=True)
    record_tries = models.PositiveIntegerField(default=0)
    reason = models.TextField(blank=True)  # why it is where it is, in words
    attention = models.TextField(blank=True)  # what only a person can do, in words; empty: nothing
    attention_at = models.DateTimeField(null=True)
    contradiction = models.TextField(blank=True)  # a later notice says otherwise; stays until a person looks
    touched_by_person = models.BooleanField(default=False)
    sms_sent = models.BooleanField(default=False)

    next_step_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)  # handed to a worker by the sweep, not yet taken up
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "c2b_transactions"
        ordering = ["-paid_at"]
        verbose_name = "collection"
        permissions = [
            ("operate_c2btransaction", "Can allocate suspense, send to another partner, prompt, import"),
            ("approve_c2btransaction", "Can agree to an allocation above the limit"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(mpesa_receipt=""), name="c2b_receipt_there"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="c2b_amount_positive"),
            models.CheckConstraint(
                condition=Q(booked_amount__gte=0, booked_amount__lte=F("amount")), name="c2b_booked_fits"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="c2b_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.POSTED) | Q(booked_amount=F("amount")), name="c2b_posted_in_full"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.MATCHED, Status.POSTING]) | Q(partner__isnull=False),
                name="c2b_matched_means_partner",
            ),
        ]
        indexes = [
            models.Index(fields=["next_step_at"], name="c2b_due", condition=Q(next_step_at__isnull=False)),
            models.Index(fields=["partner", "status", "paid_at"], name="c2b_partner"),
            models.Index(fields=["paid_at"], name="c2b_paid"),
            models.Index(
                fields=["status", "paid_at"], name="c2b_unfinished", condition=~Q(status__in=sorted(ENDED))
            ),
            models.Index(
                fields=["paid_at"], name="c2b_attention", condition=~Q(attention="") | ~Q(contradiction="")
            ),
            models.Index(  # an earlier payment to the same account that nobody has matched yet goes first
                fields=["partner", "bill_ref"], name="c2b_unread", condition=Q(status=Status.RECEIVED)
            ),
            models.Index(
                fields=["customer_phone"], name="c2b_customer_phone", condition=~Q(customer_phone="")
            ),
            GinIndex(  # once for each payment, when it comes to rest: a confirmation pays nothing for it
                SEARCHED, name="c2b_words", condition=Q(status__in=sorted(AT_REST))
            ),
            models.Index(
                fields=["posted_at"],
                name="c2b_sms_open",
                condition=Q(sms_sent=False, posted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"payment {self.mpesa_receipt}"

    @property
    def rest(self) -> Decimal:
        """What of it is not booked."""
        rest: Decimal = self.amount - self.booked_amount
        return rest

    def move(
        self, new: str, *, at: datetime, note: str = "", who: str = "us", evidence: Any = None, **changes: Any
    ) -> None:
        """Move to a new status with its reason, and write the timeline.

        :param who: us, mifos, mpesa, or a person's name
        :param evidence: what the move rests on, as JSON
        """
        self._line = (who, evidence)
        cleared = {"queued_at": None, "reason": note, "next_step_at": None, "attention": ""}
        self._move(new, at=at, note=note, **(cleared | {"attention_at": None} | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> "C2bEvent":
        who, evidence = self._line
        return C2bEvent(transaction=self, old=old, new=new, at=at, note=note, who=who, evidence=evidence)

    def remark(self, note: str, *, at: datetime, who: str = "us", evidence: Any = None) -> None:
        """Write a line on the timeline without a move."""
        rows.insert(
            C2bEvent(
                transaction=self,
                old=self.status,
                new=self.status,
                at=at,
                note=note,
                who=who,
                evidence=evidence,
            )
        )

    def ask_for_person(self, words: str, *, at: datetime) -> None:
        """Raise attention: say what only a person can do. The oldest moment stays."""
        others = type(self).objects.filter(pk=self.pk).exclude(attention=words)
        if others.update(attention=words, attention_at=self.attention_at or at):
            self.attention, self.attention_at = words, self.attention_at or at
            self.remark(words, at=at)

    def due(self, at: datetime | None) -> None:
        """Set when the next step is to be taken, without a move."""
        type(self).objects.filter(pk=self.pk, status=self.status).update(next_step_at=at, queued_at=None)


class Posting(models.Model):
    """One booking of a payment, or of a part of it, in Mifos. Its id is the external id there.

    The first one of a payment has the payment's own id. A booking that was tried keeps its account and amount
    for ever; one that Mifos definitely refused is void, and another takes its place.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(C2bTransaction, on_delete=models.PROTECT, related_name="postings")
    mifos_partner = models.ForeignKey(MifosPartner, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=KINDS)
    account_id = models.BigIntegerField()
    account_no = models.CharField(max_length=50, blank=True)
    client_id = models.BigIntegerField(null=True)
    amount = MoneyField()
    why = models.CharField(max_length=300, blank=True)  # "excess", "allocated by …"
    by_person = models.BooleanField(default=False)  # then the partner's rule about excess does not hold
    tries = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)  # definite, stored errors: each asks for a new key
    in_doubt = models.BooleanField(default=False)  # asked for, and not known to be booked or refused
    dated_today = models.BooleanField(default=False)  # Mifos does not take the day of the payment
    without_external_id = models.BooleanField(default=False)  # this Mifos refuses it on deposits
    mifos_transaction_id = models.BigIntegerField(null=True)
    balance_after = MoneyField(null=True)  # outstanding or balance, as far as we can tell
    booked_on = models.DateField(null=True)
    booked_at = models.DateTimeField(null=True)
    void_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)  # last compared with Mifos
    checked_amount = MoneyField(null=True)  # what Mifos showed then; empty: nothing
    check_words = models.CharField(max_length=300, blank=True)  # what differed there; empty: nothing
    created_at = models.DateTimeField()

    class Meta:
        db_table = "c2b_postings"
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="c2b_posting_positive"),
            models.CheckConstraint(
                condition=Q(booked_at__isnull=True) | Q(void_at__isnull=True), name="c2b_posting_one_end"
            ),
        ]
        indexes = [
            models.Index(
                fields=["mifos_partner", "kind", "account_id"],
                name="c2b_posting_open",
                condition=Q(booked_at__isnull=True, void_at__isnull=True),
            ),
            models.Index(fields=["mifos_partner", "booked_at"], name="c2b_posting_booked"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} to {self.kind} {self.account_no or self.account_id}"

    @property
    def account_kind(self) -> AccountKind:
        return AccountKind(self.kind)


class C2bEvent(models.Model):
    """A line of a payment's timeline. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(C2bTransaction, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    who = models.CharField(max_length=150)
    note = models.TextField(blank=True)
    evidence = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "c2b_events"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}: {self.note}"


class Decision(models.Model):
    """What a person wants done with money in suspense, and what a second one says. Decided once."""

    class What(models.TextChoices):
        ALLOCATE = "allocate", "Book it to accounts"
        SEND = "send", "Give it to another partner"
        RETURN = "return", "Note that the customer got it back"
        REVERSE = "reverse", "Let M-Pesa give it back to the customer"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(C2bTransaction, on_delete=models.PROTECT, related_name="decisions")
    what = models.CharField(max_length=10, choices=What.choices)
    parts = models.JSONField(default=list)  # [{"kind", "account_id", "amount"}]
    to_partner = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=100, blank=True)  # of the reversal at M-Pesa
    reason = models.TextField()
    asked_by = models.ForeignKey(  # empty: an API key, which is never the second person either
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_by_name = models.CharField(max_length=150, blank=True)
    request_id = models.CharField(max_length=100, blank=True)  # the caller's own, of a wish over the API
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(null=True)
    needs_second = models.BooleanField(default=False)

    class Meta:
        db_table = "c2b_decisions"
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"], condition=Q(decided_at__isnull=True), name="c2b_one_open_decision"
            ),
            models.UniqueConstraint(
                fields=["request_id"], condition=~Q(request_id=""), name="c2b_decision_once"
            ),
            models.CheckConstraint(
                condition=~Q(agreed=True, needs_second=True) | ~Q(decided_by=F("asked_by")),
                name="c2b_decision_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.transaction_id}"

    @property
    def asker(self) -> str:
        """Who wants it."""
        return self.asked_by.get_username() if self.asked_by else self.asked_by_name


import c2b.reversals  # noqa: E402, F401 - a table that points at the ones above
