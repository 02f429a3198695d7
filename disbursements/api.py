"""Disbursements over the API: seen with their story, asked for, held, released, tried again, cancelled."""

from collections.abc import Callable
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db.models import Prefetch, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from common import nudge
from common.api.filters import AmountFilter, AnyOfFilter, MomentFilter, PhoneFilter, YesNoFilter
from common.api.problems import Problem
from common.moves import ForbiddenMove, LostRace
from disbursements import deciding, intake, tasks
from disbursements import serializers as shapes
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import Cause, Status
from mifos.models import MifosPartner
from partners.api.filters import OwnedFilters
from partners.api.money import Wish, moves_money
from partners.api.views import ApiView, DetailView, ListView
from partners.models import Partner, Scope

ROWS = Disbursement.objects.select_related("partner")
STORIES = ROWS.prefetch_related(
    Prefetch("attempts", Attempt.objects.select_related("shortcode").order_by("number")), "events"
)


class DisbursementFilters(OwnedFilters):
    status = AnyOfFilter(choices=Status.choices)
    hold_cause = django_filters.ChoiceFilter(choices=Cause.choices, method="by_cause")
    source = django_filters.ChoiceFilter(choices=Disbursement.Source.choices)
    needs_person = YesNoFilter(method="by_attention", help_text="Whether only a person can help.")
    loan_id = django_filters.NumberFilter(
        method="by_loan",
        min_value=1,
        max_value=2**63 - 1,
        decimal_places=0,
        help_text="The loan's id in Mifos.",
    )
    loan_account_no = django_filters.CharFilter()
    client_request_id = django_filters.CharFilter(method="by_request")
    receipt = django_filters.CharFilter(method="by_receipt", help_text="M-Pesa's, in any case.")
    phone = PhoneFilter()
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte")
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte")
    detected_from = MomentFilter(field_name="detected_at", lookup_expr="gte")
    detected_until = MomentFilter(field_name="detected_at", lookup_expr="lt")
    settled_from = MomentFilter(field_name="settled_at", lookup_expr="gte")
    settled_until = MomentFilter(field_name="settled_at", lookup_expr="lt")

    def by_cause(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        """Together with the status, which alone has causes, as the table is indexed."""
        return rows.filter(status=Status.HELD, hold_cause=value)

    def by_attention(self, rows: "QuerySet[Any]", name: str, value: bool) -> "QuerySet[Any]":
        return rows.exclude(attention="") if value else rows.filter(attention="")

    def by_loan(self, rows: "QuerySet[Any]", name: str, value: Any) -> "QuerySet[Any]":
        """Together with the hosts, as the table is indexed."""
        return rows.filter(mifos_partner__in=MifosPartner.objects.values("pk"), mifos_loan_id=int(value))

    def by_request(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        """Together with the partners, as the table is indexed."""
        return rows.filter(partner__in=Partner.objects.values("pk"), client_request_id=value)

    def by_receipt(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        return rows.filter(Q(receipt=value.strip().upper()) & ~Q(receipt=""))


class Disbursements(ListView):
    """Payments to clients, the newest first. A loan's begins when it is seen approved in Mifos.

    A payout that is asked for here takes the same road: its answer says that it was taken, not that it was paid.
    Follow it by its address, by `GET /api/events`, or by a webhook. Above the partner's approval limit it is held
    until two people approve it on its page; no key can stand in for either of them.
    """

    scopes = {"GET": Scope.READ, "POST": Scope.DISBURSE}
    rows = ROWS
    owner = "partner"
    serializer_class = shapes.DisbursementShown
    filterset_class = DisbursementFilters
    says = {"GET": "List disbursements", "POST": "Ask for a payout"}
    takes = {"POST": shapes.PayoutAsked}
    gives = {"POST": (202, shapes.DisbursementShown)}
    refusals = {"POST": ("conflict",)}

    @moves_money
    def post(self, request: Request, *, wish: Wish) -> Response:
        asked = self.body()
        partner = self.partner_of(asked.get("partner"))
        try:
            row, new = intake.ask_payout(
                partner_id=partner.pk,
                client_request_id=asked.get("client_request_id") or wish.reference,
                phone=asked["phone"],
                amount=asked["amount"],
                client_name=asked["client_name"],
                at=self.at,
            )
        except intake.RequestConflict as exc:
            raise Problem("conflict", f"{exc}. Take a new client_request_id for another payment.") from exc
        if new:
            nudge.send(tasks.check, row.pk)
        return Response(
            self.show(row), status=202, headers={"Location": f"/api/loans/disbursements/{row.pk}"}
        )


class OneDisbursement(DetailView):
    """A payment with its whole story."""

    scopes = {"GET": Scope.READ}
    rows = STORIES
    owner = "partner"
    serializer_class = shapes.DisbursementDetail
    says = {"GET": "Read a disbursement"}


class Action(ApiView, abstract=True):
    """What a key may do with a payment, with a reason. Answers with the payment as it is then."""

    rows = STORIES
    owner = "partner"
    serializer_class = shapes.DisbursementDetail
    takes = {"POST": shapes.Reasoned}
    refusals = {"POST": ("conflict",)}

    def act(self, operation: Callable[..., None]) -> Response:
        """:raises Problem: it does not fit where the payment is, or a person must do it"""
        reason = self.body()["reason"]
        row = self.row()
        try:
            operation(disbursement_id=row.pk, by=self.by, reason=reason, at=self.at)
        except deciding.NotPossible as exc:
            raise Problem("conflict", str(exc)) from exc
        except (LostRace, ForbiddenMove):
            raise Problem("conflict", "It moved on a moment ago. Read it again before you go on.") from None
        return Response(self.show(self.row()))


class Hold(Action):
    """Stop a payment that has not left for M-Pesa. It stays until it is released."""

    scopes = {"POST": Scope.DISBURSE}
    says = {"POST": "Hold a disbursement"}

    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.act(deciding.hold)


class Release(Action):
    """Let a held payment go on: all checks run again.

    What is a person's to decide is refused with 409: a limit that would be waived, a changed amount, what a person
    held, and what waits for two people. An approver must confirm that on the payment's page; a key cannot be the
    second person for what a key asked for.
    """

    scopes = {"POST": Scope.DISBURSE}
    says = {"POST": "Release a disbursement"}

    @moves_money
    def post(self, request: Request, *, wish: Wish, **kwargs: Any) -> Response:
        return self.act(deciding.release)


class Retry(Action):
    """Try a payment again that failed or was cancelled, after new checks. Refused where it may have been paid."""

    scopes = {"POST": Scope.DISBURSE}
    says = {"POST": "Try a disbursement again"}

    @moves_money
    def post(self, request: Request, *, wish: Wish, **kwargs: Any) -> Response:
        return self.act(deciding.retry)


class Cancel(Action):
    """Give a payment up for good. What M-Pesa has, or may have, cannot be cancelled."""

    scopes = {"POST": Scope.DISBURSE}
    says = {"POST": "Cancel a disbursement"}

    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.act(deciding.cancel)
