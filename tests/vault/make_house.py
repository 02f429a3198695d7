"""A partner with one row in each window, made of as little as the database takes."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import reverse

from c2b.models import C2bTransaction, CollectionRule, Collector, StkPush
from common.ids import new_id
from disbursements.models import Disbursement
from mifos.models import LoanProduct, MifosPartner
from partners.models import ApiKey, Partner
from sms.models import SmsTemplate
from tests import make
from tests.make import NOW
from tests.sms import make_sms
from tests.wallet import make_bank
from tests.wallet.make_wallet import funded
from wallet.bank_models import BankAccount, BankCredit, TopUp
from wallet.models import ObservedBalance
from wallet.observations import FloatWatch
from wallet.purchases import AutoFloatRule, FloatPurchase

_number = itertools.count(1)


def filled(model: type[models.Model], **fields: Any) -> Any:
    """Make a row: what is not said gets any value that its kind of field takes."""
    for field in model._meta.concrete_fields:
        needed = not (field.null or field.has_default() or field.blank or field.primary_key)
        if needed and not getattr(field, "auto_now_add", False) and not getattr(field, "auto_now", False):
            fields.setdefault(field.name, _any_value(field))
    return model._default_manager.create(**fields)


def _any_value(field: Any) -> Any:
    if field.is_relation:  # the newest is the partner's own
        return field.related_model._default_manager.order_by("pk").last()
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.UUIDField):
        return new_id()
    if isinstance(field, models.DateTimeField):
        return NOW
    if isinstance(field, models.DateField):
        return NOW.date()
    if isinstance(field, models.DecimalField | models.IntegerField):
        return Decimal(100) if isinstance(field, models.DecimalField) else next(_number)
    if isinstance(field, models.JSONField):
        return {}
    return f"{field.name[:8]}-{next(_number)}"[: field.max_length or 60]


def everything(code: str, number: str) -> Partner:
    """Return a partner that has something on every page."""
    books = funded(code, shortcode=make.shortcode(number))
    partner, shortcode = books.partner, books.shortcode
    shortcode.partner = partner
    shortcode.save()
    books.hold()
    host = MifosPartner.objects.create(
        partner=partner,
        mifos_host_url=f"https://{code}.example",
        mifos_username="vault",
        mifos_password="x",
    )
    product = LoanProduct.objects.create(
        mifos_partner=host, mifos_product_id=1, product_name=f"{code} product"
    )
    _money_out(partner, product)
    _money_in(partner, shortcode)
    make.tariff(partner)
    ApiKey.objects.create(
        partner=partner, name=f"{code} key", prefix=f"pv_{code}", digest=code.ljust(64, "0")
    )
    make_sms.gateway(partner, name=f"{code} gateway", sender_id=code[:11])
    make_sms.queued(partner, key=f"made:{code}")
    SmsTemplate.objects.create(
        partner=partner, message_type="disbursement_confirmation", language="en", text=f"{code} {{amount}}"
    )
    _whatever_else_there_is(partner)
    return partner


def _whatever_else_there_is(partner: Partner) -> None:
    """Give a row to windows that were added later and need nothing special."""
    for window in windows():
        if window.partner_path == "pk" or rows_of(partner, window):
            continue
        first, _, rest = window.partner_path.partition("__")
        related: Any = window.model._meta.get_field(first).related_model
        filled(window.model, **{first: related._default_manager.filter(**{rest or "pk": partner.pk}).first()})


def _money_out(partner: Partner, product: LoanProduct) -> None:
    Disbursement.objects.create(
        partner=partner,
        product=product,
        source="api",
        client_request_id=f"{partner.code}-1",
        phone=make.JANE,
        amount=Decimal(9500),
        gross_amount=Decimal(9500),
        client_name=f"{partner.code} client",
        detected_at=NOW,
        moved_at=NOW,
    )


def _money_in(partner: Partner, shortcode: Any) -> None:
    name = partner.code
    filled(
        C2bTransaction,
        partner=partner,
        shortcode=shortcode,
        customer_name=f"{name} customer",
        bill_ref=f"{name}-ref",
        status="unmatched",
        mpesa_receipt=f"SG{next(_number):08}",
        paid_at=NOW - timedelta(hours=1),
    )
    filled(CollectionRule, partner=partner)
    filled(Collector, shortcode=shortcode)
    filled(StkPush, partner=partner, shortcode=shortcode, account_no=f"{name}-acc")
    filled(ObservedBalance, shortcode=shortcode)
    filled(FloatWatch, shortcode=shortcode)
    account = BankAccount.objects.first() or make_bank.account()
    filled(TopUp, partner=partner, account=account, phone=make.JANE)
    filled(
        BankCredit,
        partner=partner,
        account=account,
        payer=f"{name} payer",
        status="booked",
        booked_at=NOW,
        core_reference=f"FT{name}",
    )
    filled(FloatPurchase, partner=partner, shortcode=shortcode, reason=f"{name} wants float")
    filled(AutoFloatRule, partner=partner, below=Decimal(100), buy=Decimal(500), max_per_day=Decimal(900))


def windows() -> list[Any]:
    """Return all windows that are open to people of a partner."""
    return [one for one in admin.site._registry.values() if getattr(one, "partner_path", None)]


def rows_of(partner: Partner, window: Any) -> list[Any]:
    return list(window.model._default_manager.filter(**{window.partner_path: partner.pk}))


def address(window: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{window.opts.app_label}_{window.opts.model_name}_{page}", args=args)
