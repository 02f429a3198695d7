"""Customers' payments over the API: seen with their story, allocated from suspense, asked for on the phone."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from c2b import desk, prompting
from c2b import serializers as shapes
from c2b.models import SEARCHED, C2bTransaction, StkPush
from c2b.reading import host_of
from c2b.statuses import AT_REST, Channel, PromptStatus, Status, TransactionType
from common.api.filters import AmountFilter, AnyOfFilter, MomentFilter, PhoneFilter, YesNoFilter
from common.api.problems import Problem
from common.gateway import GatewayError, Rejected
from common.moves import ForbiddenMove, LostRace
from common.names import begin_with
from mifos.accounts import Account, AccountKind
from mifos.hosts import speaking_to
from partners.api.filters import OwnedFilters
from partners.api.money import Wish, moves_money
from partners.api.views import ApiView, DetailView, ListView
from partners.models import Partner, Scope

ROWS = C2bTransaction.objects.select_related("partner", "shortcode")
STORIES = ROWS.prefetch_related("events", "postings", "decisions__asked_by")
PROMPTS = StkPush.objects.select_related("partner", "shortcode")


class PaymentFilters(OwnedFilters):
    status = AnyOfFilter(choices=Status.choices)
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    transaction_type = django_filters.ChoiceFilter(choices=TransactionType.choices)
    needs_person = YesNoFilter(method="by_attention", help_text="Whether only a person can help.")
    receipt = django_filters.CharFilter(method="by_receipt", help_text="M-Pesa's, in any case.")
    shortcode = django_filters.CharFilter(field_name="shortcode__number")
    bill_ref = django_filters.CharFilter(method="by_words", help_text="As the customer typed it.")
    account_no = django_filters.CharFilter(method="by_words", help_text="Of the account in Mifos.")
    mifos_account_id = django_filters.NumberFilter(min_value=1, max_value=shapes.LARGEST_ID, decimal_places=0)
    phone = PhoneFilter(method="by_phone")
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte")
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte")
    paid_from = MomentFilter(field_name="paid_at", lookup_expr="gte")
    paid_until = MomentFilter(field_name="paid_at", lookup_expr="lt")

    def by_attention(self, rows: "QuerySet[Any]", name: str, value: bool) -> "QuerySet[Any]":
        wants = ~Q(attention="") | ~Q(contradiction="")
        return rows.filter(wants if value else ~wants)

    def by_words(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        """With the index of words too, where it surely has the value as one: what has come to rest is in it."""
        words = begin_with(SEARCHED, value) if value.isascii() and value.isalnum() else None
        where = Q(**{name: value})
        if words is None:
            return rows.filter(where)
        at_rest = Q(words, status__in=sorted(AT_REST))
        return rows.filter(where, at_rest | ~Q(status__in=sorted(AT_REST)))

    def by_receipt(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        return rows.filter(mpesa_receipt=value.strip().upper())

    def by_phone(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        return rows.filter(Q(customer_phone=value) & ~Q(customer_phone=""))


class Payments(ListView):
    """Customers' payments, the newest first, however we heard of them."""

    scopes = {"GET": Scope.READ}
    rows = ROWS
    owner = "partner"
    serializer_class = shapes.PaymentShown
    filterset_class = PaymentFilters
    says = {"GET": "List customers' payments"}


class OnePayment(DetailView):
    """A customer's payment with its whole story."""

    scopes = {"GET": Scope.READ}
    rows = STORIES
    owner = "partner"
    serializer_class = shapes.PaymentDetail
    says = {"GET": "Read a customer's payment"}


class Allocate(ApiView):
    """Book money in suspense to one account or several; each is looked up in Mifos first.

    Above the partner's limit nothing is booked yet: the answer then has `waits_for_approval`, and an approver must
    agree on the payment's page. No key can agree to what a key asked for.
    """

    scopes = {"POST": Scope.COLLECT}
    rows = STORIES
    owner = "partner"
    serializer_class = shapes.PaymentDetail
    says = {"POST": "Allocate a payment from suspense"}
    takes = {"POST": shapes.AllocationAsked}
    gives = {"POST": (202, shapes.PaymentDetail)}
    refusals = {"POST": ("conflict",)}

    @moves_money
    def post(self, request: Request, *, wish: Wish, **kwargs: Any) -> Response:
        asked, row = self.body(), self.row()
        shares = [
            desk.Share(kind=AccountKind(one["kind"]), account_id=one["account_id"], amount=one["amount"])
            for one in asked["shares"]
        ]
        try:
            desk.allocate(
                transaction_id=row.pk,
                shares=shares,
                by=self.by,
                reason=asked["reason"],
                at=self.at,
                request_id=wish.reference,
            )
        except desk.NotPossible as exc:
            raise Problem("conflict", str(exc)) from exc
        except (LostRace, ForbiddenMove):
            raise Problem("conflict", "It moved on a moment ago. Read it again before you go on.") from None
        return Response(self.show(self.row()), status=202)


class PromptFilters(OwnedFilters):
    status = AnyOfFilter(choices=PromptStatus.choices)
    phone = PhoneFilter()
    receipt = django_filters.CharFilter(method="by_receipt", help_text="M-Pesa's, in any case.")
    client_request_id = django_filters.CharFilter()
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte")
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte")
    sent_from = MomentFilter(field_name="sent_at", lookup_expr="gte")
    sent_until = MomentFilter(field_name="sent_at", lookup_expr="lt")

    def by_receipt(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        return rows.filter(Q(mpesa_receipt=value.strip().upper()) & ~Q(mpesa_receipt=""))


class Prompts(ListView):
    """Questions on customers' phones (STK push). The money counts once M-Pesa has told of it, not before.

    One question is sent once, whatever becomes of it: `unknown` means that the phone may have been asked.
    """

    scopes = {"GET": Scope.READ, "POST": Scope.COLLECT}
    rows = PROMPTS
    owner = "partner"
    serializer_class = shapes.PromptShown
    filterset_class = PromptFilters
    says = {"GET": "List prompts", "POST": "Ask a customer's phone for a payment"}
    takes = {"POST": shapes.PromptAsked}
    gives = {"POST": (202, shapes.PromptShown)}
    refusals = {"POST": ("conflict", "refused", "outside_failed")}

    @moves_money
    def post(self, request: Request, *, wish: Wish) -> Response:
        asked = self.body()
        partner = self.partner_of(asked.get("partner"))
        reference = asked.get("client_request_id") or wish.reference
        row = StkPush.objects.filter(partner=partner, client_request_id=reference).first()
        if row is None:
            row = self._ask(partner, asked, reference)
        elif (row.phone, row.amount, row.account_id) != (
            asked["phone"],
            asked["amount"],
            asked["account_id"],
        ):
            words = f"{reference} was used before for another phone, amount or account. Take a new one."
            raise Problem("conflict", words)
        return Response(self.show(row), status=202, headers={"Location": f"/api/c2b/prompts/{row.pk}"})

    def _ask(self, partner: Partner, asked: dict[str, Any], reference: str) -> StkPush:
        account = self._account(partner, AccountKind(asked["account_kind"]), asked["account_id"])
        try:
            return prompting.prompt(
                partner=partner,
                phone=asked["phone"],
                amount=asked["amount"],
                kind=account.kind,
                account_id=account.id,
                account_no=account.account_no,
                asked_by=self.by.who,
                at=self.at,
                client_request_id=reference,
            )
        except prompting.CannotPrompt as exc:
            raise Problem("refused", str(exc)) from exc

    def _account(self, partner: Partner, kind: AccountKind, account_id: int) -> Account:
        """Return the account as Mifos has it.

        :raises Problem: there is no Mifos, it does not know the account, or did not answer
        """
        host = host_of(partner.pk)
        if host is None:
            raise Problem(
                "refused", "The partner has no Mifos connection, so there is no account to pay for."
            )
        try:
            with speaking_to(host, at=self.at) as fineract:
                return fineract.account(kind, account_id)
        except Rejected as exc:
            raise Problem("refused", f"Mifos did not show the account: {exc}.") from exc
        except GatewayError as exc:
            raise Problem(
                "outside_failed", f"Mifos did not show the account: {exc}. Nobody was asked."
            ) from exc


class OnePrompt(DetailView):
    """A question on a customer's phone with its timeline."""

    scopes = {"GET": Scope.READ}
    rows = PROMPTS.prefetch_related("events")
    owner = "partner"
    serializer_class = shapes.PromptDetail
    says = {"GET": "Read a prompt"}
