"""How each partner wants payments handled, and each shortcode as it collects."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from common.crypto import EncryptedTextField
from common.ids import new_id
from common.money import MoneyField
from common.phone import BadPhone, canonical
from mifos.accounts import AccountKind
from partners.models import Partner, Shortcode

KINDS = [(AccountKind.LOAN.value, "Loan"), (AccountKind.SAVINGS.value, "Savings account")]


class CollectionRule(models.Model):
    """How a partner wants customers' payments matched and booked. Without a row, these defaults hold."""

    class Excess(models.TextChoices):
        SUSPENSE = "suspense", "To suspense, for a person"
        SAVINGS = "savings", "To the client's savings account, if there is exactly one"
        POST = "post", "To the loan, which becomes overpaid"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="collection_rule")
    prefixes = models.JSONField(
        default=dict, blank=True, help_text='What customers type before the number: {"L": "loan"}.'
    )
    prefer = models.CharField(
        max_length=10,
        choices=KINDS,
        blank=True,
        help_text="Which one is meant where a number fits a loan and a savings account. Empty: ask a person.",
    )
    excess = models.CharField(
        max_length=10,
        choices=Excess.choices,
        default=Excess.SUSPENSE,
        help_text="Where money goes that a loan does not take: more than it owes, or the loan has ended.",
    )
    refuse_unknown = models.BooleanField(
        default=False, help_text="Refuse a payment at validation when Mifos has no such account."
    )
    min_amount = MoneyField(default=Decimal(1), validators=[MinValueValidator(Decimal(1))])
    max_amount = MoneyField(default=Decimal(250_000))
    by_national_id = models.BooleanField(default=True)
    by_typed_phone = models.BooleanField(default=True)
    by_payer = models.BooleanField(
        default=False, help_text="Match by the payer's own phone where the typed account says nothing."
    )
    blocked_phones = models.JSONField(default=list, blank=True)
    second_person_above = MoneyField(
        default=Decimal(50_000), help_text="Allocating more than this from suspense needs a second person."
    )
    tell_customer = models.BooleanField(default=True)
    tell_partner = models.BooleanField(default=False)
    tell_balance = models.BooleanField(
        default=False, help_text="Tell the customer the account's balance too, where Mifos has said it."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "collection_rules"
        constraints = [
            models.CheckConstraint(
                condition=Q(excess__in=["suspense", "savings", "post"]), name="collection_excess_known"
            )
        ]

    def __str__(self) -> str:
        return f"collections of {self.partner}"

    def clean(self) -> None:
        wrong: dict[str, str] = {}
        if not _are_prefixes(self.prefixes):
            wrong["prefixes"] = (
                'Write what stands before the number, and which account it means: {"L": "loan"}.'
            )
        try:
            self.blocked_phones = [canonical(str(phone)) for phone in self.blocked_phones]
        except (BadPhone, TypeError) as exc:
            wrong["blocked_phones"] = f"One of the numbers: {exc}."
        if self.min_amount > self.max_amount:
            wrong["max_amount"] = "It is below the smallest amount."
        if wrong:
            raise ValidationError(wrong)


def _are_prefixes(written: object) -> bool:
    """Whether each prefix has a letter, so that no digit of a number is ever taken for one."""
    return isinstance(written, dict) and all(
        isinstance(prefix, str) and any(letter.isalpha() for letter in prefix) and kind in dict(KINDS)
        for prefix, kind in written.items()
    )


class Collector(models.Model):
    """A shortcode as it collects: which addresses M-Pesa has, its passkey, and how far Pull has come."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    shortcode = models.OneToOneField(Shortcode, on_delete=models.PROTECT, related_name="collector")
    token_version = models.PositiveSmallIntegerField(default=0, editable=False)  # it and the one before hold
    registered_at = models.DateTimeField(null=True, blank=True, editable=False)
    registered_version = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    registered_note = models.CharField(max_length=300, blank=True, editable=False)
    passkey = EncryptedTextField(blank=True, help_text="For prompts on phones (Lipa na M-Pesa Online).")
    store_number = models.CharField(
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^\d{5,7}$", "5 to 7 digits.")],
        help_text="Of a till: its head office or store number, which notices may name instead.",
    )
    pull_enabled = models.BooleanField(default=False)
    pull_phone = models.CharField(max_length=12, blank=True, help_text="Nominated number, 2547….")
    pull_registered_at = models.DateTimeField(null=True, blank=True, editable=False)
    pulled_until = models.DateTimeField(null=True, blank=True, editable=False)
    pull_note = models.CharField(max_length=300, blank=True, editable=False)
    next_step_at = models.DateTimeField(null=True, blank=True, editable=False)  # next Pull
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "c2b_collectors"
        verbose_name = "collecting shortcode"
        indexes = [
            models.Index(
                fields=["next_step_at"], name="c2b_pull_due", condition=Q(next_step_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.shortcode} collects"
