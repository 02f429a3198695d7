"""A disbursement is one intent to pay; an attempt is one B2C request made for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from common import rows
from common.ids import new_id
from common.money import MoneyField
from common.moves import Moving
from common.names import NameWords
from disbursements.statuses import AT_REST, ATTEMPT_NEXT, LIVE, NEXT, WAITING, AttemptStatus, Cause, Status
from mifos.models import LoanProduct, MifosPartner
from partners.models import Partner, Shortcode


class Disbursement(Moving):
    """One intent to pay one loan, one tranche of it, or one direct payout. Never two for the same loan."""

    class Source(models.TextChoices):
        MIFOS = "mifos", "Approved in Mifos"
        API = "api", "Asked for through the API"

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(  # its index is `disbursement_order`
        Partner, on_delete=models.PROTECT, related_name="disbursements", db_index=False
    )
    source = models.CharField(max_length=5, choices=Source.choices, default=Source.MIFOS)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DETECTED)

    mifos_partner = models.ForeignKey(
        MifosPartner, null=True, on_delete=models.PROTECT, related_name="disbursements"
    )
    product = models.ForeignKey(
        LoanProduct, null=True, on_delete=models.PROTECT, related_name="disbursements"
    )
    mifos_loan_id = models.BigIntegerField(null=True)
    tranche_id = models.BigIntegerField(default=0)  # Fineract's id of the tranche; 0: the whole loan
    loan_account_no = models.CharField(max_length=50, blank=True)
    mifos_client_id = models.BigIntegerField(null=True)
    client_request_id = models.CharField(max_length=100, null=True)

    client_name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=12, blank=True)
    amount = MoneyField()  # what the client gets: Mifos' netDisbursalAmount
    gross_amount = MoneyField()  # what Mifos records: the principal
    changed_amount = MoneyField(null=True)  # what Mifos says now, if it changed; a release accepts it
    changed_gross_amount = MoneyField(null=True)
    approved_on = models.DateField(null=True)

    hold_cause = models.CharField(max_length=20, choices=Cause.choices, blank=True)
    reason = models.TextField(blank=True)  # why it is where it is, in words
    checks = models.JSONField(default=list)  # verdicts of the last check: [{"rule", "ok", "words"}]
    attention = models.TextField(blank=True)  # what only a person can do, in words; empty: nothing
    attention_at = models.DateTimeField(null=True)
    touched_by_person = models.BooleanField(default=False)
    waived = models.JSONField(default=list)  # causes that people have released, with their names
    first_approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    second_approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    attempts_made = models.PositiveIntegerField(default=0)
    receipt = models.CharField(max_length=20, blank=True)
    recipient_name = models.CharField(max_length=200, blank=True)
    name_differs = models.BooleanField(default=False)  # a flag for people, not a stop
    charge = MoneyField(null=True)
    mpesa_cost = MoneyField(null=True)

    record_tries = models.PositiveIntegerField(default=0)
    record_refusals = models.PositiveIntegerField(
        default=0
    )  # definite, stored errors: each asks for a new key
    mifos_transaction_id = models.BigIntegerField(null=True)

    detected_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)  # the last attempt's first byte
    accepted_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)  # M-Pesa's own time
    settled_at = models.DateTimeField(null=True)  # when we knew
    completed_at = models.DateTimeField(null=True)
    outside_ms = models.BigIntegerField(default=0)  # spent waiting for others between detected and paid
    next_step_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)  # handed to a worker by the sweep, not yet taken up
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "disbursements"
        ordering = ["-detected_at"]
        permissions = [
            ("operate_disbursement", "Can hold, release, retry, cancel and ask, and propose a settlement"),
            ("approve_disbursement", "Can approve an amount, and settle what is unknown"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["mifos_partner", "mifos_loan_id", "tranche_id"],
                condition=Q(mifos_loan_id__isnull=False),
                name="disbursement_once_per_loan",
            ),
            models.UniqueConstraint(
                fields=["partner", "client_request_id"],
                condition=Q(client_request_id__isnull=False),
                name="disbursement_once_per_request",
            ),
            models.UniqueConstraint(
                fields=["receipt"], condition=~Q(receipt=""), name="disbursement_receipt_once"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0, gross_amount__gte=0), name="disbursement_amounts"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="disbursement_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.PAID, Status.COMPLETED]) | ~Q(receipt=""),
                name="disbursement_paid_means_receipt",
            ),
            models.CheckConstraint(
                condition=Q(first_approver__isnull=True)
                | Q(second_approver__isnull=True)
                | ~Q(first_approver=F("second_approver")),
                name="disbursement_two_people",
            ),
            models.CheckConstraint(
                condition=Q(source="api", mifos_partner__isnull=True)
                | Q(source="mifos", mifos_partner__isnull=False, mifos_loan_id__isnull=False),
                name="disbursement_source_fits",
            ),
        ]
        indexes = [
            models.Index(  # a sweep takes the oldest few of each partner and status
                fields=["partner", "status", "next_step_at"],
                name="disbursement_turns",
                condition=Q(next_step_at__isnull=False),
            ),
            models.Index(
                fields=["partner", "id"], name="disbursement_order"
            ),  # a partner's, the newest first
            models.Index(fields=["partner", "status", "detected_at"], name="disbursement_partner"),
            models.Index(fields=["phone", "settled_at"], name="disbursement_phone"),
            models.Index(fields=["detected_at"], name="disbursement_detected"),
            models.Index(fields=["attention_at"], name="disbursement_attention", condition=~Q(attention="")),
            models.Index(  # the pages: what is under way, whatever the length of the history
                fields=["status", "detected_at"],
                name="disbursement_unfinished",
                condition=Q(status__in=sorted(set(Status.values) - {Status.COMPLETED, Status.CANCELLED})),
            ),
            models.Index(
                fields=["settled_at"], name="disbursement_settled", condition=Q(settled_at__isnull=False)
            ),
            models.Index(
                fields=["loan_account_no"], name="disbursement_account_no", condition=~Q(loan_account_no="")
            ),
            GinIndex(  # once for each row, when it comes to rest: what moves is few, and found without
                NameWords("client_name"), name="disbursement_names", condition=Q(status__in=sorted(AT_REST))
            ),
        ]

    def __str__(self) -> str:
        if self.mifos_loan_id is None:
            return f"payout {self.client_request_id}"
        part = f", tranche {self.tranche_id}" if self.tranche_id else ""
        return f"loan {self.loan_account_no or self.mifos_loan_id}{part}"

    @property
    def live_attempt(self) -> "Attempt | None":
        """The attempt whose outcome decides: open, or paid."""
        return self.attempts.filter(status__in=LIVE).select_related("shortcode").first()

    def move(
        self, new: str, *, at: datetime, note: str = "", who: str = "us", evidence: Any = None, **changes: Any
    ) -> None:
        """Move to a new status with its reason, clear what belonged to the old one, and write the timeline.

        :param who: us, mifos, mpesa, or a person's name
        :param evidence: what the move rests on, redacted, as JSON
        """
        self._line = (who, evidence)
        cleared = {"hold_cause": "", "queued_at": None, "reason": note, "next_step_at": None}
        self._move(new, at=at, note=note, **(cleared | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model:
        who, evidence = self._line
        return Event(disbursement=self, old=old, new=new, at=at, note=note, who=who, evidence=evidence)

    def remark(self, note: str, *, at: datetime, who: str = "us", evidence: Any = None) -> None:
        """Write a line on the timeline without a move."""
        same = self.status
        rows.insert(
            Event(disbursement=self, old=same, new=same, at=at, note=note, who=who, evidence=evidence)
        )

    def ask_for_person(self, words: str, *, at: datetime) -> None:
        """Raise attention: say what only a person can do. The oldest moment stays."""
        told = type(self).objects.filter(pk=self.pk).exclude(attention=words)
        if told.update(attention=words, attention_at=self.attention_at or at):
            self.attention, self.attention_at = words, self.attention_at or at
            self.remark(words, at=at)

    def due(self, at: datetime | None) -> None:
        """Set when the next step is to be taken, without a move."""
        type(self).objects.filter(pk=self.pk, status=self.status).update(next_step_at=at, queued_at=None)


class Attempt(Moving):
    """One B2C request. Its id is the `OriginatorConversationID`; it is sent again only as itself."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = ATTEMPT_NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    disbursement = models.ForeignKey(Disbursement, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    shortcode = models.ForeignKey(Shortcode, on_delete=models.PROTECT, related_name="attempts")
    status = models.CharField(max_length=20, choices=AttemptStatus.choices, default=AttemptStatus.SENDING)
    phone = models.CharField(max_length=12)
    amount = MoneyField()
    charge = MoneyField()
    mpesa_cost = MoneyField(null=True)  # by the dated table; M-Pesa's own figure once a status query tells it
    conversation_id = models.CharField(max_length=60, blank=True)
    receipt = models.CharField(max_length=20, blank=True)
    result_code = models.CharField(max_length=20, blank=True)
    result_text = models.TextField(blank=True)
    first_sent_at = models.DateTimeField()
    last_sent_at = models.DateTimeField()
    sends = models.PositiveIntegerField(default=1)
    asks = models.PositiveIntegerField(default=0)
    last_asked_at = models.DateTimeField(null=True)
    not_found = models.PositiveIntegerField(default=0)  # how often M-Pesa said that it does not know the id
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "disbursement_attempts"
        ordering = ["disbursement", "number"]
        constraints = [
            models.UniqueConstraint(fields=["disbursement", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["disbursement"], condition=Q(status__in=sorted(LIVE)), name="attempt_one_live"
            ),
            models.UniqueConstraint(
                fields=["receipt"], condition=~Q(receipt=""), name="attempt_receipt_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, charge__gte=0), name="attempt_amounts"),
            models.CheckConstraint(condition=Q(status__in=AttemptStatus.values), name="attempt_status_known"),
            models.CheckConstraint(
                condition=~Q(status="paid") | ~Q(receipt=""), name="attempt_paid_means_receipt"
            ),
        ]
        indexes = [
            models.Index(fields=["conversation_id"], name="attempt_conversation"),
            models.Index(
                fields=["shortcode", "last_sent_at"],
                name="attempt_waiting",
                condition=Q(status__in=sorted(WAITING)),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.disbursement_id}"

    @property
    def originator_conversation_id(self) -> str:
        return str(self.id)

    def move(self, new: str, *, at: datetime, **changes: Any) -> None:
        """Move along `ATTEMPT_NEXT`; the disbursement's timeline is this table's history."""
        self._move(new, at=at, **changes)

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> None:
        """Its disbursement writes the line of the same transaction."""


class Event(models.Model):
    """A line of a disbursement's timeline. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    disbursement = models.ForeignKey(Disbursement, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    who = models.CharField(max_length=150)
    note = models.TextField(blank=True)
    evidence = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "disbursement_events"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}: {self.note}"


class TrancheWatch(models.Model):
    """A loan with tranches still to come. Fineract lists it as active, so it must be read one by one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mifos_partner = models.ForeignKey(MifosPartner, on_delete=models.CASCADE, related_name="tranche_watches")
    mifos_loan_id = models.BigIntegerField()
    next_step_at = models.DateTimeField()

    class Meta:
        db_table = "tranche_watches"
        constraints = [
            models.UniqueConstraint(fields=["mifos_partner", "mifos_loan_id"], name="tranche_watch_once")
        ]
        indexes = [models.Index(fields=["next_step_at"], name="tranche_watch_due")]

    def __str__(self) -> str:
        return f"tranches of loan {self.mifos_loan_id}"


class SettlementProposal(models.Model):
    """What one person says about an unknown payment, with proof; a second person must agree."""

    class Outcome(models.TextChoices):
        PAID = "paid", "It was paid"
        NOT_PAID = "not_paid", "It was not paid"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="proposals")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    receipt = models.CharField(max_length=20, blank=True)
    note = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(null=True)

    class Meta:
        db_table = "settlement_proposals"
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt"], condition=Q(decided_at__isnull=True), name="settlement_one_open"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(agreed=False) | ~Q(decided_by=F("proposed_by")),
                name="settlement_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="paid") | ~Q(receipt=""), name="settlement_paid_means_receipt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, says {self.proposed_by}"
