"""Partners, the shortcodes that pay and collect for them, what is charged, and the dials that pause."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from common.crypto import EncryptedTextField
from common.ids import new_id
from common.money import MoneyField, shown
from common.remembered import Remembered

LIVE, TEST = "pv_live_", "pv_test_"  # how the two kinds of API keys begin


class Partner(models.Model):
    """An institution that uses the platform."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Small letters, digits and hyphens only.")],
        help_text="Short name for references: partners top up with TILL#CODE.",
    )
    name = models.CharField(max_length=150)
    phones = models.JSONField(
        default=list, blank=True, help_text="Who gets partner SMS: a list of 2547… numbers."
    )
    language = models.CharField(max_length=2, choices=[("en", "English"), ("sw", "Kiswahili")], default="en")
    approval_limit = MoneyField(
        null=True, blank=True, help_text="Payouts above this amount need a second person. Empty: no limit."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "partners"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Shortcode(models.Model):
    """An M-Pesa organisation number with its credentials. Without a partner it is shared by the platform."""

    class Kind(models.TextChoices):
        B2C = "b2c", "Pays out (B2C)"
        C2B = "c2b", "Collects (C2B)"
        BOTH = "both", "Both"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.CharField(
        max_length=7, unique=True, validators=[RegexValidator(r"^\d{5,7}$", "5 to 7 digits.")]
    )
    kind = models.CharField(max_length=4, choices=Kind.choices)
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="shortcodes"
    )
    consumer_key = EncryptedTextField(blank=True)
    consumer_secret = EncryptedTextField(blank=True)
    initiator = models.CharField(max_length=100, blank=True, help_text="Name of the API operator.")
    initiator_password = EncryptedTextField(blank=True)
    certificate = models.TextField(blank=True, help_text="Safaricom's certificate for this environment, PEM.")
    rate_per_second = models.DecimalField(max_digits=6, decimal_places=2, default=Decimal(5))
    c2b_version = models.CharField(max_length=2, choices=[("v1", "v1"), ("v2", "v2")], default="v2")
    response_type = models.CharField(
        max_length=9, choices=[("Completed", "Completed"), ("Cancelled", "Cancelled")], default="Completed"
    )
    utility_balance = MoneyField(null=True, blank=True, editable=False)  # as M-Pesa last told us
    working_balance = MoneyField(null=True, blank=True, editable=False)
    balance_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "shortcodes"
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number} ({self.partner or 'shared'})"


class TariffBand(models.Model):
    """What something costs up to an amount, from a day on.

    Without a partner it holds for every partner that has no bands of its own of that kind. The kind
    `mpesa_b2c` is what M-Pesa charges us; it is recorded beside a payout, never charged to the wallet.
    """

    class Kind(models.TextChoices):
        PAYOUT = "payout", "Payout"
        SMS = "sms", "SMS, per segment"
        FLOAT_PURCHASE = "float_purchase", "Float purchase"
        MPESA_B2C = "mpesa_b2c", "M-Pesa's fee for a payout"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="tariff_bands"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    valid_from = models.DateField()
    up_to = MoneyField(help_text="Highest amount of the band, in shillings.")
    fee = MoneyField(help_text="Shillings per transaction (per segment for SMS).")

    class Meta:
        db_table = "tariff_bands"
        ordering = ["kind", "partner", "-valid_from", "up_to"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "kind", "valid_from", "up_to"],
                name="tariff_band_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(fee__gte=0, up_to__gt=0), name="tariff_band_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} up to {shown(self.up_to)}: {shown(self.fee)}"


class PauseDial(models.Model):
    """Nothing new is sent while a dial is on; what is under way is followed to its end.

    `target_id` names the partner, product or shortcode; it is empty for everything.
    """

    class Scope(models.TextChoices):
        EVERYTHING = "everything", "Everything"
        PARTNER = "partner", "A partner"
        PRODUCT = "product", "A loan product"
        SHORTCODE = "shortcode", "A shortcode"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    target_id = models.UUIDField(null=True, blank=True)
    reason = models.TextField()
    by_platform = models.BooleanField(default=False)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    paused_at = models.DateTimeField()
    lift_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    lift_asked_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        db_table = "pause_dials"
        ordering = ["-paused_at"]
        permissions = [
            ("operate_pausedial", "Can pause, and ask that everything is resumed"),
            ("approve_pausedial", "Can lift a pause dial"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "target_id"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="pause_dial_once",
            ),
            models.CheckConstraint(
                condition=Q(scope="everything", target_id__isnull=True)
                | (~Q(scope="everything") & Q(target_id__isnull=False)),
                name="pause_dial_target",
            ),
            models.CheckConstraint(
                condition=~Q(scope="everything")
                | Q(lifted_at__isnull=True)
                | (
                    Q(lifted_by__isnull=False)
                    & Q(lift_asked_by__isnull=False)
                    & ~Q(lifted_by=F("lift_asked_by"))
                ),
                name="pause_dial_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} paused"


class Scope(models.TextChoices):
    """What an API key may do. Whoever may do something may not therefore read."""

    READ = "read", "See everything"
    DISBURSE = "disburse", "Pay out, hold, release, retry and cancel"
    COLLECT = "collect", "Allocate payments that came in"
    WALLET = "wallet", "Top up, and buy float"
    MANAGE = "manage", "Change settings, and make and revoke keys"
    ALL = "all", "All of these"


class ApiKey(models.Model):
    """A key for the REST API; only its SHA-256 is kept. Without a partner it is the platform's own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="api_keys"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, help_text="How the key begins, to tell keys apart.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    rate_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests a minute. Empty: as many as API_RATE_PER_MINUTE says."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "api_keys"
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_live(self) -> bool:
        """Whether it is for a live installation; the others are for the sandbox."""
        return self.prefix.startswith(LIVE)


def payout_shortcode(partner_id: UUID) -> Shortcode | None:
    """Return the shortcode that pays for a partner: its own, else the platform's shared one."""
    return _payout_shortcode(partner_id)


def _find_payout_shortcode(partner_id: UUID) -> Shortcode | None:
    pays = Shortcode.objects.filter(is_active=True, kind__in=[Shortcode.Kind.B2C, Shortcode.Kind.BOTH])
    fitting = pays.filter(Q(partner_id=partner_id) | Q(partner__isnull=True))
    return fitting.order_by(F("partner").asc(nulls_last=True), "number").first()


def fee(kind: str, *, partner_id: UUID | None, amount: Decimal, on: date) -> Decimal | None:
    """Return the fee of the band that holds on a day, or None where no tariff says anything.

    A partner's own bands of a kind replace the platform's as a whole, and a later date's an earlier one's.
    An amount above the highest band has that band's fee.
    """
    bands = _bands((kind, partner_id, on))
    fitting = [fee for up_to, fee in bands if amount <= up_to] or [fee for _, fee in bands[-1:]]
    return fitting[0] if fitting else None


def _read_bands(key: tuple[str, UUID | None, date]) -> list[tuple[Decimal, Decimal]]:
    kind, partner_id, on = key
    whose = Q(partner__isnull=True) | Q(partner=partner_id) if partner_id else Q(partner__isnull=True)
    bands = list(
        TariffBand.objects.filter(whose, kind=kind, valid_from__lte=on)
        .order_by(F("partner").asc(nulls_last=True), "-valid_from", "up_to")
        .values_list("partner_id", "valid_from", "up_to", "fee")
    )
    return [(up_to, fee) for owner, day, up_to, fee in bands if (owner, day) == bands[0][:2]]


_payout_shortcode = Remembered(_find_payout_shortcode)
_bands = Remembered(_read_bands)

from partners.idempotency import IdempotencyKey  # noqa: E402, F401 - Django looks for models here
from partners.people import PartnerUser  # noqa: E402, F401 - Django looks for models here
from partners.proofs import SetUpProof  # noqa: E402, F401
