"""The page of our account at NCBA: its set-up, and whether it works."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.forms import BaseDialogForm

from common.changes import By
from common.marks import harmless
from common.money import shown
from common.windows import (
    AuditedAdmin,
    WriteOnlySecretsForm,
    ago,
    button,
    column,
    dialog,
    go_to,
    person,
    write_line,
)
from wallet import bank
from wallet.bank_models import BankAccount


class BankAccountForm(WriteOnlySecretsForm):
    class Meta:
        model = BankAccount
        fields = [
            "account",
            "name",
            "till",
            "till_username",
            "till_password",
            "gateway_user",
            "gateway_password",
            "subscription_key",
            "push_username",
            "push_password",
            "push_secret",
            "hash_mode",
            "statement_from",
            "is_active",
        ]


@admin.register(BankAccount)
class BankAccountAdmin(AuditedAdmin):
    form = BankAccountForm
    list_display = ["account", "name", "till", "holds", "statement", "state"]
    search_fields = ["account", "till"]
    readonly_fields = ["holds", "statement", "paybill_address", "account_address"]
    actions_detail = ["test_connection", "renew"]
    fieldsets = [
        (None, {"fields": [("account", "name"), "is_active", "holds", "statement"]}),
        ("Till (STK push)", {"fields": ["till", ("till_username", "till_password")]}),
        (
            "Open Banking gateway",
            {"fields": [("gateway_user", "gateway_password"), "subscription_key", "statement_from"]},
        ),
        (
            "Notices",
            {
                "fields": [
                    ("push_username", "push_password"),
                    ("push_secret", "hash_mode"),
                    "paybill_address",
                    "account_address",
                ]
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["account"] if obj else [])]

    @column(description="Holds, as NCBA last told us")
    def holds(self, account: BankAccount) -> str:
        if account.available_balance is None or account.balance_at is None:
            return "Not asked yet."
        return format_html("{}, {}", shown(account.available_balance), ago(account.balance_at))

    @column(description="Statement")
    def statement(self, account: BankAccount) -> str:
        read = format_html("read {}", ago(account.statement_at)) if account.statement_at else "not read yet"
        if account.statement_trouble:
            return format_html("{}; last trouble: {}", read, account.statement_trouble)
        return read

    @column(description="State", label={"in use": "success", "off": "default"})
    def state(self, account: BankAccount) -> str:
        return "in use" if account.is_active else "off"

    @column(description="Paybill notices go to")
    def paybill_address(self, account: BankAccount) -> str:
        return self._address(account, "paybill")

    @column(description="Account notices go to")
    def account_address(self, account: BankAccount) -> str:
        return self._address(account, "account")

    def _address(self, account: BankAccount, what: str) -> str:
        return bank.callback_address(account, what) if account.created_at else "Save it to see the address."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The addresses hold the token, so only who may change the account sees them."""
        found = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return found
        hidden = {"paybill_address", "account_address"}
        kept = [
            (title, {**part, "fields": [one for one in part["fields"] if one not in hidden]})
            for title, part in found
        ]
        return [(title, part) for title, part in kept if part["fields"]]

    def has_set_up_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    @harmless
    @button(
        description="Test connection",
        icon="verified_user",
        permissions=["set_up"],
        dialog=dialog(
            "Test the connection",
            "The till is asked for a token, and the gateway for the balance. No money moves.",
            "Test",
            BaseDialogForm,
        ),
    )
    def test_connection(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        account = BankAccount.objects.get(pk=object_id)
        found = bank.examine(account)
        if found.balance is not None:
            told = {"available_balance": found.balance.available, "balance_at": timezone.now()}
            BankAccount.objects.filter(pk=account.pk).update(**told)
        for good, line in found.lines:
            messages.add_message(request, messages.SUCCESS if good else messages.ERROR, line)
        write_line(request, account, "tested connection", detail={"good": found.good})
        return go_to(reverse("admin:wallet_bankaccount_change", args=[object_id]))

    @button(
        description="Renew addresses",
        icon="autorenew",
        permissions=["set_up"],
        dialog=dialog(
            "Give the notices new addresses",
            "Tell the bank the new ones. Those of now stay good until they are renewed once more.",
            "Renew",
        ),
    )
    def renew(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        bank.renew_addresses(account_id=object_id, by=by, at=timezone.now())
        messages.success(request, "The new addresses are on this page.")
        return go_to(reverse("admin:wallet_bankaccount_change", args=[object_id]))
