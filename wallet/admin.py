"""Windows on the ledger. Money moves by operations, so nothing here can be added, changed or deleted."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from common.list_filters import WrittenFilter
from common.windows import ReadOnlyAdmin
from wallet import bank_admin, credit_admin, exported, listing, topup_admin  # noqa: F401 - pages of their own
from wallet.float_admin import BuysFloat
from wallet.models import (
    Account,
    Hold,
    LedgerLine,
    ObservedBalance,
    PartnerWallet,
    Transfer,
    WalletTransaction,
)
from wallet.room import TellsOfMoney
from wallet.room_pages import DoesMore
from wallet.statement_pages import HasStatement


@admin.register(PartnerWallet)
class PartnerWalletAdmin(TellsOfMoney, DoesMore, HasStatement, BuysFloat, ReadOnlyAdmin):
    partner_path = "partner"
    actions_detail = ("statement", "buy_float")
    list_display = (
        "partner",
        "current_balance",
        "currency",
        "low_balance_threshold",
        "last_topup_date",
        "last_topup_amount",
        "sms_notifications_enabled",
    )
    list_filter = ("sms_notifications_enabled",)
    list_select_related = ("partner",)
    search_fields = ("partner__name", "partner__code")
    sortable_by = None


@admin.register(WalletTransaction)
class WalletTransactionAdmin(ReadOnlyAdmin):
    partner_path = "wallet__partner"
    export_columns = exported.LINES
    list_display = (
        "event_at",
        "wallet",
        "transaction_type",
        "amount",
        "balance_after",
        "reference",
        "outcome",
        "sms_sent",
    )
    list_filter = ("transaction_type", "wallet__partner", ("created_at", WrittenFilter))
    list_filter_submit = True
    list_select_related = ("wallet__partner",)
    search_fields = ("reference",)  # shows the box; `get_search_results` looks
    search_help_text = "The whole reference"
    ordering = ("-pk",)  # as they were written

    def get_queryset(self, request: HttpRequest) -> QuerySet[WalletTransaction]:
        return self.own_rows(request, WalletTransaction.objects.with_hold())

    @admin.display(description="What became of the hold")
    def outcome(self, line: WalletTransaction) -> str:
        return str(Hold.Status(status).label) if (status := getattr(line, "hold_status", None)) else ""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.lines(queryset, search_term) if search_term.strip() else queryset), False


@admin.register(LedgerLine)
class LedgerLineAdmin(ReadOnlyAdmin):
    partner_path = "account__partner"
    export_columns = exported.FLOAT_LINES
    list_display = ("event_at", "account", "transfer", "amount", "balance_after")
    list_filter = ("account__partner", "account__shortcode", ("created_at", WrittenFilter))
    list_filter_submit = True
    list_select_related = ("account__partner", "account__shortcode", "transfer")
    search_fields = ("transfer__reference",)  # shows the box; `get_search_results` looks
    search_help_text = "The whole reference"
    ordering = ("-pk",)  # as they were written

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.lines(queryset, search_term) if search_term.strip() else queryset), False


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    export_columns = exported.TRANSFERS
    list_display = ("event_at", "type", "reference", "from_account", "to_account", "amount", "description")
    list_filter = ("type", ("created_at", WrittenFilter))
    list_filter_submit = True
    list_select_related = tuple(
        f"{side}_account__{owner}" for side in ("from", "to") for owner in ("partner", "shortcode")
    )
    search_fields = ("reference",)  # shows the box; `get_search_results` looks
    search_help_text = "The whole reference"
    ordering = ("-pk",)  # as they were written

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.transfers(queryset, search_term) if search_term.strip() else queryset), False


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    export_columns = exported.HOLDS
    list_display = (
        "held_at",
        "partner",
        "shortcode",
        "purpose",
        "principal",
        "charge",
        "status",
        "settled_at",
        "receipt",
        "reason",
    )
    list_filter = ("status", "purpose", "partner", "shortcode", ("held_at", WrittenFilter))
    list_filter_submit = True
    list_select_related = ("partner", "shortcode__partner")
    search_fields = ("reference",)  # shows the box; `get_search_results` looks
    search_help_text = "Id of the attempt, the float purchase, or the hold"
    ordering = ("-pk",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.holds(queryset, search_term) if search_term.strip() else queryset), False


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ("kind", "partner", "shortcode", "balance")
    list_filter = ("kind", "partner")
    sortable_by = None
    list_select_related = ("partner", "shortcode__partner")


@admin.register(ObservedBalance)
class ObservedBalanceAdmin(ReadOnlyAdmin):
    partner_path = "shortcode__partner"
    list_display = ("observed_at", "shortcode", "utility", "working")
    list_filter = ("shortcode", ("observed_at", WrittenFilter))
    list_filter_submit = True
    list_select_related = ("shortcode__partner",)
    ordering = ("-pk",)
