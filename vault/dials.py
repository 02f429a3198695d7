"""Pause dials for people: the page, and the banner that stands on every page while one is on."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from common.marks import harmless
from common.windows import ReadOnlyAdmin, ago, button, column, dialog, go_to, person
from mifos.models import LoanProduct
from partners import pausing
from partners.models import Partner, PauseDial, Shortcode

TARGETS: dict[str, type[models.Model]] = {
    PauseDial.Scope.PARTNER: Partner,
    PauseDial.Scope.PRODUCT: LoanProduct,
    PauseDial.Scope.SHORTCODE: Shortcode,
}


def target_name(dial: PauseDial) -> str:
    """Say in words what a dial stops."""
    if dial.scope == pausing.EVERYTHING:
        return "All payouts"
    found = TARGETS[dial.scope]._default_manager.filter(pk=dial.target_id).first()
    return f"{dial.get_scope_display().removeprefix('A ').capitalize()} {found or 'that is gone'}"


def _choices() -> list[tuple[str, Any]]:
    groups: list[tuple[str, Any]] = [(pausing.EVERYTHING, "Everything")]
    for scope, model in TARGETS.items():
        rows = [(f"{scope}:{row.pk}", str(row)) for row in model._default_manager.all()]
        if rows:
            groups.append((PauseDial.Scope(scope).label.removeprefix("A ").capitalize(), rows))
    return groups


class PauseForm(BaseDialogForm):  # type: ignore[misc]
    """What to pause, and why."""

    target = forms.ChoiceField(label="What", choices=_choices, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def split(self) -> tuple[str, UUID | None]:
        scope, _, row_id = self.cleaned_data["target"].partition(":")
        return scope, UUID(row_id) if row_id else None


@admin.register(PauseDial)
class PauseDialAdmin(ReadOnlyAdmin):
    list_display = ["what", "state", "why", "who", "since", "until"]
    list_filter = ["scope", ("lifted_at", admin.EmptyFieldListFilter)]
    search_fields = ["reason", "lift_reason"]
    readonly_fields = ["what", "state", "who"]
    fields = ["what", "state", "reason", "who", "paused_at"]
    actions_list = ["pause"]
    actions_detail = ["ask_to_lift", "lift"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        asked = ["lift_asked_by", "lift_asked_at"] if obj and obj.lift_asked_at else []
        lifted = ["lifted_by", "lifted_at"] if obj and obj.lifted_at else []
        return [*self.fields, *asked, *lifted, *(["lift_reason"] if asked or lifted else [])]

    @column(description="What")
    def what(self, dial: PauseDial) -> str:
        return target_name(dial)

    @column(description="Why")
    def why(self, dial: PauseDial) -> str:
        return dial.reason if len(dial.reason) <= 80 else f"{dial.reason[:79]}…"

    @column(description="Paused by")
    def who(self, dial: PauseDial) -> str:
        return "the platform itself" if dial.by_platform else str(dial.paused_by)

    @column(description="Since", ordering="paused_at")
    def since(self, dial: PauseDial) -> str:
        return ago(dial.paused_at)

    @column(description="Lifted", ordering="lifted_at")
    def until(self, dial: PauseDial) -> str:
        return ago(dial.lifted_at) if dial.lifted_at else "–"

    @column(description="State", label={"paused": "danger", "waits for a second person": "warning"})
    def state(self, dial: PauseDial) -> str:
        if dial.lifted_at:
            return "lifted"
        return "waits for a second person" if dial.lift_asked_at else "paused"

    def has_turn_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("partners.operate_pausedial"))

    def has_ask_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        dial = _on(object_id)
        return bool(dial and dial.scope == pausing.EVERYTHING and self.has_turn_permission(request))

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever asked that everything is resumed is not the one who lifts the dial."""
        dial = _on(object_id)
        if not dial or not request.user.has_perm("partners.approve_pausedial"):
            return False
        return dial.scope != pausing.EVERYTHING or dial.lift_asked_by_id not in (None, request.user.pk)

    @harmless  # nothing may stand before a stop
    @button(
        description="Pause…",
        icon="pause_circle",
        variant=ActionVariant.DANGER,
        permissions=["turn"],
        dialog=dialog(
            "Pause",
            "Nothing new is sent while a dial is on. What is under way is followed to its end.",
            "Pause",
            PauseForm,
        ),
    )
    def pause(self, request: HttpRequest, form: Any) -> HttpResponse:
        scope, target_id = form.split()
        return _try(
            request,
            "Paused. Nothing new is sent from now on.",
            lambda: pausing.pause(
                scope=scope,
                target_id=target_id,
                reason=form.cleaned_data["reason"],
                by=person(request),
                at=timezone.now(),
            ),
        )

    @harmless
    @button(
        description="Ask to resume everything",
        icon="front_hand",
        permissions=["ask"],
        dialog=dialog("Ask to resume everything", "Another person then has to lift the dial.", "Ask"),
    )
    def ask_to_lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        return _try(
            request,
            "Asked. Another person can lift the dial now.",
            lambda: pausing.ask_to_lift(
                dial_id=UUID(object_id),
                by=person(request),
                at=timezone.now(),
                reason=reason,
            ),
        )

    @button(
        description="Lift",
        icon="play_circle",
        variant=ActionVariant.PRIMARY,
        permissions=["lift"],
        dialog=dialog("Lift this dial", "What was held because of it goes on within seconds.", "Lift"),
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        return _try(
            request,
            "Lifted. What waited goes on.",
            lambda: pausing.lift(
                dial_id=UUID(object_id),
                by=person(request),
                at=timezone.now(),
                reason=reason,
            ),
        )


def _on(object_id: Any) -> PauseDial | None:
    return PauseDial.objects.filter(pk=object_id, lifted_at__isnull=True).first() if object_id else None


def _try(request: HttpRequest, done: str, turn: Any) -> HttpResponse:
    try:
        dial = turn()
    except pausing.CannotPause as exc:
        messages.error(request, str(exc))
        return go_to(reverse("admin:partners_pausedial_changelist"))
    messages.success(request, done)
    return go_to(reverse("admin:partners_pausedial_change", args=[dial.pk]))
