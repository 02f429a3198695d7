"""What is typed at the door."""

from typing import Any

from django import forms
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

CODE_ATTRIBUTES = {
    "autocomplete": "one-time-code",
    "autocapitalize": "characters",
    "spellcheck": "false",
    "autofocus": True,
}


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    """Name and password. Whatever is wrong with them, the answer is the same."""

    refusal = ""  # said instead of looking at the password
    error_messages = {
        "invalid_login": "This name and password do not belong together, or may not come in here. Both are case-"
        "sensitive.",
        "inactive": "This name and password do not belong together, or may not come in here. Both are case-sensitive.",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "autocapitalize": "none"}
        self.fields["password"].widget.attrs |= {"autocomplete": "current-password"}

    def clean(self) -> Any:
        if self.refusal:
            raise forms.ValidationError(self.refusal, code="too_many")
        return super().clean()

    def get_invalid_login_error(self) -> forms.ValidationError:
        return forms.ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Six digits from your authenticator app, or one of your recovery codes.",
        widget=UnfoldAdminTextInputWidget(attrs=CODE_ATTRIBUTES),
        error_messages={"required": "Type the code that the app shows now."},
    )


class FirstCodeForm(CodeForm):
    """The first code of an app that was just set up."""

    code = forms.CharField(
        label="Code that the app shows",
        max_length=10,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_ATTRIBUTES | {"inputmode": "numeric"}),
        error_messages={"required": "Type the code that the app shows now."},
    )


class StepUpForm(forms.Form):
    """The code that lets something go on which was pressed already."""

    pv_code = forms.CharField(
        label="Code",
        max_length=40,
        help_text=CodeForm.base_fields["code"].help_text,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_ATTRIBUTES),
    )
