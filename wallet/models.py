"""The ledger: accounts, transfers between them, the lines that they leave, and holds.

PostgreSQL does the balancing (migrations 0002 and 0003): a row in `ledger_transfers` changes both balances
and writes both lines in its own trigger, a row in `ledger_holds` makes its transfers, and nothing else can.
"""

from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from common.ids import new_id
from common.money import MoneyField, shown
from partners.models import Partner, Shortcode


class Kind(models.TextChoices):
    """What an account stands for. A partner's accounts carry a balance; the platform's are summed when asked.

    The platform's accounts are the other side of the partners': what the bank should hold for us is minus the
    sum of `bank`.
    """

    WALLET = "wallet", "Wallet"
    WALLET_HELD = "wallet_held", "Wallet, held"
    FLOAT = "float", "Float"  # per partner and shortcode
    FLOAT_HELD = "float_held", "Float, held"
    BANK = "bank", "Bank"
    FEES = "fees", "Charges earned"
    MPESA_COST = "mpesa_cost", "M-Pesa's fees"
    CHARGES_PAID = "charges_paid", "M-Pesa Charges Paid"  # where Safaricom takes its fees
    CUSTOMERS = "customers", "Paid to clients"
    OPENING = "opening", "Opening balances"
    SUSPENSE = "suspense", "Suspense"
    UTILITY = "utility", "M-Pesa Utility"  # minus what was moved there from the bank or a paybill
    WORKING = "working", "M-Pesa Working"  # of the paybill that float was moved from
    BANK_COST = "bank_cost", "Bank's fees"
    MPESA_UNEXPLAINED = "mpesa_unexplained", "M-Pesa, unexplained"


FLOAT_KINDS = (Kind.FLOAT, Kind.FLOAT_HELD)
HELD_KINDS = (Kind.WALLET_HELD, Kind.FLOAT_HELD)
PARTNER_KINDS = (Kind.WALLET, Kind.WALLET_HELD, *FLOAT_KINDS)
PLATFORM_KINDS = tuple(kind for kind in Kind if kind not in PARTNER_KINDS)


class TransferType(models.TextChoices):
    """Why money moved."""

    OPENING = "opening", "Opening balance"
    TOPUP = "topup", "Top-up"
    SUSPENSE = "suspense", "Received, owner unknown"
    HOLD = "hold", "Charge held"
    RELEASE = "release", "Held charge given back"
    CHARGE = "charge", "Charge"
    FLOAT_HOLD = "float_hold", "Float held for a payout"
    FLOAT_RELEASE = "float_release", "Held float given back"
    DISBURSEMENT = "disbursement", "Payout"
    PURCHASE_HOLD = "purchase_hold", "Money held for a float purchase"
    PURCHASE_RELEASE = "purchase_release", "Money for a float purchase given back"
    FLOAT_PURCHASE = "b2c_float_purchase", "Float purchase"
    FLOAT_ADJUSTMENT = "float_adjustment", "Float set to M-Pesa's figure"
    FUNDING = "float_funding", "Moved from the bank to M-Pesa"
    MPESA_COST = "mpesa_cost", "M-Pesa's fee"
    BANK_COST = "bank_cost", "Bank's fee"
    CORRECTION = "correction", "Correction"
    REVERSAL = "reversal", "Reversal"


# The lines that every payout leaves in a wallet.
EVERY_PAYOUT = [str(TransferType.HOLD), str(TransferType.RELEASE), str(TransferType.CHARGE)]


class AccountRows(models.QuerySet["Account"]):
    def named(
        self, kind: str, *, partner_id: UUID | None = None, shortcode_id: UUID | None = None
    ) -> "Account":
        """Return the one account of that kind.

        :raises Account.DoesNotExist: it was never opened
        """
        return self.get(Q(kind=kind, partner_id=partner_id, shortcode_id=shortcode_id))


class Account(models.Model):
    """One side of a transfer. Its balance changes by transfers only (trigger) and is never below zero.

    That a kind has its owner, shortcode and balance is checked by trigger when the account is opened, not by
    constraints, which PostgreSQL would work through again at every change of a balance.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    partner = models.ForeignKey(
        Partner, null=True, on_delete=models.PROTECT, related_name="ledger_accounts", db_index=False
    )
    shortcode = models.ForeignKey(Shortcode, null=True, on_delete=models.PROTECT, related_name="+")
    balance = MoneyField(null=True)  # empty for the platform's accounts
    created_at = models.DateTimeField()

    objects: ClassVar[AccountRows] = AccountRows.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "ledger_accounts"
        ordering = ["partner", "shortcode", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "kind", "shortcode"], name="ledger_account_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(balance__gte=0), name="ledger_account_not_below_zero"),
        ]

    def __str__(self) -> str:
        whose = self.partner.name if self.partner else "platform"
        number = f" {self.shortcode.number}" if self.shortcode else ""
        return f"{self.get_kind_display()}{number} ({whose})"


class Transfer(models.Model):
    """Money moved from one account to another, once per (type, reference). Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=30, choices=TransferType.choices)
    reference = models.CharField(max_length=120)
    # That both exist is checked by the posting trigger, which has them in hand.
    from_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    to_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = MoneyField()
    event_at = models.DateTimeField()  # when it happened outside
    created_at = models.DateTimeField()  # when we wrote it
    description = models.CharField(max_length=200, blank=True)
    reverses = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="reversals", db_index=False
    )
    hold = models.ForeignKey(  # filled by the hold's trigger
        "Hold",
        null=True,
        on_delete=models.PROTECT,
        related_name="transfers",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        db_table = "ledger_transfers"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["type", "reference"], name="ledger_transfer_once"),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="ledger_transfer_reversed_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_transfer_positive"),
            models.CheckConstraint(
                condition=~Q(from_account=F("to_account")), name="ledger_transfer_two_accounts"
            ),
        ]
        indexes = [BrinIndex(fields=["created_at"], name="ledger_transfer_written")]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}: {shown(self.amount)}"


class LedgerLine(models.Model):
    """What a transfer did to a float. A wallet's lines are `WalletTransaction`, a held account's history its holds.

    Written by the posting trigger only, which is why the foreign keys need no check of their own.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    number = models.BigIntegerField()  # grows along each account in the order of posting
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    amount = MoneyField()  # signed
    balance_after = MoneyField()
    event_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_lines"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="ledger_line_order"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.account_id}"


class PartnerWallet(models.Model):
    """A partner's prepaid money at the bank. `current_balance` is what is free, without what is held."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="wallet")
    current_balance = MoneyField(default=Decimal(0), editable=False)
    currency = models.CharField(max_length=3, default="KES", editable=False)
    last_topup_date = models.DateTimeField(null=True, editable=False)  # the plan's name; a moment
    last_topup_amount = MoneyField(null=True, editable=False)
    low_balance_threshold = MoneyField(null=True, blank=True)
    sms_notifications_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "partner_wallets"
        ordering = ["partner"]
        constraints = [
            models.CheckConstraint(condition=Q(current_balance__gte=0), name="partner_wallet_not_below_zero"),
            models.CheckConstraint(
                condition=Q(low_balance_threshold__gte=0), name="partner_wallet_threshold_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.partner}"


class WalletTransactionRows(models.QuerySet["WalletTransaction"]):
    def with_hold(self) -> Self:
        """Add `hold_status`: what became of the hold that a line belongs to, or None."""
        return self.annotate(hold_status=F("transfer__hold__status"))


class WalletTransaction(models.Model):
    """A line of a wallet's statement, written by the posting trigger; later only `sms_sent` changes."""

    id = models.UUIDField(primary_key=True, editable=False)
    number = models.BigIntegerField()
    wallet = models.ForeignKey(
        PartnerWallet,
        on_delete=models.PROTECT,
        related_name="transactions",
        db_constraint=False,
        db_index=False,
    )
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    transaction_type = models.CharField(max_length=30, choices=TransferType.choices)
    amount = MoneyField()  # signed
    balance_after = MoneyField()
    reference = models.CharField(max_length=120)
    description = models.CharField(max_length=200, blank=True)
    sms_sent = models.BooleanField(default=False)
    event_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects: ClassVar[WalletTransactionRows] = WalletTransactionRows.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "wallet_transactions"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "number"], name="wallet_transaction_order"),
        ]
        indexes = [
            BrinIndex(fields=["created_at"], name="wallet_transaction_written"),
            models.Index(  # the rare ones among a million charges
                fields=["wallet", "number"],
                name="wallet_transaction_rare",
                condition=~Q(transaction_type__in=EVERY_PAYOUT),
            ),
            models.Index(
                fields=["transaction_type", "id"],
                name="wallet_transaction_kind",
                condition=~Q(transaction_type__in=EVERY_PAYOUT),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transaction_type} {self.amount} ({self.reference})"


class Hold(models.Model):
    """Money set aside until it is known what became of its purpose.

    Inserting the row moves the money aside, changing its status moves it on; the triggers that do it also refuse
    any other change, a second end, and a capture without a receipt. It never expires.
    """

    class Purpose(models.TextChoices):
        PAYOUT = "payout", "Payout"  # principal from the float, charge from the wallet
        FLOAT_PURCHASE = "float_purchase", "Float purchase"  # both from the wallet

    class Status(models.TextChoices):
        HELD = "held", "Held"
        CAPTURED = "captured", "Captured"  # it happened: the money is gone
        RELEASED = "released", "Released"  # it did not happen: the money is back

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.UUIDField(unique=True)  # the attempt, or the purchase
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    # The accounts of this partner and shortcode are looked up by the trigger, so these need no second check,
    # and the partner's row no lock for each payout.
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="holds", db_constraint=False)
    shortcode = models.ForeignKey(
        Shortcode, on_delete=models.PROTECT, related_name="holds", db_constraint=False, db_index=False
    )
    principal = MoneyField()
    charge = MoneyField()
    mpesa_cost = MoneyField(null=True)  # what M-Pesa took for it, beside our charge
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.HELD)
    held_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    event_at = models.DateTimeField(null=True)  # when the payout happened outside
    receipt = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=200, blank=True)  # why it was released

    class Meta:
        db_table = "ledger_holds"
        ordering = ["-held_at"]
        indexes = [
            models.Index(fields=["shortcode", "held_at"], name="ledger_hold_open", condition=Q(status="held"))
        ]
        constraints = [
            models.CheckConstraint(condition=Q(principal__gt=0, charge__gte=0), name="ledger_hold_positive"),
        ]

    def __str__(self) -> str:
        return f"{shown(self.principal)} {self.status} for {self.reference}"


class ObservedBalance(models.Model):
    """What M-Pesa said that a shortcode holds: the last figure of each minute."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    shortcode = models.ForeignKey(
        Shortcode, on_delete=models.PROTECT, related_name="observed_balances", db_index=False
    )
    minute = models.DateTimeField()
    utility = MoneyField(null=True)
    working = MoneyField(null=True)
    observed_at = models.DateTimeField()

    class Meta:
        db_table = "observed_balances"
        ordering = ["-observed_at"]
        constraints = [
            models.UniqueConstraint(fields=["shortcode", "minute"], name="observed_balance_per_minute")
        ]

    def __str__(self) -> str:
        return f"{self.shortcode_id} at {self.observed_at}"


from wallet.bank_models import (  # noqa: E402, F401 - Django looks for models here
    BankAccount,
    BankCredit,
    BankCreditEvent,
    BankDebit,
    TopUp,
    TopUpEvent,
)
from wallet.observations import FloatWatch, LedgerProof  # noqa: E402, F401
from wallet.purchases import AutoFloatRule, FloatPurchase, FloatPurchaseEvent  # noqa: E402, F401
