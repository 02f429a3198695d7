"""What can be done with a partner's Mifos: connect, test, learn its products, keep its health."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from common.changes import By, Saved, put
from common.gateway import GatewayError, Rejected
from common.http import Timeout
from common.money import CENT, LARGEST
from mifos import address, diagnosis, errors, sessions
from mifos.client import Mifos
from mifos.diagnosis import Finding, explained
from mifos.host_limit import BUSY, slot
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import Product
from mifos.webhook import (
    put_hook,
    read_webhook_token,
    rotate_webhook_token,
    webhook_address,
    webhook_token,
)
from mifos.wish import wished
from partners.models import Partner

__all__ = [
    "Finding",
    "Synced",
    "connect",
    "explained",
    "keep_learned",
    "note",
    "note_failure",
    "note_success",
    "put_connection",
    "put_product",
    "read_webhook_token",
    "register_webhook",
    "resolve_payment_type",
    "rotate_webhook_token",
    "sync_products",
    "test_connection",
    "today_in",
    "try_out",
    "webhook_address",
    "webhook_token",
]

TRIES = 5  # failures in a row before the host is left alone
FIRST_REST = timedelta(seconds=10)
LONGEST_REST = timedelta(minutes=5)
_NO_DATE_FOR = timedelta(minutes=5)

_DATE_HOLDS = timedelta(seconds=30)
_business_dates: dict[UUID, tuple[datetime, date | None]] = {}  # (until when not to ask again, what it said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    new: int
    seen: int
    gone: int


def connect(mifos_partner: MifosPartner, *, timeout: Timeout | None = None) -> Mifos:
    """Make a client for one tenant; the HTTP session is shared by all tenants of the server.

    :param timeout: for somebody who cannot wait as long as usual
    :raises Rejected: the address is not one that we may speak to
    """
    try:
        address.origin(mifos_partner.mifos_host_url)
    except ValidationError as exc:
        raise Rejected(
            f"The Mifos address cannot be used. {exc.messages[0]}", code="address", stop=True
        ) from exc
    session = sessions.session_for(
        mifos_partner.base_url,
        ca_certificate=mifos_partner.ca_certificate,
        allow_private=settings.ALLOW_PRIVATE_HOSTS,
    )
    return Mifos(
        base_url=mifos_partner.base_url,
        tenant=mifos_partner.mifos_tenant_id,
        username=mifos_partner.mifos_username,
        password=mifos_partner.mifos_password,
        session=session,
        timeout=timeout,
    )


def put_connection(
    *, partner: Partner, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[MifosPartner]:
    """Make or update a partner's connection to its Mifos.

    :param fields: columns of `MifosPartner`
    :raises ValidationError: a field is not what the model allows, or the tenant is another partner's
    """
    row = MifosPartner.objects.filter(partner=partner).first() or MifosPartner(partner=partner)
    quiet = {"ca_certificate", "sms_phone_numbers"}
    return put(row, {"partner": partner} | dict(fields), by=by, at=at, quiet=quiet, partner_id=partner.pk)


def put_product(
    *, product: LoanProduct, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[LoanProduct]:
    """Set a product's switches and rules.

    :raises ValidationError: rules that cannot be read
    """
    return put(product, fields, by=by, at=at, partner_id=product.mifos_partner.partner_id)


def test_connection(*, mifos_partner_id: UUID) -> list[Finding]:
    """Ask the host all that will be needed and say in words what is wrong; changes nothing there.

    What it learns is kept: the payment type's id, and the column by which the host can order its list.
    """
    row = MifosPartner.objects.get(pk=mifos_partner_id)
    findings, learned = try_out(row)
    keep_learned(row, learned)
    return findings


def try_out(row: MifosPartner) -> tuple[list[Finding], diagnosis.Learned]:
    """Test a connection as it is written in a row, which need not be saved; nothing is kept."""
    learned = diagnosis.Learned()
    try:
        client = connect(row)
    except Rejected as exc:
        return [Finding(step="address", ok=False, words=exc.message)], learned
    findings = list(
        diagnosis.examine(
            client,
            learned,
            tenant=row.mifos_tenant_id,
            payment_type=row.payment_type,
            order_by=row.list_order_by,
            use_business_date=row.use_business_date,
        )
    )
    return findings, learned


def keep_learned(row: MifosPartner, learned: diagnosis.Learned) -> None:
    """Keep what a test came to know by the way."""
    known = {name: value for name, value in asdict(learned).items() if value is not None}
    if known:
        MifosPartner.objects.filter(pk=row.pk, payment_type=row.payment_type).update(**known)


def sync_products(*, mifos_partner_id: UUID, at: datetime) -> Synced:
    """Take over names and limits from Mifos. Switches and rules stay, new products get those
    that the partner's `product_wish` says, and products that are gone are marked.

    :raises Rejected, Retryable: Mifos did not give its list; nothing is changed
    """
    client = connect(MifosPartner.objects.get(pk=mifos_partner_id))
    with slot(client.base_url):
        products = client.products()
    with transaction.atomic():
        wish = MifosPartner.objects.get(pk=mifos_partner_id).product_wish
        new = sum(_take_over(mifos_partner_id, product, wish=wish, at=at) for product in products)
        gone = _mark_gone(mifos_partner_id, [product.id for product in products])
    return Synced(new=new, seen=len(products), gone=gone)


def _take_over(mifos_partner_id: UUID, product: Product, *, wish: dict[str, Any], at: datetime) -> bool:
    told = {
        "product_name": product.name[:150],
        "min_disbursement_amount": _limit(product.min_principal, ROUND_CEILING),
        "max_disbursement_amount": _limit(product.max_principal, ROUND_FLOOR),
        "currency": product.currency[:3],
        "multi_disburse": product.multi_disburse,
        "is_active_in_mifos": product.active,
        "synced_at": at,
    }
    _, created = LoanProduct.objects.update_or_create(
        mifos_partner_id=mifos_partner_id,
        mifos_product_id=product.id,
        defaults=told,
        create_defaults=told | wished(wish, product.id),
    )
    return created


def _limit(amount: Decimal | None, rounding: str) -> Decimal | None:
    """Return a limit in whole cents, never a wider one, and None for one beyond all amounts."""
    return None if amount is None or amount > LARGEST else amount.quantize(CENT, rounding=rounding)


def _mark_gone(mifos_partner_id: UUID, listed: Iterable[int]) -> int:
    rest = LoanProduct.objects.filter(mifos_partner_id=mifos_partner_id, is_active_in_mifos=True)
    return rest.exclude(mifos_product_id__in=list(listed)).update(is_active_in_mifos=False)


def resolve_payment_type(*, mifos_partner_id: UUID, client: Mifos, fresh: bool = False) -> int:
    """Return the id of the partner's payment type on its host, and keep it.

    :param fresh: ask again although it is known, as when Mifos says that there is none of that id
    :raises Rejected: Mifos has none of that name, or only one for cash
    """
    row = MifosPartner.objects.get(pk=mifos_partner_id)
    if row.payment_type_id is not None and not fresh:
        return row.payment_type_id
    found = diagnosis.find_payment_type(client.payment_types(), row.payment_type)
    MifosPartner.objects.filter(pk=row.pk, payment_type=row.payment_type).update(payment_type_id=found.id)
    return found.id


def register_webhook(*, mifos_partner_id: UUID) -> int:
    """Tell Mifos where to wake us, and return the hook's id. May be repeated, and must be after a rotation.

    :raises Rejected, Retryable, OutcomeUnknown: it is not certain that it did
    """
    row = MifosPartner.objects.get(pk=mifos_partner_id)
    client = connect(row)
    with slot(client.base_url):
        hook_id = put_hook(client, row)
    row.webhook_url, row.webhook_hook_id = webhook_address(row), hook_id
    row.save(update_fields=["webhook_url", "webhook_hook_id", "updated_at"])
    return hook_id


def today_in(*, mifos_partner: MifosPartner, client: Mifos, at: datetime, fresh: bool = False) -> date:
    """Return the day that Mifos takes for today: its business date where we may know it, else its zone's.

    :param fresh: ask although it was asked a moment ago, as when it calls our date a future one
    :raises Rejected, Retryable: the host cannot be asked at all
    """
    here = at.astimezone(mifos_partner.zone).date()
    if not mifos_partner.use_business_date:
        return here
    until, known = _business_dates.get(mifos_partner.pk, (at, None))
    if at < until and not fresh and (known is None or known >= here):  # one behind may have moved on
        return known or here
    try:
        found = client.business_date()
    except Rejected as exc:
        if exc.stop:
            raise
        found = None
    _business_dates[mifos_partner.pk] = (at + (_DATE_HOLDS if found else _NO_DATE_FOR), found)
    return found or here


def note_success(*, mifos_partner_id: UUID, at: datetime) -> None:
    """Close the circuit: one good answer is enough. Writes nothing for a host that was well."""
    sick = MifosPartner.objects.filter(pk=mifos_partner_id, failures__gt=0)
    sick.update(failures=0, failing_since=None, failure_note="", retry_at=None, updated_at=at)


def note_failure(*, mifos_partner_id: UUID, at: datetime, reason: str) -> None:
    """Count a failure of the host; from the fifth in a row it rests, each time longer, up to five minutes.

    Calls that were under way when the rest began do not make it longer.
    """
    with transaction.atomic():
        row = MifosPartner.objects.select_for_update().get(pk=mifos_partner_id)
        if row.resting(at):
            return
        row.failures += 1
        row.failing_since = row.failing_since or at
        row.failure_note = reason[:300]
        if row.failures >= TRIES:
            row.retry_at = at + min(FIRST_REST * 2 ** min(row.failures - TRIES, 10), LONGEST_REST)
        row.save(update_fields=["failures", "failing_since", "failure_note", "retry_at"])


def note(*, mifos_partner_id: UUID, at: datetime, exc: GatewayError | None = None) -> None:
    """Record how a call went. A refusal shows that the host is up, a busy slot shows nothing."""
    if exc is not None and errors.host_failed(exc):
        note_failure(mifos_partner_id=mifos_partner_id, at=at, reason=str(exc))
    elif exc is None or exc.code != BUSY:
        note_success(mifos_partner_id=mifos_partner_id, at=at)
