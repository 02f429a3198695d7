"""The people who log in, and the roles they have."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import StackedInline
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from common.marks import harmless
from common.network import client_address
from common.windows import (
    AuditedAdmin,
    ReadOnlyAdmin,
    ago,
    button,
    column,
    dialog,
    go_to,
    person,
    write_line,
)
from partners.people import PartnerUser
from vault.entry import factor, visits

admin.site.unregister([User, Group])


class PartnerForm(forms.models.BaseInlineFormSet):  # type: ignore[type-arg]
    """A superuser sees everything, so nobody is one and a partner's at once."""

    def clean(self) -> None:
        super().clean()
        chosen = [one for one in self.forms if one.cleaned_data and not one.cleaned_data.get("DELETE")]
        if chosen and self.instance.is_superuser:
            raise forms.ValidationError("A superuser belongs to the platform; take that right away first.")


class PartnerInline(StackedInline):  # type: ignore[misc]
    model = PartnerUser
    formset = PartnerForm
    verbose_name_plural = "Partner: empty for people of the platform"
    extra = 0
    max_num = 1
    autocomplete_fields = ["partner"]

    def _may(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("auth.change_user"))

    has_view_permission = has_add_permission = has_change_permission = has_delete_permission = _may


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg]
    """Accounts. Only a superuser makes or changes a superuser, and nobody changes their own roles."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "roles", "whose", "second_factor", "state", "last_seen"]
    list_filter = ["is_active", "groups"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined", "second_factor"]
    actions_detail = ["reset_second_factor", "end_sessions"]
    inlines = [PartnerInline]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights = ["groups", "is_active", "is_staff", *(["is_superuser"] if _is_root(request) else [])]
        return [
            (None, {"fields": ["username", "password"]}),
            ("Person", {"fields": [("first_name", "last_name"), "email"]}),
            ("Roles", {"fields": rights}),
            ("Coming in", {"fields": ["second_factor", ("last_login", "date_joined")]}),
        ]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody changes to whom they belong themselves; a new person is made first."""
        return super().get_inlines(request, obj) if obj is not None and obj.pk != request.user.pk else []

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            visits.end_all(user=form.instance, why="belongs to another partner", at=timezone.now())

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
        return (
            super()
            .get_queryset(request)
            .prefetch_related("groups")
            .select_related("authenticator", "partner_user__partner")
        )

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

    @column(description="Works for")
    def whose(self, user: User) -> str:
        return str(user.partner_user.partner) if hasattr(user, "partner_user") else "the platform"

    @column(description="Second factor", label={"on": "success", "not set up": "warning"})
    def second_factor(self, user: User) -> str:
        return "on" if hasattr(user, "authenticator") else "not set up"

    def has_reset_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """One's own is changed on its page, with a code of the first."""
        user = User.objects.filter(pk=object_id, authenticator__isnull=False).first() if object_id else None
        return bool(user and user.pk != request.user.pk and self.has_change_permission(request, user))

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        user = User.objects.filter(pk=object_id).first() if object_id else None
        return bool(user and user.pk != request.user.pk and self.has_change_permission(request, user))

    @button(
        description="Reset second factor",
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        permissions=["reset"],
        dialog=dialog(
            "Reset the second factor",
            "For somebody who has lost phone and recovery codes: see or call the person first. Their sessions end, "
            "and their next login sets up a new one.",
            "Reset",
        ),
    )
    def reset_second_factor(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        factor.reset(
            user=User.objects.get(pk=object_id),
            by=person(request),
            reason=form.cleaned_data["reason"],
            at=timezone.now(),
            address=client_address(request),
        )
        messages.success(request, "It is reset. The next login sets up a new one.")
        return go_to(reverse("admin:auth_user_change", args=[object_id]))

    @harmless
    @button(
        description="Log out everywhere",
        icon="logout",
        permissions=["end"],
        dialog=dialog("Log this person out everywhere", "Whatever they are doing ends at once.", "Log out"),
    )
    def end_sessions(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        user, now = User.objects.get(pk=object_id), timezone.now()
        count = visits.end_all(user=user, why=f"ended by {person(request).get_username()}", at=now)
        write_line(
            request, user, "ended all sessions", reason=form.cleaned_data["reason"], detail={"count": count}
        )
        messages.success(request, f"{user} is logged out everywhere.")
        return go_to(reverse("admin:auth_user_change", args=[object_id]))

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
