"""How the pages look: name, colours, the rooms in the sidebar, and what stands on every page."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse

Link = tuple[str, str, str]  # title, icon, name of the page: "<app>_<model>" for a table, else a URL name

# The rooms of the house. A page that this installation does not have is left out.
ROOMS: list[tuple[str, list[Link]]] = [
    (
        "",
        [
            ("Overview", "space_dashboard", "admin:index"),
            ("Reports", "bar_chart", "house:reports"),
            ("Reconciliation", "balance", "house:reconciliation"),
        ],
    ),
    (
        "Money out",
        [
            ("Disbursements", "send_money", "disbursements_disbursement"),
            ("Unknown", "help", "house:unknown"),
            ("Loan products", "inventory_2", "mifos_loanproduct"),
        ],
    ),
    (
        "Money in",
        [
            ("Collections", "payments", "c2b_c2btransaction"),
            ("Suspense desk", "help_center", "admin:c2b_suspense"),
            ("Three-way check", "rule_settings", "admin:c2b_check"),
            ("Prompts on phones", "phone_iphone", "c2b_stkpush"),
            ("Top-ups", "add_card", "wallet_topup"),
            ("Bank credits", "savings", "wallet_bankcredit"),
            ("Bank debits", "outbox", "wallet_bankdebit"),
        ],
    ),
    (
        "Wallets",
        [
            ("Wallets", "account_balance_wallet", "wallet_partnerwallet"),
            ("Statement", "receipt_long", "wallet_wallettransaction"),
            ("Float purchases", "shopping_cart", "wallet_floatpurchase"),
            ("Automatic float", "autorenew", "wallet_autofloatrule"),
            ("Float watch", "monitoring", "wallet_floatwatch"),
            ("Ledger proofs", "fact_check", "wallet_ledgerproof"),
            ("Ledger accounts", "account_balance", "wallet_account"),
            ("Transfers", "sync_alt", "wallet_transfer"),
            ("Holds", "lock_clock", "wallet_hold"),
        ],
    ),
    (
        "Set-up",
        [
            ("Partners", "handshake", "partners_partner"),
            ("Mifos connections", "dns", "mifos_mifospartner"),
            ("Shortcodes", "tag", "partners_shortcode"),
            ("Collecting shortcodes", "move_to_inbox", "c2b_collector"),
            ("Collection rules", "rule", "c2b_collectionrule"),
            ("Bank account", "account_balance", "wallet_bankaccount"),
            ("Tariffs", "sell", "partners_tariffband"),
            ("API keys", "key", "partners_apikey"),
            ("Webhooks", "webhook", "events_webhookendpoint"),
        ],
    ),
    (
        "SMS",
        [
            ("Notifications", "sms", "sms_smsnotification"),
            ("Delivery", "mark_email_read", "admin:sms_smsnotification_delivery"),
            ("Texts", "edit_note", "admin:sms_smstemplate_desk"),
            ("Gateways", "cell_tower", "sms_smsgateway"),
        ],
    ),
    (
        "Control",
        [
            ("Health", "monitor_heart", "house:health"),
            ("Pause dials", "pause_circle", "partners_pausedial"),
            ("Messages from outside", "inbox", "common_inboundmessage"),
            ("Partner events", "campaign", "events_partnerevent"),
            ("Webhook deliveries", "outbound", "events_webhookdelivery"),
            ("Audit", "history", "common_auditline"),
        ],
    ),
    (
        "People",
        [
            ("Users", "group", "auth_user"),
            ("Roles", "badge", "auth_group"),
            ("Sessions", "devices", "entry_sessions"),
            ("Second factor", "phonelink_lock", "entry_second_factor"),
        ],
    ),
]

# Pages of no table of their own: whose rows they show decides who may open them.
PAGES = {
    "admin:c2b_suspense": "c2b_c2btransaction",
    "admin:c2b_check": "c2b_c2btransaction",
    "house:unknown": "disbursements_disbursement",
    "house:health": "partners_pausedial",
    "house:reports": "disbursements_disbursement",
    "house:reconciliation": "c2b_c2btransaction",
}


def rooms(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar for this person: the rooms that exist and that the person may enter."""
    found = []
    for title, links in ROOMS:
        items = [item for link in links if (item := _item(request, *link))]
        if items:
            found.append({"title": title, "separator": bool(title), "items": items})
    return found


def _item(request: HttpRequest, title: str, icon: str, page: str) -> dict[str, Any] | None:
    own = page.startswith("entry_")  # everybody's own pages
    name = page if own or ":" in page else f"admin:{page}_changelist"
    try:
        link = reverse(name)
    except NoReverseMatch:
        return None
    if not own and not _may_see(request, PAGES.get(page, page)):
        return None
    from vault.entry.partners import may_open  # it needs the apps, and the settings import this module

    if not may_open(request, link):
        return None
    item: dict[str, Any] = {"title": title, "icon": icon, "link": link}
    return item | ({"active": request.path == link} if page == "admin:index" else {})


def _may_see(request: HttpRequest, page: str) -> bool:
    app, _, model = page.partition("_")
    may: Callable[[str], bool] = request.user.has_perm
    if page == "admin:index":
        return True
    return may(f"{app}.view_{model}") or may(f"{app}.change_{model}")


def environment(request: HttpRequest) -> list[str]:
    """Say on every page whether money is real."""
    return ["Sandbox", "info"] if settings.DEMO else ["Live", "danger"]


def title_prefix(request: HttpRequest) -> str:
    return "[Sandbox]" if settings.DEMO else ""


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Give every page the pause dials that are on, for the banner."""
    if not getattr(request.user, "is_staff", False):
        return {}
    from common.own_rows import partner_of
    from common.windows import ago  # these need the apps, and the settings import this module
    from partners import pausing
    from vault.dials import target_name
    from vault.entry.partners import concerns

    dials = [dial for dial in pausing.active() if concerns(request, dial)]
    factor = {"one_factor_only": settings.TWO_FACTOR == "optional", "is_demo": settings.DEMO}
    return factor | {
        "standing_dials": [(dial, target_name(dial), ago(dial.paused_at)) for dial in dials],
        "own_pages_only": partner_of(request) is not None,
    }


_GREEN = {
    "50": "oklch(97.3% .017 166)",
    "100": "oklch(94% .045 165)",
    "200": "oklch(89% .085 165)",
    "300": "oklch(82% .125 164)",
    "400": "oklch(73% .15 163)",
    "500": "oklch(64% .145 163)",
    "600": "oklch(53% .118 164)",
    "700": "oklch(45% .098 165)",
    "800": "oklch(38% .08 166)",
    "900": "oklch(33% .067 167)",
    "950": "oklch(22% .045 169)",
}

FORMAT_MODULE_PATH = ["vault.formats"]

UNFOLD = {
    "SITE_TITLE": "Payment Vault",
    "SITE_HEADER": "Payment Vault",
    "SITE_SUBHEADER": "Loans out, payments in",
    "SITE_SYMBOL": "encrypted",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("vault/favicon.svg")}
    ],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": "vault.look.environment",
    "ENVIRONMENT_TITLE_PREFIX": "vault.look.title_prefix",
    "GLOBAL_CALLBACK": "vault.look.everywhere",
    "DASHBOARD_CALLBACK": "vault.overview.dashboard",
    "COLORS": {"primary": _GREEN},
    "STYLES": [lambda request: static("common/house.css")],
    "SCRIPTS": [lambda request: static("common/house.js")],
    "COMMAND": {"search_models": False, "show_history": False},  # vault.search_page answers
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "vault.look.rooms",
    },
}
