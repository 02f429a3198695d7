"""API keys over the API: seen, made (and shown this once), revoked."""

from collections.abc import Sequence
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import Strict
from common.api.filters import Filters
from common.api.problems import Problem, wrong_field
from partners import operations
from partners.api.views import ApiView, DetailView, ListView
from partners.models import ApiKey, Scope

MOST_REQUESTS = 60_000  # a minute
STATES = ("in_use", "expired", "revoked")


class KeyShown(serializers.ModelSerializer[ApiKey]):
    """A key without its text."""

    partner = serializers.SlugRelatedField[Any](slug_field="code", read_only=True, allow_null=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    is_live = serializers.BooleanField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            *("id", "name", "prefix", "partner", "scopes", "is_live", "state", "rate_per_minute"),
            *("expires_at", "revoked_at", "last_used_at", "created_at"),
        )

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= timezone.now() else "in_use"


class NewKeyShown(KeyShown):
    """A key that was just made; `key` is its text and is never shown again."""

    key = serializers.CharField(help_text="Keep it now: it is not stored here.")

    class Meta(KeyShown.Meta):
        fields = ("key", *KeyShown.Meta.fields)


@extend_schema_serializer(
    examples=[OpenApiExample("For reading", value={"name": "Reports", "scopes": ["read"]}, request_only=True)]
)
class KeyAsked(Strict):
    """What a new key is to be."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=len(Scope)
    )
    partner = serializers.CharField(
        required=False, allow_null=True, max_length=30, help_text="Its code. Empty: the platform's own key."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    rate_per_minute = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_REQUESTS, help_text="Platform only."
    )


class KeyFilters(Filters):
    partner = django_filters.CharFilter(field_name="partner__code")
    state = django_filters.ChoiceFilter(choices=[(state, state) for state in STATES], method="in_state")

    def in_state(self, rows: "QuerySet[ApiKey]", name: str, value: str) -> "QuerySet[ApiKey]":
        past = Q(expires_at__isnull=False, expires_at__lte=timezone.now())
        if value == "revoked":
            return rows.filter(revoked_at__isnull=False)
        return rows.filter(past if value == "expired" else ~past, revoked_at__isnull=True)


class Keys(ListView):
    """API keys. A partner's key sees and makes keys of its own partner, with no scope that it lacks itself."""

    scopes = {"GET": Scope.MANAGE, "POST": Scope.MANAGE}
    rows = ApiKey.objects.select_related("partner")
    owner = "partner"
    serializer_class = KeyShown
    filterset_class = KeyFilters
    says = {"GET": "List keys", "POST": "Make a key"}
    takes = {"POST": KeyAsked}
    gives = {"POST": (201, NewKeyShown)}

    def post(self, request: Request) -> Response:
        asked = self.body()
        partner = (
            self.partner_of(asked.get("partner")) if asked.get("partner") or self.caller.partner else None
        )
        self._check(asked["scopes"], asked.get("rate_per_minute"))
        if asked.get("expires_at") and asked["expires_at"] <= self.at:
            raise wrong_field("expires_at", "This is over already.", code="past")
        key, text = operations.make_api_key(
            partner=partner,
            name=asked["name"],
            scopes=list(dict.fromkeys(asked["scopes"])),
            live=not settings.DEMO,
            expires_at=asked.get("expires_at"),
            by=self.by,
            at=self.at,
            rate_per_minute=asked.get("rate_per_minute"),
        )
        key.key = text  # type: ignore[attr-defined]
        return Response(self.show(key), status=201, headers={"Location": f"/api/keys/{key.pk}"})

    def _check(self, scopes: Sequence[str], rate: int | None) -> None:
        more = [scope for scope in scopes if not self.caller.may(scope)]
        if more:
            words = f"Your own key lacks {', '.join(more)}, so it cannot give it away."
            raise Problem("scope_missing", words)
        if rate is not None and not self.caller.is_platform:
            raise wrong_field("rate_per_minute", "Only the platform sets a key's rate.", code="platform_only")


class Key(DetailView):
    """One API key."""

    scopes = {"GET": Scope.MANAGE}
    rows = ApiKey.objects.select_related("partner")
    owner = "partner"
    serializer_class = KeyShown
    says = {"GET": "Read a key"}


class RevokeKey(ApiView):
    """Make a key useless from now on, your own one too. A revoked key stays revoked; asking again changes nothing."""

    scopes = {"POST": Scope.MANAGE}
    rows = ApiKey.objects.select_related("partner")
    owner = "partner"
    serializer_class = KeyShown
    says = {"POST": "Revoke a key"}

    def post(self, request: Request, **kwargs: Any) -> Response:
        key = self.row()
        operations.revoke_api_key(key=key, by=self.by, at=self.at)
        return Response(self.show(key))
