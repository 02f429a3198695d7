"""The addresses of the six steps, and the three that need no call: partner, wallet, keys."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

from common.changes import put
from common.phone import BadPhone
from partners import operations as partners
from partners.models import ApiKey, Partner, TariffBand, payout_shortcode
from partners.operations import BadTariff
from vault.wizard import facts, frame, mifos_step, proving, readiness, shortcode_step, sms_step
from vault.wizard.forms import BAND_ROWS, KeyStep, PartnerStep, WalletStep
from wallet import bank
from wallet import operations as wallet
from wallet.models import PartnerWallet

NAIROBI = ZoneInfo("Africa/Nairobi")
EVERY_AMOUNT = Decimal(250_000)  # the one band of what does not depend on an amount


def begin(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the first step for a partner that does not exist yet."""
    frame.enter(request, model_admin, None, "partner")
    return _partner(request, model_admin, None)


def resume(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Lead to the first step that is not green."""
    partner = frame.enter(request, model_admin, object_id, "partner")
    assert partner is not None
    following = readiness.of_partner(partner, at=frame.now()).next_step
    return redirect(frame.link(partner, following.slug if following else "partner"))


def step(request: HttpRequest, object_id: UUID, slug: str, model_admin: Any) -> HttpResponse:
    """Show a step, or do what was pressed on it."""
    page = PAGES.get(slug)
    if page is None:
        raise Http404("There is no such step.")
    partner = frame.enter(request, model_admin, object_id, slug)
    return page(request, model_admin, partner)


def _partner(request: HttpRequest, model_admin: Any, partner: Partner | None) -> HttpResponse:
    form = PartnerStep(
        request.POST or None, instance=partner, initial=None if partner else {"is_active": True}
    )
    if request.method == "POST" and form.is_valid():
        saved = _save_partner(request, form)
        if saved:
            messages.success(request, f"{saved} is saved.")
            return frame.back(saved, "partner" if partner else "mifos")
    return frame.show(request, model_admin, partner, "partner", {"form": form})


def _save_partner(request: HttpRequest, form: PartnerStep) -> Partner | None:
    fields = frame.written(form, without=["code"])
    code = form.cleaned_data["code"]
    try:
        return partners.put_partner(code=code, fields=fields, by=frame.by_whom(request), at=frame.now()).row
    except (BadPhone, ValidationError) as exc:
        frame.refuse(form, exc)
        return None


def _wallet(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    form = WalletStep(request.POST or None, initial=_standing(partner))
    if request.POST.get("act") == "bank":
        proving.try_bank(request)
        return frame.back(partner, "wallet")
    if request.method == "POST" and form.is_valid() and _save_wallet(request, form, partner):
        messages.success(request, "The wallet is open and the tariff holds from today.")
        return frame.back(partner, "wallet")
    account = bank.active()
    proof = proving.proof_of(account) if account else None
    context = {
        "form": form,
        "platform_bands": _bands(None, TariffBand.Kind.PAYOUT),
        "bank": account,
        "bank_proof": proof,
        "reference": bank.account_reference(account, partner.code) if account else "",
        "wallet": PartnerWallet.objects.filter(partner=partner).first(),
    }
    return frame.show(request, model_admin, partner, "wallet", context)


def _standing(partner: Partner) -> dict[str, Any]:
    """Return what the wallet and the partner's own tariff say now, for the form."""
    row = PartnerWallet.objects.filter(partner=partner).first()
    found: dict[str, Any] = {
        "low_balance_threshold": row.low_balance_threshold if row else None,
        "sms_notifications_enabled": row.sms_notifications_enabled if row else True,
    }
    for name, kind in (("sms_fee", TariffBand.Kind.SMS), ("float_fee", TariffBand.Kind.FLOAT_PURCHASE)):
        bands = _bands(partner, kind)
        found[name] = bands[0][1] if bands else None
    for place, (up_to, fee) in enumerate(_bands(partner, TariffBand.Kind.PAYOUT)[:BAND_ROWS]):
        found |= {f"up_to_{place}": f"{up_to.normalize():f}", f"fee_{place}": f"{fee.normalize():f}"}
    return found


def _bands(partner: Partner | None, kind: str) -> list[tuple[Decimal, Decimal]]:
    today = frame.now().astimezone(NAIROBI).date()
    mine = TariffBand.objects.filter(partner=partner, kind=kind, valid_from__lte=today)
    latest = mine.order_by("-valid_from").first()
    if latest is None:
        return []
    return list(mine.filter(valid_from=latest.valid_from).order_by("up_to").values_list("up_to", "fee"))


def _save_wallet(request: HttpRequest, form: WalletStep, partner: Partner) -> bool:
    """Save all of it or nothing, and say whether it was."""
    try:
        with transaction.atomic():
            _put_wallet(request, form.cleaned_data, partner)
    except BadTariff as exc:
        form.add_error(None, str(exc))
        return False
    return True


def _put_wallet(request: HttpRequest, said: dict[str, Any], partner: Partner) -> None:
    at, by, shortcode = frame.now(), frame.by_whom(request), payout_shortcode(partner.pk)
    wallet.open_accounts(partner_id=partner.pk, shortcode_id=shortcode.pk if shortcode else None, at=at)
    row = PartnerWallet.objects.get(partner=partner)
    names = ("low_balance_threshold", "sms_notifications_enabled")
    put(row, {name: said[name] for name in names}, by=by, at=at, partner_id=partner.pk)
    tariffs = {TariffBand.Kind.PAYOUT: said["bands"]}
    for kind, fee in (
        (TariffBand.Kind.SMS, said["sms_fee"]),
        (TariffBand.Kind.FLOAT_PURCHASE, said["float_fee"]),
    ):
        tariffs[kind] = [] if fee is None else [(EVERY_AMOUNT, fee)]
    today = at.astimezone(NAIROBI).date()
    for kind, bands in tariffs.items():
        if bands:
            partners.put_tariff(partner=partner, kind=kind, bands=bands, valid_from=today, by=by, at=at)


def _keys(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    form = KeyStep(request.POST or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said, at = form.cleaned_data, frame.now()
        key, text = partners.make_api_key(
            partner=partner,
            name=said["name"],
            scopes=said["scopes"],
            live=not settings.DEMO,
            expires_at=at + timedelta(days=int(said["lives"])) if said["lives"] else None,
            by=frame.by_whom(request),
            at=at,
        )
        context |= {"key": key, "key_text": text, "form": KeyStep()}
    context["keys"] = ApiKey.objects.filter(partner=partner, revoked_at__isnull=True)
    found = facts.read([partner], at=frame.now())[partner.pk]
    context["users"], context["users_link"] = found.users, users_link()
    return frame.show(request, model_admin, partner, "keys", context)


def users_link() -> str:
    """Return the page where people at the partner get their logins: their own table where there is one."""
    for name in ("admin:partners_partneruser_changelist", "admin:auth_user_changelist"):
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


PAGES: dict[str, Callable[[HttpRequest, Any, Any], HttpResponse]] = {
    "partner": _partner,
    "mifos": mifos_step.page,
    "shortcodes": shortcode_step.page,
    "wallet": _wallet,
    "sms": sms_step.page,
    "keys": _keys,
}
