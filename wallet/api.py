"""A partner's money over the API: what there is, what happened, top-ups, and float with its confirmation."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django.db.models import QuerySet, Subquery
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import AROUND, AmountFilter, Filters, PhoneFilter, WrittenFilter
from common.api.problems import Problem, wrong_field
from common.changes import By
from common.ids import first_id
from common.moves import ForbiddenMove, LostRace
from partners.api.filters import OwnedFilters, PartnerFilter
from partners.api.money import Wish, moves_money
from partners.api.views import ApiView, DetailView, ListView, Row
from partners.models import ApiKey, Partner, Scope
from wallet import asking, balances, listing, topups
from wallet import serializers as shapes
from wallet.bank_models import TopUp, TopUpStatus
from wallet.models import PartnerWallet, TransferType, WalletTransaction
from wallet.operations import Contradiction, InsufficientFunds
from wallet.purchases import FloatPurchase, PurchaseStatus


class Balance(ApiView):
    """What a partner has: the wallet's free and held money, and its float on each shortcode."""

    scopes = {"GET": Scope.READ}
    serializer_class = shapes.BalanceShown
    says = {"GET": "Read the balances"}
    parameters = {"partner": "Code of the partner. The platform's keys must say it."}
    refusals = {"GET": ("invalid",)}

    def get(self, request: Request) -> Response:
        partner = self.partner_of(request.query_params.get("partner"))
        found, wallet = balances.of_partner(partner.pk), PartnerWallet.objects.filter(partner=partner).first()
        told = {
            "available": found.wallet,
            "held": found.wallet_held,
            "low_balance_threshold": wallet.low_balance_threshold if wallet else None,
            "last_topup_at": wallet.last_topup_date if wallet else None,
            "last_topup_amount": wallet.last_topup_amount if wallet else None,
        }
        currency = wallet.currency if wallet else "KES"
        return Response(
            self.show({"partner": partner.code, "currency": currency, "wallet": told, "floats": found.floats})
        )


class WalletFilter(PartnerFilter):
    """The wallet of a partner, found first: its lines then come along their own index."""

    def filter(self, qs: "QuerySet[Any]", value: str | None) -> "QuerySet[Any]":
        if not value:
            return qs
        wallet = PartnerWallet.objects.filter(partner__code=value).values_list("pk", flat=True).first()
        return qs.filter(wallet_id=wallet) if wallet else qs.none()


class LineWrittenFilter(WrittenFilter):
    """A wallet's lines are walked by their number, so that is bounded as well."""

    def filter(self, qs: "QuerySet[Any]", value: datetime | None) -> "QuerySet[Any]":
        rows: QuerySet[Any] = super().filter(qs, value)
        if value is None:
            return rows
        lines = WalletTransaction.objects.values("number")
        if self.lookup_expr == "gte":
            first = lines.filter(pk__gte=first_id(value - AROUND)).order_by("pk")[:1]
            return rows.filter(number__gte=Subquery(first))
        last = lines.filter(pk__lt=first_id(value + AROUND)).order_by("-pk")[:1]
        return rows.filter(number__lte=Subquery(last))


class LineFilters(Filters):
    partner = WalletFilter(help_text="Its code.")
    transaction_type = django_filters.ChoiceFilter(choices=TransferType.choices)
    reference = django_filters.CharFilter(method="by_reference", help_text="The whole of it.")
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte", min_value=None)
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte", min_value=None)
    created_from = LineWrittenFilter(field_name="created_at", lookup_expr="gte")
    created_until = LineWrittenFilter(field_name="created_at", lookup_expr="lt")

    def by_reference(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        """Go by the transfers, which are indexed by it."""
        return rows.filter(pk__in=listing.lines(WalletTransaction.objects.all(), value).values("pk"))


class Transactions(ListView):
    """The wallet's statement, the newest line first. Lines are never changed; a mistake is reversed by another."""

    scopes = {"GET": Scope.READ}
    rows = WalletTransaction.objects.select_related("wallet__partner")
    serializer_class = shapes.LineShown
    filterset_class = LineFilters
    says = {"GET": "List the wallet's transactions"}

    @property
    def order(self) -> str:  # type: ignore[override]
        """Along the index of one wallet, or of all."""
        one = self.caller.partner is not None or "partner" in self.request.query_params
        return "-number" if one else "-id"

    def of_partner(self, rows: "QuerySet[Row]", partner_id: UUID) -> "QuerySet[Row]":
        wallet = PartnerWallet.objects.filter(partner_id=partner_id).values("pk")[:1]
        return rows.filter(wallet_id=Subquery(wallet))


class Transaction(DetailView):
    """One line of the wallet's statement."""

    scopes = {"GET": Scope.READ}
    rows = WalletTransaction.objects.select_related("wallet__partner")
    owner = "wallet__partner"
    serializer_class = shapes.LineShown
    says = {"GET": "Read a transaction"}


class TopUpFilters(OwnedFilters):
    status = django_filters.ChoiceFilter(choices=TopUpStatus.choices)
    phone = PhoneFilter()
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte")
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte")
    asked_from = WrittenFilter(field_name="asked_at", lookup_expr="gte")
    asked_until = WrittenFilter(field_name="asked_at", lookup_expr="lt")


class TopUps(ListView):
    """Top-ups that were asked for. The wallet is credited when the bank tells of the money, not before."""

    scopes = {"GET": Scope.READ, "POST": Scope.WALLET}
    rows = TopUp.objects.select_related("partner")
    owner = "partner"
    serializer_class = shapes.TopUpShown
    filterset_class = TopUpFilters
    says = {"GET": "List top-ups", "POST": "Ask a phone for a top-up"}
    takes = {"POST": shapes.TopUpAsked}
    gives = {"POST": (202, shapes.TopUpShown)}

    @moves_money
    def post(self, request: Request, *, wish: Wish) -> Response:
        asked = self.body()
        partner = self.partner_of(asked.get("partner"))
        try:
            row = topups.ask_topup(
                partner_id=partner.pk,
                phone=asked["phone"],
                amount=asked["amount"],
                client_key=wish.reference,
                at=self.at,
                by=self.by,
            )
        except (topups.CannotTopUp, Contradiction) as exc:
            raise Problem("refused", str(exc)) from exc
        return Response(self.show(row), status=202, headers={"Location": f"/api/wallet/topups/{row.pk}"})


class OneTopUp(DetailView):
    """A top-up with its timeline."""

    scopes = {"GET": Scope.READ}
    rows = TopUp.objects.select_related("partner").prefetch_related("events")
    owner = "partner"
    serializer_class = shapes.TopUpDetail
    says = {"GET": "Read a top-up"}


class PurchaseFilters(OwnedFilters):
    status = django_filters.ChoiceFilter(choices=PurchaseStatus.choices)
    shortcode = django_filters.CharFilter(field_name="shortcode__number")
    amount_min = AmountFilter(field_name="amount", lookup_expr="gte")
    amount_max = AmountFilter(field_name="amount", lookup_expr="lte")
    asked_from = WrittenFilter(field_name="asked_at", lookup_expr="gte")
    asked_until = WrittenFilter(field_name="asked_at", lookup_expr="lt")


PURCHASES = FloatPurchase.objects.select_related("partner", "shortcode")


class Purchases(ListView):
    """Purchases of float, by hand and by rule. One that was asked for by hand waits for its confirmation."""

    scopes = {"GET": Scope.READ, "POST": Scope.WALLET}
    rows = PURCHASES
    owner = "partner"
    serializer_class = shapes.PurchaseShown
    filterset_class = PurchaseFilters
    says = {"GET": "List float purchases", "POST": "Ask for float"}
    takes = {"POST": shapes.PurchaseAsked}
    gives = {"POST": (202, shapes.PurchaseShown)}

    @moves_money
    def post(self, request: Request, *, wish: Wish) -> Response:
        asked = self.body()
        partner = self.partner_of(asked.get("partner"))
        row = _ask(partner, asked, wish=wish, view=self)
        where = {"Location": f"/api/wallet/float-purchases/{row.pk}"}
        return Response(self.show(row), status=202, headers=where)


def _ask(partner: Partner, asked: dict[str, Any], *, wish: Wish, view: ApiView) -> FloatPurchase:
    wanted = asking.Wish(
        partner_id=partner.pk, amount=asked["amount"], reason=asked["reason"], request_id=wish.reference
    )
    try:
        return asking.ask(wish=wanted, by=view.by, at=view.at)
    except (asking.CannotBuy, InsufficientFunds) as exc:
        raise Problem("refused", str(exc)) from exc


class OnePurchase(DetailView):
    """A float purchase with its timeline."""

    scopes = {"GET": Scope.READ}
    rows = PURCHASES.prefetch_related("events")
    owner = "partner"
    serializer_class = shapes.PurchaseDetail
    says = {"GET": "Read a float purchase"}


class _PurchaseAct(ApiView, abstract=True):
    rows = PURCHASES
    owner = "partner"
    serializer_class = shapes.PurchaseShown

    def done(self, act: Callable[..., FloatPurchase], **particulars: Any) -> Response:
        """Do it to the purchase of the address, and answer with what became of it."""
        row = self.row()
        try:
            act(purchase_id=row.pk, at=self.at, **particulars)
        except asking.WrongCode as exc:
            raise Problem("refused", str(exc)) from exc
        except (asking.CannotBuy, ForbiddenMove, LostRace) as exc:
            raise Problem("conflict", str(exc)) from exc
        return Response(self.show(self.row()))


class ConfirmPurchase(_PurchaseAct):
    """Confirm a purchase by the one-time code that the partner's phones were sent, or, where a second one is to
    agree, by a key other than the one that asked and older than the purchase. Five wrong codes cancel it; a new try
    needs a new Idempotency-Key."""

    scopes = {"POST": Scope.WALLET}
    says = {"POST": "Confirm a float purchase"}
    takes = {"POST": shapes.Confirmation}
    refusals = {"POST": ("conflict",)}

    @moves_money
    def post(self, request: Request, *, wish: Wish, **kwargs: Any) -> Response:
        code, row = self.body().get("code"), self.row()
        if row.confirmed_by_key == self.caller.key_id:
            return Response(self.show(row))  # done before, and the answer was lost
        if row.confirm == FloatPurchase.Confirm.SECOND_PERSON:
            made_at = ApiKey.objects.values_list("created_at", flat=True).get(pk=self.caller.key_id)
            return self.done(asking.confirm_by_key, key_made_at=made_at, by=self.by)
        if not code:
            raise wrong_field(
                "code", "Send the six digits that the partner's phone was sent.", code="required"
            )
        return self.done(asking.confirm_code, code=code, by=self.by)


class SendCode(_PurchaseAct):
    """Send the partner's phones a new code; the one before is void. At most three are sent for a purchase."""

    scopes = {"POST": Scope.WALLET}
    says = {"POST": "Send a new code"}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.done(asking.send_code, by=self.by)


class CancelPurchase(_PurchaseAct):
    """Call a purchase off, as long as nothing was sent to the bank."""

    scopes = {"POST": Scope.WALLET}
    says = {"POST": "Cancel a float purchase"}
    takes = {"POST": shapes.Reason}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        reason = self.body()["reason"]
        by = By(
            name=self.by.name, reason=reason, remote_address=self.by.remote_address, key_id=self.by.key_id
        )
        return self.done(asking.cancel, by=by)
