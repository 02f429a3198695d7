"""The parts of a partner that belong to other apps: Mifos, products, wallet, tariff, collections, SMS."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from common.changes import By, Saved, put
from common.gateway import GatewayError
from mifos import operations as mifos
from mifos.diagnosis import explained
from mifos.models import LoanProduct, MifosPartner
from mifos.wish import wished
from partners import operations as partners
from partners.models import Partner, TariffBand, payout_shortcode
from sms import operations as sms
from sms.models import SmsGateway
from vault.setup import collecting
from vault.setup.outcome import CREATED, UNCHANGED, UPDATED, PartnerOutcome, PartOutcome
from vault.setup.schema import AutoFloatPart, MifosPart, ProductsPart, SmsPart, TariffPart, WalletPart
from wallet import auto_float
from wallet import operations as wallet
from wallet.models import PartnerWallet, Transfer, TransferType
from wallet.purchases import AutoFloatRule

NAIROBI = ZoneInfo("Africa/Nairobi")
EVERY_AMOUNT = Decimal(250_000)  # the one band of what does not depend on an amount

Put = Callable[[Any, Partner, PartnerOutcome, By, datetime], None]  # with the part of the file


def put_mifos(wanted: MifosPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime) -> None:
    fields = {"mifos_host_url": wanted.host_url, "mifos_username": wanted.username}
    fields |= {"mifos_password": wanted.password}
    fields |= wanted.given("api_endpoint", "timezone", "payment_type", "release", "poll_seconds")
    if "tenant_id" in wanted.model_fields_set:
        fields["mifos_tenant_id"] = wanted.tenant_id
    outcome.add(_told("mifos", mifos.put_connection(partner=partner, fields=fields, by=by, at=at)))


def put_products(
    wanted: ProductsPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime
) -> None:
    """Remember the wish, and let the products that are known already follow it."""
    wish = wanted.given("auto_disburse", "rules")
    row = MifosPartner.objects.get(partner=partner)
    changed = (
        ["wish"] if put(row, {"product_wish": wish}, by=by, at=at, partner_id=partner.pk).changed else []
    )
    for product in LoanProduct.objects.filter(mifos_partner=row):
        fields = wished(wish, product.mifos_product_id)
        if put(product, fields, by=by, at=at, partner_id=partner.pk).changed:
            changed.append(product.product_name)
    outcome.add(PartOutcome(part="products", result=UPDATED if changed else UNCHANGED, changed=changed))


def put_wallet(wanted: WalletPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime) -> None:
    shortcode = payout_shortcode(partner.pk)
    had_one = PartnerWallet.objects.filter(partner=partner).exists()
    wallet.open_accounts(partner_id=partner.pk, shortcode_id=shortcode.pk if shortcode else None, at=at)
    booked = _book_openings(wanted, partner, outcome, at)
    row = PartnerWallet.objects.get(partner=partner)
    saved = put(row, wanted.given("low_balance_threshold"), by=by, at=at)
    changed = [*saved.changed, *booked]
    if "auto_float" in wanted.model_fields_set:
        changed += _put_auto_float(wanted.auto_float, partner, by, at)
    result = CREATED if not had_one else UPDATED if changed else UNCHANGED
    outcome.add(PartOutcome(part="wallet", result=result, changed=changed))


def _put_auto_float(wanted: AutoFloatPart | None, partner: Partner, by: By, at: datetime) -> list[str]:
    """Let the rule hold; `auto_float: null` switches it off."""
    if wanted is None:
        row = AutoFloatRule.objects.filter(partner=partner).first()
        changed = put(row, {"is_active": False}, by=by, at=at).changed if row else ()
    else:
        fields: dict[str, Any] = wanted.given("below", "buy", "max_per_day")
        if "hours" in wanted.model_fields_set:
            fields["from_time"], fields["to_time"] = wanted.hours or (None, None)
        changed = auto_float.put_rule(partner=partner, fields=fields, by=by, at=at).changed
    return [f"auto_float.{name}" for name in changed if name != "partner"]


def _book_openings(wanted: WalletPart, partner: Partner, outcome: PartnerOutcome, at: datetime) -> list[str]:
    """Book the opening entries that the partner has not had yet, once each, whatever shortcode it pays by."""
    shortcode = payout_shortcode(partner.pk)
    if wanted.opening_float and shortcode is None:
        raise ValueError("opening_float needs a shortcode that pays out: an own one, or a shared one")
    new = {}
    for kind, amount in (("wallet", wanted.opening_balance), ("float", wanted.opening_float)):
        earlier = Transfer.objects.filter(
            type=TransferType.OPENING, to_account__partner=partner, to_account__kind=kind
        ).first()
        if earlier is None:
            new[kind] = amount
        elif amount and earlier.amount != amount:
            outcome.notes.append(
                f"The opening entry of the {kind} was booked before, with KES {earlier.amount}; it stays."
            )
    wallet.book_opening(
        partner_id=partner.pk,
        shortcode_id=shortcode.pk if shortcode else None,
        wallet=new.get("wallet"),
        float_=new.get("float"),
        at=at,
    )
    names = {"wallet": "opening_balance", "float": "opening_float"}
    return [names[kind] for kind, amount in new.items() if amount]


def put_tariff(wanted: TariffPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime) -> None:
    kinds = {TariffBand.Kind.PAYOUT: wanted.payout}
    for kind, fee in (
        (TariffBand.Kind.SMS, wanted.sms),
        (TariffBand.Kind.FLOAT_PURCHASE, wanted.float_purchase),
    ):
        kinds[kind] = [] if fee is None else [(EVERY_AMOUNT, fee)]
    today = at.astimezone(NAIROBI).date()
    changed = [
        str(kind.value)
        for kind, bands in kinds.items()
        if bands
        and partners.put_tariff(partner=partner, kind=kind, bands=bands, valid_from=today, by=by, at=at)
    ]
    outcome.add(PartOutcome(part="tariff", result=UPDATED if changed else UNCHANGED, changed=changed))


def put_sms(wanted: SmsPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime) -> None:
    fields = {"kind": wanted.gateway}
    fields |= wanted.given("api_key", "username", "password", "partner_code", "sender_id", "base_url")
    outcome.add(_told("sms", sms.put_gateway(partner=partner, fields=fields, by=by, at=at)))


def callbacks(partner: Partner) -> dict[str, str]:
    """Return the addresses by which outside systems call us for this partner."""
    row = MifosPartner.objects.filter(partner=partner).first()
    own = {"mifos": mifos.webhook_address(row)} if row else {}
    return own | collecting.addresses(partner)


def sync_products(code: str, *, at: datetime) -> str:
    """Ask the partner's Mifos for its products, so that the wish reaches them, and say how that went."""
    row = MifosPartner.objects.filter(partner__code=code).first()
    if row is None:
        return ""
    try:
        found = mifos.sync_products(mifos_partner_id=row.pk, at=at)
    except GatewayError as exc:
        words = explained(exc, tenant=row.mifos_tenant_id)
        return f"Mifos could not be asked for its products, this will be applied at the next sync. {words}"
    on = LoanProduct.objects.filter(mifos_partner=row, is_auto_disbursement_enabled=True).count()
    return f"Products in Mifos: {found.seen} ({found.new} new here); paid without a person: {on}."


def _told(part: str, saved: Saved[MifosPartner] | Saved[SmsGateway]) -> PartOutcome:
    if saved.made:
        return PartOutcome(part=part, result=CREATED)
    return PartOutcome(part=part, result=UPDATED if saved.changed else UNCHANGED, changed=list(saved.changed))


PARTS: dict[str, Put] = {
    "mifos": put_mifos,
    "products": put_products,
    "wallet": put_wallet,
    "tariff": put_tariff,
    "collections": collecting.put_collections,
    "sms": put_sms,
}
