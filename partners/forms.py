"""How partners and shortcodes are typed in by hand."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from common.phone import BadPhone, canonical
from common.windows import WriteOnlySecretsForm
from partners.models import Partner, Shortcode
from partners.operations import BadCertificate, read_certificate


class PhonesField(forms.CharField):
    """A list of phones, one per line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})} | options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        try:
            return [canonical(line) for line in (value or "").splitlines() if line.strip()]
        except BadPhone as exc:
            raise forms.ValidationError(f"One of the numbers: {exc}.") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except forms.ValidationError:
            return True


class PartnerForm(forms.ModelForm):  # type: ignore[type-arg]
    phones = PhonesField(
        required=False, help_text="Who gets partner SMS: one number per line, as 0711… or 2547…."
    )

    class Meta:
        model = Partner
        fields = ["code", "name", "phones", "language", "approval_limit", "is_active"]


class ShortcodeForm(WriteOnlySecretsForm):
    class Meta:
        model = Shortcode
        fields = [
            "number",
            "kind",
            "partner",
            "is_active",
            "consumer_key",
            "consumer_secret",
            "initiator",
            "initiator_password",
            "certificate",
            "rate_per_second",
            "c2b_version",
            "response_type",
        ]

        widgets = {
            "certificate": UnfoldAdminTextareaWidget(
                attrs={"rows": 5, "class": "font-mono", "spellcheck": "false"}
            )
        }

    def clean_certificate(self) -> str:
        pem = str(self.cleaned_data["certificate"]).strip()
        if pem:
            try:
                read_certificate(pem)
            except BadCertificate as exc:
                raise forms.ValidationError(str(exc)) from None
        return pem
