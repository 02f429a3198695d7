"""Partners, shortcodes and tariffs over the API, for the platform's own keys."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import Filters, YesNoFilter
from common.api.problems import Problem, wrong_field
from partners import operations
from partners.api import serializers as shapes
from partners.api.filters import OwnedFilters
from partners.api.views import ListView, SettingsView
from partners.models import Partner, Scope, Shortcode, TariffBand
from partners.operations import BadCertificate, BadTariff, NotYours


class PartnerFilters(Filters):
    code = django_filters.CharFilter()
    is_active = YesNoFilter()


class Partners(ListView):
    """The institutions that use the platform."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    platform_only = True
    rows = Partner.objects.all()
    serializer_class = shapes.PartnerShown
    filterset_class = PartnerFilters
    is_settings = True
    says = {"GET": "List partners", "POST": "Make a partner"}
    takes = {"POST": shapes.NewPartner}
    gives = {"POST": (201, shapes.PartnerShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        wanted = self.body()
        code = wanted.pop("code")
        if Partner.objects.filter(code=code).exists():
            raise Problem("conflict", f"There is a partner “{code}” already. Change it by its address.")
        saved = operations.put_partner(code=code, fields=wanted, by=self.by, at=self.at)
        return self.told(saved.row, 201, location=f"/api/partners/{saved.row.pk}")


class OnePartner(SettingsView):
    """A partner. Its code stays for good; one that is switched off is neither paid for nor topped up."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE}
    platform_only = True
    rows = Partner.objects.all()
    serializer_class = shapes.PartnerShown
    says = {"GET": "Read a partner", "PATCH": "Change a partner"}
    takes = {"PATCH": shapes.PartnerSettings}

    def change(self, row: Partner, wanted: dict[str, Any]) -> Partner:
        return operations.put_partner(code=row.code, fields=wanted, by=self.by, at=self.at).row


class ShortcodeFilters(OwnedFilters):
    number = django_filters.CharFilter()
    kind = django_filters.ChoiceFilter(choices=Shortcode.Kind.choices)
    is_shared = YesNoFilter(field_name="partner", lookup_expr="isnull")
    is_active = YesNoFilter()


class Shortcodes(ListView):
    """M-Pesa organisation numbers: a partner's own, or shared by the platform. Credentials are never shown."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    platform_only = True
    rows = Shortcode.objects.select_related("partner")
    serializer_class = shapes.ShortcodeShown
    filterset_class = ShortcodeFilters
    is_settings = True
    says = {"GET": "List shortcodes", "POST": "Set up a shortcode"}
    takes = {"POST": shapes.NewShortcode}
    gives = {"POST": (201, shapes.ShortcodeShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        wanted = self.body()
        number, code = wanted.pop("number"), wanted.pop("partner", None)
        if Shortcode.objects.filter(number=number).exists():
            raise Problem("conflict", f"Shortcode {number} is set up already. Change it by its address.")
        row = _put_shortcode(self, number, self.partner_of(code) if code else None, wanted)
        return self.told(row, 201, location=f"/api/shortcodes/{row.pk}")


class OneShortcode(SettingsView):
    """An M-Pesa number. Its number and its owner stay for good."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE}
    platform_only = True
    rows = Shortcode.objects.select_related("partner")
    serializer_class = shapes.ShortcodeShown
    says = {"GET": "Read a shortcode", "PATCH": "Change a shortcode"}
    takes = {"PATCH": shapes.ShortcodeSettings}

    def change(self, row: Shortcode, wanted: dict[str, Any]) -> Shortcode:
        return _put_shortcode(self, row.number, row.partner, wanted)


def _put_shortcode(
    view: ListView | SettingsView, number: str, partner: Partner | None, wanted: dict[str, Any]
) -> Shortcode:
    try:
        saved = operations.put_shortcode(
            number=number, partner=partner, fields=wanted, by=view.by, at=view.at
        )
    except BadCertificate as exc:
        raise wrong_field("certificate", str(exc), code="certificate") from exc
    except NotYours as exc:
        raise Problem("conflict", str(exc)) from exc
    return saved.row


class BandFilters(OwnedFilters):
    kind = django_filters.ChoiceFilter(choices=TariffBand.Kind.choices)
    is_general = YesNoFilter(
        field_name="partner", lookup_expr="isnull", help_text="Those for all partners without their own."
    )


class Tariffs(ListView):
    """What is charged. A partner's own bands of a kind replace the platform's, and later ones the earlier."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    platform_only = True
    rows = TariffBand.objects.select_related("partner")
    serializer_class = shapes.BandShown
    filterset_class = BandFilters
    says = {"GET": "List tariff bands", "POST": "Set a tariff from a day on"}
    takes = {"POST": shapes.Tariff}
    gives = {"POST": (200, shapes.TariffShown)}

    def post(self, request: Request) -> Response:
        wanted = self.body()
        partner = self.partner_of(wanted["partner"]) if wanted.get("partner") else None
        valid_from = wanted.get("valid_from") or timezone.localdate(self.at)
        bands = [(band["up_to"], band["fee"]) for band in wanted["bands"]]
        try:
            changed = operations.put_tariff(
                partner=partner,
                kind=wanted["kind"],
                bands=bands,
                valid_from=valid_from,
                by=self.by,
                at=self.at,
            )
        except BadTariff as exc:
            raise wrong_field("bands", str(exc), code="bands") from exc
        told = {"partner": partner.code if partner else None, "valid_from": valid_from, "changed": changed}
        return Response(self.show(wanted | told))
