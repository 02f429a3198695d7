"""The four roles, as Django groups whose permissions follow the models.

They are written after every `migrate`, when all permissions exist, so a new table is in the right roles
from its first day. A model says what its own rights are for by their names: `operate_…` is daily work (hold,
retry, pause), `approve_…` is the second person's.
"""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models import Q

VIEWER, OPERATOR, APPROVER, ADMINISTRATOR = "viewer", "operator", "approver", "administrator"

_SEES = Q(codename__startswith="view_")
_WORKS = Q(codename__startswith="operate_")
_APPROVES = Q(codename__startswith="approve_")
_REVEALS = Q(codename="reveal_phone")
_SETS_UP = Q(codename__startswith="add_") | Q(codename__startswith="change_")
_PEOPLE = Q(content_type__app_label="auth", content_type__model__in=["user", "group"])

_HOUSE = ("common", "partners", "events", "mifos", "wallet", "sms", "disbursements", "c2b")

# Money tables and histories are windows: nobody has a right to write them through a page.
_SET_UP_TABLES = (
    Q(
        content_type__app_label="partners",
        content_type__model__in=["partner", "shortcode", "tariffband", "apikey"],
    )
    | Q(content_type__app_label="mifos")
    | Q(content_type__app_label="events", content_type__model="webhookendpoint")
    | Q(content_type__app_label="c2b", content_type__model__in=["collectionrule", "collector"])
    | Q(content_type__app_label="sms", content_type__model__in=["smsgateway", "smstemplate"])
    | Q(
        content_type__app_label="wallet",
        content_type__model__in=["partnerwallet", "autofloatrule", "bankaccount"],
    )
)

_OURS = Q(content_type__app_label__in=_HOUSE)

ROLES: dict[str, Q] = {
    VIEWER: _OURS & _SEES,
    OPERATOR: _OURS & (_SEES | _WORKS | _REVEALS),
    APPROVER: _OURS & (_SEES | _APPROVES | _REVEALS),
    ADMINISTRATOR: (_OURS & (_SEES | _WORKS | _REVEALS))
    | (_SET_UP_TABLES & _SETS_UP)
    | (_PEOPLE & (_SEES | _SETS_UP)),
}


def write_roles(sender: AppConfig, **_: Any) -> None:
    """Give each role its permissions, once the last app has been migrated."""
    from django.contrib.auth.models import Group, Permission

    with_models = [config for config in apps.get_app_configs() if config.models_module]
    if sender is not with_models[-1]:
        return
    for name, rights in ROLES.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(rights))
