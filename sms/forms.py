"""How SMS accounts and texts are typed in by hand."""

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminURLInputWidget

from common.windows import WriteOnlySecretsForm
from sms.models import SmsGateway, SmsTemplate


class GatewayForm(WriteOnlySecretsForm):
    base_url = forms.URLField(
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
        label="Address",
        help_text="Empty: the platform's address for this kind.",
    )

    class Meta:
        model = SmsGateway
        fields = [
            "name",
            "partner",
            "kind",
            "is_primary",
            "is_active",
            "second",
            "base_url",
            "allow_http",
            "method",
            "api_key",
            "username",
            "password",
            "sender_id",
            "partner_code",
            "msisdn_format",
            "success_codes",
            "dlr_mode",
            "rate_per_second",
            "low_mark",
        ]


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SmsTemplate
        fields = ["message_type", "language", "partner", "text"]
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 4})}
