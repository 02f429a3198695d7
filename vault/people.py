"""The people who log in, and the roles they have."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from common.windows import AuditedAdmin, ReadOnlyAdmin, ago, column, write_line

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg]
    """Accounts. Only a superuser makes or changes a superuser, and nobody changes their own roles."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "roles", "state", "last_seen"]
    list_filter = ["is_active", "groups"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights = ["groups", "is_active", "is_staff", *(["is_superuser"] if _is_root(request) else [])]
        return [
            (None, {"fields": ["username", "password"]}),
            ("Person", {"fields": [("first_name", "last_name"), "email"]}),
            ("Roles", {"fields": rights}),
            ("Dates", {"fields": [("last_login", "date_joined")]}),
        ]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **options)
        if field is not None and db_field.name == "groups":
            field.label, field.help_text = (
                "Roles",
                "A person may have several. Nobody approves their own work.",
            )
            field.widget = UnfoldAdminCheckboxSelectMultipleWidget(choices=field.choices)
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = ["groups", "is_active", "is_staff"] if obj and obj.pk == request.user.pk else []
        return [*super().get_readonly_fields(request, obj), *([] if _is_root(request) else own)]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_superuser and not _is_root(request):
            return False
        return bool(super().has_change_permission(request, obj))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if message == "Changed password.":  # the page for another's password saves without save_model
            write_line(request, obj, "changed", fields=["password"])
        return super().log_change(request, obj, message)

    @column(description="Name")
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @column(description="Roles")
    def roles(self, user: User) -> str:
        names = ["superuser"] if user.is_superuser else []
        return ", ".join([*names, *(group.name for group in user.groups.all())]) or "none"

    @column(description="Last login", ordering="last_login")
    def last_seen(self, user: User) -> str:
        return ago(user.last_login) if user.last_login else "never"

    @column(description="State", label={"active": "success", "off": "danger"})
    def state(self, user: User) -> str:
        return "active" if user.is_active else "off"


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin, DjangoGroupAdmin):  # type: ignore[misc]
    """Roles are part of the program (`vault/roles.py`): shown here, changed there."""

    list_display = ["name", "people"]

    @column(description="People")
    def people(self, group: Group) -> str:
        return ", ".join(user.username for user in group.user_set.all()) or "nobody"


def _is_root(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
