"""A product's switches and rules as a form; the schema of `mifos.rules` has the last word."""

from datetime import time
from decimal import Decimal
from typing import Any

from django import forms

from mifos.models import LoanProduct
from mifos.rule_words import DAY_NAMES
from mifos.rules import DAYS, BadRules, Rules, read_rules

BOX = {"class": "pv-input"}


def _count(label: str, help_text: str = "", *, least: int = 1) -> forms.IntegerField:
    widget = forms.NumberInput(attrs=BOX)
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, min_value=least, max_value=10_000_000, widget=widget
    )


def _money(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text="KES.",
        required=False,
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        widget=forms.NumberInput(attrs=BOX),
    )


def _clock(label: str) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        input_formats=["%H:%M"],
        widget=forms.TimeInput(format="%H:%M", attrs=BOX | {"type": "time"}),
    )


class RulesForm(forms.Form):
    """Empty means: no limit. `rules` has what was typed as the JSON that is kept."""

    is_auto_disbursement_enabled = forms.BooleanField(
        label="Pay approved loans of this product without a person", required=False
    )
    sms_notifications_enabled = forms.BooleanField(label="Tell client and partner by SMS", required=False)
    max_per_client_per_day = _count("Payments to one client a day, at most")
    max_amount_per_client_per_day = _money("Money to one client a day, at most")
    max_per_product_per_day = _count("Payments of this product a day, at most")
    max_amount_per_product_per_day = _money("Money of this product a day, at most")
    allowed_from = _clock("From")
    allowed_until = _clock("Until")
    allowed_days = forms.MultipleChoiceField(
        label="Days",
        required=False,
        choices=list(zip(DAYS, DAY_NAMES, strict=True)),
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: every day.",
    )
    minimum_approval_age_seconds = _count("Wait after the approval", "Seconds.", least=0)
    similar_payment_minutes = _count("Hold the same amount to the same phone within", "Minutes.")
    blocked_phones = forms.CharField(
        label="Never pay to",
        required=False,
        help_text="One number per line, as 0711… or 2547….",
        widget=forms.Textarea(attrs=BOX | {"rows": 3}),
    )
    name_check = forms.BooleanField(
        label="Compare the name that M-Pesa knows with the client's", required=False
    )

    def __init__(self, typed: Any = None, *, product: LoanProduct) -> None:
        super().__init__(typed, initial=written(product))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            cleaned["rules"] = self._rules(cleaned)
        return cleaned

    def _rules(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        wanted = {name: _plain(cleaned[name]) for name in Rules.model_fields if name in cleaned}
        wanted["blocked_phones"] = cleaned["blocked_phones"].split("\n") if cleaned["blocked_phones"] else []
        wanted["blocked_phones"] = [line.strip() for line in wanted["blocked_phones"] if line.strip()]
        said = {name: value for name, value in wanted.items() if value not in (None, "", [], False)}
        try:
            rules = read_rules(said)
        except BadRules as exc:
            for line in str(exc).splitlines():
                name, _, words = line.partition(": ")
                field = name.split(".")[0]
                self.add_error(field if field in self.fields else None, f"{words[:1].upper()}{words[1:]}")
            return {}
        kept: dict[str, Any] = rules.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return said | {name: kept[name] for name in ("blocked_phones",) if name in kept}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return f"{value:%H:%M}" if isinstance(value, time) else value


def written(product: LoanProduct) -> dict[str, Any]:
    """Return what holds now, as the form shows it; rules that cannot be read are left out."""
    found: dict[str, Any] = {
        "is_auto_disbursement_enabled": product.is_auto_disbursement_enabled,
        "sms_notifications_enabled": product.sms_notifications_enabled,
    }
    try:
        rules = product.rules
    except BadRules:
        return found
    found |= {name: getattr(rules, name) for name in Rules.model_fields}
    found["allowed_days"] = [DAYS[day] for day in rules.allowed_days or ()]
    found["blocked_phones"] = "\n".join(rules.blocked_phones)
    return found
