"""How an endpoint is typed in by hand."""

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminURLInputWidget

from partners.events.kinds import KINDS
from partners.events.models import WebhookEndpoint


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    url = forms.URLField(
        max_length=500,
        assume_scheme="https",
        label="Address",
        widget=UnfoldAdminURLInputWidget(),
        help_text="Where the partner's software takes events: https, out in the Internet.",
    )
    event_types = forms.MultipleChoiceField(
        required=False,
        label="Events",
        choices=[(name, f"{name}: {words}") for name, words in KINDS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None ticked: all of them, those of later days too.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["partner", "url", "description", "event_types", "is_active"]
