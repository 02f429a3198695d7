"""What others' books said when we last looked: accounts in Mifos, payments at M-Pesa."""

from django.db import models
from django.db.models import Q

from c2b.set_up import KINDS
from c2b.statuses import Channel
from common.ids import new_id
from common.money import MoneyField
from mifos.models import MifosPartner
from partners.models import Shortcode


class KnownAccount(models.Model):
    """An account that we have seen in Mifos: what validation answers from, and what suggestions come from."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mifos_partner = models.ForeignKey(MifosPartner, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=KINDS)
    account_id = models.BigIntegerField()
    account_no = models.CharField(max_length=50, blank=True)
    external_id = models.CharField(max_length=100, blank=True)
    number_key = models.CharField(max_length=50, blank=True)  # see `references.key`
    external_key = models.CharField(max_length=100, blank=True)
    client_id = models.BigIntegerField(null=True)
    client_name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=12, blank=True)
    phone_hash = models.CharField(max_length=64, blank=True)
    sole_at = models.DateTimeField(null=True)  # when a search for its number found nothing else
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "c2b_known_accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["mifos_partner", "kind", "account_id"], name="c2b_known_account_once"
            )
        ]
        indexes = [
            models.Index(fields=["mifos_partner", "number_key"], name="c2b_known_number"),
            models.Index(
                fields=["mifos_partner", "external_key"],
                name="c2b_known_external",
                condition=~Q(external_key=""),
            ),
            models.Index(
                fields=["mifos_partner", "phone_hash"], name="c2b_known_phone", condition=~Q(phone_hash="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.account_no}"


class StatementLine(models.Model):
    """A payment as M-Pesa's own books have it (Pull, or the organisation's statement): the one side of the check."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    shortcode = models.ForeignKey(Shortcode, on_delete=models.PROTECT, related_name="+")
    mpesa_receipt = models.CharField(max_length=20, unique=True)
    amount = MoneyField()
    paid_at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=Channel.choices)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "c2b_statement_lines"
        indexes = [models.Index(fields=["shortcode", "paid_at"], name="c2b_statement_day")]

    def __str__(self) -> str:
        return f"{self.mpesa_receipt}: {self.amount}"
