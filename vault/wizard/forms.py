"""What is typed in at each step. Secrets go in and never come out; every refusal is a sentence."""

from decimal import Decimal
from typing import Any

from django import forms

from common.money import BadAmount, kes
from common.windows import WriteOnlySecretsForm
from mifos.models import MifosPartner
from partners.forms import PartnerForm, ShortcodeForm
from partners.models import Scope
from sms.models import SmsGateway

BAND_ROWS = 6
SCOPES = [(one.value, one.label) for one in Scope if one != Scope.ALL]
LIVES = [("90", "90 days"), ("365", "One year"), ("", "Until it is revoked")]


def dress(form: forms.BaseForm) -> None:
    """Give every box the look of the house."""
    for field in form.fields.values():
        if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
            field.widget.attrs["class"] = "pv-input"


class PartnerStep(PartnerForm):
    class Meta(PartnerForm.Meta):
        labels = {
            "code": "Code",
            "name": "Name",
            "language": "Language of its SMS",
            "approval_limit": "Second person above",
            "is_active": "Active: its loans are paid",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["phones"].label = "Phones of the partner"
        if not self.instance._state.adding:
            self.fields["code"].disabled = True
            self.fields["code"].help_text = "It stands in references, so it stays."
        dress(self)


class MifosStep(WriteOnlySecretsForm):
    class Meta:
        model = MifosPartner
        fields = [
            "mifos_host_url",
            "api_endpoint",
            "mifos_tenant_id",
            "mifos_username",
            "mifos_password",
            "payment_type",
            "release",
            "timezone",
            "payout_amount",
            "poll_seconds",
            "use_business_date",
            "ca_certificate",
        ]
        labels = {
            "mifos_host_url": "Address of the host",
            "api_endpoint": "Path of the API",
            "mifos_tenant_id": "Tenant",
            "mifos_username": "API user",
            "mifos_password": "Password of the API user",
            "payment_type": "Payment type for M-Pesa",
            "release": "Release of Fineract",
            "timezone": "Time zone of the tenant",
            "payout_amount": "What the client gets",
            "poll_seconds": "Look for approved loans every … seconds",
            "use_business_date": "Ask Mifos for its business date",
            "ca_certificate": "Certificate of the host",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["ca_certificate"].widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        self.fields["mifos_host_url"].widget.attrs["placeholder"] = "https://kilimo.example:8443"
        dress(self)


MIFOS_MORE = ("release", "timezone", "payout_amount", "poll_seconds", "use_business_date", "ca_certificate")


class ShortcodeStep(ShortcodeForm):
    class Meta(ShortcodeForm.Meta):
        fields = [name for name in ShortcodeForm.Meta.fields if name not in ("partner", "is_active")]
        labels = {
            "number": "Shortcode",
            "kind": "What it does",
            "consumer_key": "Consumer key",
            "consumer_secret": "Consumer secret",
            "initiator": "Initiator",
            "initiator_password": "Password of the initiator",
            "certificate": "Safaricom's certificate",
            "rate_per_second": "Requests per second, at most",
            "c2b_version": "C2B version of the app",
            "response_type": "When we cannot be asked, customers' payments are",
        }
        error_messages = {
            "number": {"unique": "This shortcode is set up already: in the list above, or for another owner."}
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["number"].disabled = True
        self.fields["initiator"].help_text = "Name of the API operator on the M-Pesa portal; pays out only."
        dress(self)


SHORTCODE_MORE = ("rate_per_second", "c2b_version", "response_type")


class WalletStep(forms.Form):
    """The threshold, and the partner's own tariff; an empty tariff leaves the platform's."""

    low_balance_threshold = forms.DecimalField(
        label="Tell the partner when the wallet is at or below",
        required=False,
        min_value=Decimal(0),
        decimal_places=2,
        max_digits=14,
        help_text="KES. Empty: never.",
    )
    sms_notifications_enabled = forms.BooleanField(label="Tell it by SMS", required=False)
    sms_fee = forms.DecimalField(
        label="SMS, each part", required=False, min_value=Decimal(0), decimal_places=2, help_text="KES."
    )
    float_fee = forms.DecimalField(
        label="Float purchase", required=False, min_value=Decimal(0), decimal_places=2, help_text="KES each."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for row in range(BAND_ROWS):
            for name, label in (("up_to", "Up to"), ("fee", "Fee")):
                box = forms.TextInput(
                    attrs={"inputmode": "decimal", "aria-label": f"{label}, band {row + 1}, KES"}
                )
                self.fields[f"{name}_{row}"] = forms.CharField(required=False, max_length=20, widget=box)
        dress(self)

    @property
    def band_fields(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"up_to_{row}"], self[f"fee_{row}"]) for row in range(BAND_ROWS)]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        bands = []
        for row in range(BAND_ROWS):
            up_to, fee = cleaned.get(f"up_to_{row}", ""), cleaned.get(f"fee_{row}", "")
            if not up_to and not fee:
                continue
            try:
                bands.append((kes(up_to.replace(",", "")), kes(fee.replace(",", ""))))
            except BadAmount:
                self.add_error(
                    f"up_to_{row}", f"Band {row + 1} needs a highest amount and a fee, both in shillings."
                )
        cleaned["bands"] = bands
        return cleaned


class SmsStep(WriteOnlySecretsForm):
    base_url = forms.URLField(
        required=False,
        assume_scheme="https",
        label="Address of the provider",
        help_text="Empty: the platform's address for this kind.",
    )

    class Meta:
        model = SmsGateway
        fields = [
            "kind",
            "sender_id",
            "api_key",
            "username",
            "password",
            "partner_code",
            "base_url",
            "dlr_mode",
            "low_mark",
        ]
        labels = {
            "kind": "Provider",
            "sender_id": "Sender ID",
            "api_key": "API key",
            "username": "User name",
            "password": "Password",
            "partner_code": "Partner code",
            "dlr_mode": "Delivery reports",
            "low_mark": "Raise attention below",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        dress(self)


SMS_MORE = ("partner_code", "base_url", "dlr_mode", "low_mark")


class KeyStep(forms.Form):
    """A key for the partner's own software."""

    name = forms.CharField(max_length=100, label="What is it for?", help_text="Such as: core banking, live.")
    scopes = forms.MultipleChoiceField(
        choices=SCOPES, widget=forms.CheckboxSelectMultiple, label="What may it do?", initial=["read"]
    )
    lives = forms.ChoiceField(choices=LIVES, label="How long?", required=False, initial="365")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        dress(self)
