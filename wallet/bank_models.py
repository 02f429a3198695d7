"""Our account at NCBA, what came in on it and went out, and the top-ups that were asked for."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from common import rows
from common.crypto import EncryptedTextField
from common.ids import new_id
from common.money import MoneyField, shown
from common.moves import Moving
from common.names import NameWords
from partners.models import Partner

PAYER_WORDS = NameWords("payer", "named")
DEBIT_WORDS = NameWords("narrative")


class BankAccount(models.Model):
    """The platform's account at NCBA. A partner's reference on it is `<till>#<code>`."""

    class HashMode(models.TextChoices):
        OFF = "off", "Not looked at"
        LOG = "log", "A wrong one is noted"
        ENFORCE = "enforce", "A wrong one is refused"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.CharField(
        "account number",
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^\w+$", "Letters and digits.")],
    )
    name = models.CharField(max_length=100, default="NCBA")
    till = models.CharField(
        max_length=20, blank=True, help_text="The till's short code under paybill 880100."
    )
    till_username = models.CharField(max_length=100, blank=True)
    till_password = EncryptedTextField(blank=True)
    gateway_user = models.CharField(max_length=100, blank=True, help_text="User of the Open Banking gateway.")
    gateway_password = EncryptedTextField(blank=True)
    subscription_key = EncryptedTextField(blank=True)
    push_username = models.CharField(max_length=100, blank=True, help_text="User name in NCBA's notices.")
    push_password = EncryptedTextField(blank=True)
    push_secret = EncryptedTextField(
        blank=True, help_text="Secret key that the hash of a notice is made with."
    )
    hash_mode = models.CharField(max_length=7, choices=HashMode.choices, default=HashMode.LOG)
    callback_version = models.PositiveIntegerField(default=0, editable=False)
    statement_from = models.DateField(
        null=True,
        blank=True,
        help_text="Earlier lines of the statement are left alone. Empty: from the set-up on.",
    )
    available_balance = MoneyField(null=True, blank=True, editable=False)  # as NCBA last told us
    balance_at = models.DateTimeField(null=True, blank=True, editable=False)
    statement_at = models.DateTimeField(null=True, blank=True, editable=False)  # last read in full
    statement_trouble = models.CharField(max_length=300, blank=True, editable=False)
    next_step_at = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # the next look at the statement
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "bank_accounts"
        ordering = ["-is_active", "account"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="bank_account_one_active"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.account}"


class Channel(models.TextChoices):
    """Who told us of a line of the bank."""

    PAYBILL = "paybill", "Paybill notice"
    ACCOUNT = "account", "Account notice"
    STATEMENT = "statement", "Statement"


class CreditStatus(models.TextChoices):
    BOOKED = "booked", "Booked"  # in the partner's wallet
    SUSPENSE = "suspense", "In suspense"  # received, and nobody knows yet for whom
    ALLOCATED = "allocated", "Allocated"  # a person said for whom
    POSSIBLE_DUPLICATE = "possible_duplicate", "Possible duplicate"  # may be money that is booked already
    IGNORED = "ignored", "Ignored"  # the same money as another row; nothing is booked for it


CREDIT_NEXT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CreditStatus.BOOKED: frozenset(),
        CreditStatus.SUSPENSE: frozenset({CreditStatus.BOOKED, CreditStatus.ALLOCATED}),
        CreditStatus.ALLOCATED: frozenset(),
        CreditStatus.POSSIBLE_DUPLICATE: frozenset({CreditStatus.ALLOCATED, CreditStatus.IGNORED}),
        CreditStatus.IGNORED: frozenset(),
    }
)


class BankCredit(Moving):
    """Money that came in, once per transaction of the bank, whichever channel told of it first."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = CREDIT_NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="credits")
    status = models.CharField(max_length=20, choices=CreditStatus.choices)
    source = models.CharField(max_length=10, choices=Channel.choices)  # the first that told
    told_by = models.JSONField(default=dict)  # channel -> when it told, first time each
    core_reference = models.CharField(max_length=40, null=True)  # FTRef in B, TransID in C, the statement's
    receipt = models.CharField(max_length=40, blank=True)  # M-Pesa's, from the paybill notice
    amount = MoneyField()
    event_at = models.DateTimeField()
    day_only = models.BooleanField(default=False)  # the statement knows the day, not the time
    partner = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, related_name="bank_credits")
    named = models.CharField(max_length=200, blank=True)  # what the payer wrote, for people
    payer = models.CharField(max_length=200, blank=True)
    hash_sound = models.BooleanField(null=True)  # of the notice; empty: not checked, or a statement
    suspected = models.ForeignKey(  # the row whose money it may be
        "self", null=True, on_delete=models.PROTECT, related_name="suspects"
    )
    booked_at = models.DateTimeField(null=True)  # in a wallet
    proposed_partner = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, related_name="+")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True)
    proposed_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    attention = models.TextField(blank=True)  # what only a person can do, in words; empty: nothing
    attention_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "bank_credits"
        ordering = ["-created_at"]
        permissions = [
            ("operate_bankcredit", "Can say whose money in suspense is"),
            ("approve_bankcredit", "Can agree, as the second person, whose money in suspense is"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["core_reference"], name="bank_credit_core_once"),
            models.UniqueConstraint(
                fields=["receipt"], condition=~Q(receipt=""), name="bank_credit_receipt_once"
            ),
            models.CheckConstraint(
                condition=Q(core_reference__isnull=False) | ~Q(receipt=""), name="bank_credit_has_reference"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="bank_credit_positive"),
            models.CheckConstraint(
                condition=Q(status__in=CreditStatus.values), name="bank_credit_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["booked", "allocated"])
                | Q(partner__isnull=False, booked_at__isnull=False),
                name="bank_credit_booked_for_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="possible_duplicate") | Q(suspected__isnull=False),
                name="bank_credit_duplicate_of_something",
            ),
        ]
        indexes = [
            models.Index(fields=["amount", "event_at"], name="bank_credit_twins"),
            models.Index(fields=["attention_at"], name="bank_credit_attention", condition=~Q(attention="")),
            models.Index(
                fields=["booked_at"], name="bank_credit_booked", condition=Q(booked_at__isnull=False)
            ),
            models.Index(fields=["created_at"], name="bank_credit_written"),
            GinIndex(PAYER_WORDS, name="bank_credit_words"),
            models.Index(
                fields=["event_at"],
                name="bank_credit_unsettled",
                condition=Q(status__in=["suspense", "possible_duplicate"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{shown(self.amount)} ({self.reference})"

    @property
    def reference(self) -> str:
        """What the bank or M-Pesa calls it: the core reference, else the receipt."""
        return self.core_reference or self.receipt

    def move(self, new: str, *, at: datetime, note: str, who: str = "us", **changes: Any) -> None:
        """Move along `CREDIT_NEXT`; what only a person could do is done with it."""
        self._who = who
        self._move(new, at=at, note=note, **({"attention": "", "attention_at": None} | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model:
        return BankCreditEvent(credit=self, old=old, new=new, at=at, note=note, who=self._who)

    def remark(self, note: str, *, at: datetime, who: str = "us") -> None:
        """Write a line of history without a move."""
        rows.insert(BankCreditEvent(credit=self, old=self.status, new=self.status, at=at, note=note, who=who))

    def ask_for_person(self, words: str, *, at: datetime) -> None:
        """Raise attention: say what only a person can do. The oldest moment stays."""
        fresh = type(self).objects.filter(pk=self.pk).exclude(attention=words)
        if fresh.update(attention=words, attention_at=self.attention_at or at):
            self.attention, self.attention_at = words, self.attention_at or at
            self.remark(words, at=at)


class BankCreditEvent(models.Model):
    """A line of a credit's history. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    credit = models.ForeignKey(BankCredit, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20, blank=True)
    new = models.CharField(max_length=20)
    who = models.CharField(max_length=150)
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "bank_credit_events"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}: {self.note}"


class BankDebit(models.Model):
    """Money that went out, as the bank tells it: the evidence for what we ordered.

    One core reference may have several lines (the order and its fee), so the amount belongs to the key.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="debits")
    source = models.CharField(max_length=10, choices=Channel.choices)
    core_reference = models.CharField(max_length=40)
    amount = MoneyField()  # above zero: what left
    event_at = models.DateTimeField()
    narrative = models.CharField(max_length=400, blank=True)  # may repeat our reference, or not
    is_fee = models.BooleanField(default=False)  # by its words; a fee of the bank, not an order
    matched_table = models.CharField(max_length=60, blank=True)  # what it is the evidence of
    matched_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    next_step_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bank_debits"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["core_reference", "amount"], name="bank_debit_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="bank_debit_positive"),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="bank_debit_due", condition=Q(next_step_at__isnull=False)
            ),
            models.Index(fields=["amount", "event_at"], name="bank_debit_amount"),
            models.Index(fields=["created_at"], name="bank_debit_written"),
            GinIndex(DEBIT_WORDS, name="bank_debit_words"),
        ]

    def __str__(self) -> str:
        return f"{shown(self.amount)} out ({self.core_reference})"


class TopUpStatus(models.TextChoices):
    ASKED = "asked", "Asked"  # not yet at NCBA, or provably not arrived there
    SENDING = "sending", "Sending"  # the request is on its way
    PROMPTED = "prompted", "On the phone"  # NCBA took it; the notice of the payment is to come
    UNKNOWN = "unknown", "Unknown"  # the phone may ring or not, or NCBA says paid and no money is there
    CREDITED = "credited", "Credited"  # the money came
    FAILED = "failed", "Failed"  # NCBA refused; the phone does not ring
    EXPIRED = "expired", "Expired"  # nobody paid in time; a late payment is still taken


TOPUP_NEXT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        TopUpStatus.ASKED: frozenset({TopUpStatus.SENDING, TopUpStatus.EXPIRED}),
        TopUpStatus.SENDING: frozenset(
            {
                TopUpStatus.ASKED,
                TopUpStatus.PROMPTED,
                TopUpStatus.UNKNOWN,
                TopUpStatus.CREDITED,
                TopUpStatus.FAILED,
            }
        ),
        TopUpStatus.PROMPTED: frozenset({TopUpStatus.UNKNOWN, TopUpStatus.CREDITED, TopUpStatus.EXPIRED}),
        TopUpStatus.UNKNOWN: frozenset({TopUpStatus.PROMPTED, TopUpStatus.CREDITED, TopUpStatus.EXPIRED}),
        TopUpStatus.CREDITED: frozenset(),
        TopUpStatus.FAILED: frozenset(),
        TopUpStatus.EXPIRED: frozenset({TopUpStatus.CREDITED}),
    }
)
PAYABLE = frozenset(status for status, after in TOPUP_NEXT.items() if TopUpStatus.CREDITED in after)


class TopUp(Moving):
    """A partner's wish to top up from a phone. Money is booked by the bank's notice alone."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = TOPUP_NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="topups")
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=TopUpStatus.choices, default=TopUpStatus.ASKED)
    client_key = models.CharField(max_length=100)  # the asker's own id of this wish
    phone = models.CharField(max_length=12)
    amount = MoneyField()
    reference = models.CharField(max_length=60)  # what the payer's account field says
    transaction_id = models.CharField(max_length=100, blank=True)  # NCBA's id of the push
    hint = models.CharField(max_length=10, blank=True)  # what the status query last made likely; no proof
    hint_words = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)  # why it is where it is, in words
    credit = models.OneToOneField(BankCredit, null=True, on_delete=models.PROTECT, related_name="topup")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    asks = models.PositiveIntegerField(default=0)
    sends = models.PositiveIntegerField(default=0)
    attention = models.TextField(blank=True)
    attention_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField()
    next_step_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "topups"
        verbose_name = "top-up"
        ordering = ["-asked_at"]
        permissions = [("operate_topup", "Can ask for a top-up")]
        constraints = [
            models.UniqueConstraint(fields=["partner", "client_key"], name="topup_asked_once"),
            models.CheckConstraint(condition=Q(amount__gt=Decimal(0)), name="topup_positive"),
            models.CheckConstraint(condition=Q(status__in=TopUpStatus.values), name="topup_status_known"),
            models.CheckConstraint(
                condition=Q(status="credited", credit__isnull=False)
                | (~Q(status="credited") & Q(credit__isnull=True)),
                name="topup_credited_means_credit",
            ),
        ]
        indexes = [
            models.Index(fields=["next_step_at"], name="topup_due", condition=Q(next_step_at__isnull=False)),
            models.Index(fields=["partner", "id"], name="topup_newest"),
            models.Index(fields=["status", "id"], name="topup_status"),
            models.Index(fields=["phone", "id"], name="topup_phone"),
            models.Index(fields=["amount"], name="topup_amount"),
            models.Index(fields=["transaction_id"], name="topup_pushed", condition=~Q(transaction_id="")),
            models.Index(fields=["attention_at"], name="topup_attention", condition=~Q(attention="")),
            models.Index(
                fields=["partner", "amount"], name="topup_payable", condition=Q(credit__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"top-up of {shown(self.amount)}"

    def move(self, new: str, *, at: datetime, note: str, **changes: Any) -> None:
        """Move along `TOPUP_NEXT` with the reason."""
        self._move(new, at=at, note=note, **({"reason": note, "next_step_at": None} | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model:
        return TopUpEvent(topup=self, old=old, new=new, at=at, note=note)

    def due(self, at: datetime | None, **changes: Any) -> None:
        """Set when the next step is to be taken, without a move."""
        type(self).objects.filter(pk=self.pk, status=self.status).update(next_step_at=at, **changes)

    def count_ask(self, *, hint: str, words: str, next_at: datetime) -> None:
        """Keep what a status query said."""
        self.due(next_at, asks=F("asks") + 1, hint=hint, hint_words=words[:200])


class TopUpEvent(models.Model):
    """A line of a top-up's history. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    topup = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20, blank=True)
    new = models.CharField(max_length=20)
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "topup_events"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}: {self.note}"
