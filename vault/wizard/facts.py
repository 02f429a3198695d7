"""What the database knows of partners' set-up, read for many of them at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Count, Max, Q

from c2b.models import Collector
from common.ids import first_id
from mifos.models import LoanProduct, MifosPartner
from partners import pausing, proofs
from partners.models import ApiKey, Partner, PauseDial, Shortcode, TariffBand
from partners.proofs import SetUpProof
from sms.models import SmsGateway, SmsNotification, Status
from wallet.models import Account, Kind

MIFOS_CREDENTIALS = (
    "mifos_host_url",
    "api_endpoint",
    "mifos_tenant_id",
    "mifos_username",
    "mifos_password",
    "payment_type",
)
SHORTCODE_CREDENTIALS = (
    "number",
    "consumer_key",
    "consumer_secret",
    "initiator",
    "initiator_password",
    "certificate",
)
SMS_CREDENTIALS = ("kind", "base_url", "api_key", "username", "password", "sender_id", "partner_code")
BANK_CREDENTIALS = (
    "account",
    "till",
    "till_username",
    "till_password",
    "gateway_user",
    "gateway_password",
    "subscription_key",
)

NAIROBI = ZoneInfo("Africa/Nairobi")
PARTNER_USERS: str = "partners.PartnerUser"


@dataclass(slots=True, kw_only=True)
class Facts:
    """All that is asked of one partner. `pays` is the shortcode that pays for it, its own or a shared one."""

    partner: Partner
    at: datetime
    mifos: MifosPartner | None = None
    products: tuple[int, int] = (0, 0)  # known, and paid without a person
    pays: Shortcode | None = None
    own: list[Shortcode] = field(default_factory=list)
    collectors: dict[UUID, Collector] = field(default_factory=dict)
    balances: dict[tuple[str, UUID | None], Decimal] = field(default_factory=dict)
    tariff: str = ""  # "own", "platform" or nothing
    gateway: SmsGateway | None = None
    last_sent: datetime | None = None  # by that gateway, within a day
    keys: int = 0
    users: int = 0
    dial: PauseDial | None = None
    proofs: dict[UUID, SetUpProof] = field(default_factory=dict)


def read(partners: Sequence[Partner], *, at: datetime) -> dict[UUID, Facts]:
    """Read the facts of all these partners."""
    ids = [partner.pk for partner in partners]
    found = {partner.pk: Facts(partner=partner, at=at) for partner in partners}
    _read_mifos(found, ids)
    _read_shortcodes(found, ids)
    _read_money(found, ids, at=at)
    _read_rest(found, ids, at=at)
    rows = [row for facts in found.values() for row in (facts.mifos, facts.pays, facts.gateway) if row]
    rows += [row for facts in found.values() for row in facts.own]
    known = proofs.of_rows(rows)
    for facts in found.values():
        facts.proofs = known
    return found


def _read_mifos(found: dict[UUID, Facts], ids: list[UUID]) -> None:
    for row in MifosPartner.objects.filter(partner__in=ids).select_related("partner"):
        found[row.partner_id].mifos = row
    counts = (
        LoanProduct.objects.filter(mifos_partner__partner__in=ids, is_active_in_mifos=True)
        .order_by()
        .values_list("mifos_partner__partner")
        .annotate(known=Count("pk"), on=Count("pk", filter=Q(is_auto_disbursement_enabled=True)))
    )
    for partner_id, known, on in counts:
        found[partner_id].products = (known, on)


def _read_shortcodes(found: dict[UUID, Facts], ids: list[UUID]) -> None:
    rows = Shortcode.objects.filter(Q(partner__in=ids) | Q(partner__isnull=True), is_active=True)
    by_owner: dict[UUID | None, list[Shortcode]] = defaultdict(list)
    for row in rows.select_related("partner").order_by("number"):
        by_owner[row.partner_id].append(row)
    collectors = {one.shortcode_id: one for one in Collector.objects.filter(shortcode__partner__in=ids)}
    for partner_id, facts in found.items():
        facts.own = by_owner[partner_id]
        facts.pays = next(
            (row for row in [*facts.own, *by_owner[None]] if row.kind != Shortcode.Kind.C2B), None
        )
        facts.collectors = collectors


def _read_money(found: dict[UUID, Facts], ids: list[UUID], *, at: datetime) -> None:
    accounts = Account.objects.filter(partner__in=ids, kind__in=[Kind.WALLET, Kind.FLOAT])
    for owner, kind, shortcode_id, balance in accounts.order_by().values_list(
        "partner_id", "kind", "shortcode_id", "balance"
    ):
        if owner is not None:
            found[owner].balances[kind, shortcode_id] = balance or Decimal(0)
    bands = TariffBand.objects.filter(
        Q(partner__in=ids) | Q(partner__isnull=True),
        kind=TariffBand.Kind.PAYOUT,
        valid_from__lte=at.astimezone(NAIROBI).date(),
    )
    owners = set(bands.order_by().values_list("partner_id", flat=True).distinct())
    for partner_id, facts in found.items():
        facts.tariff = "own" if partner_id in owners else "platform" if None in owners else ""


def _read_rest(found: dict[UUID, Facts], ids: list[UUID], *, at: datetime) -> None:
    gateways = SmsGateway.objects.filter(
        Q(partner__in=ids) | Q(partner__isnull=True), is_active=True, is_primary=True
    )
    by_owner = {row.partner_id: row for row in gateways}
    sent = _last_sent(gateways, at=at)
    live = ApiKey.objects.filter(partner__in=ids, revoked_at__isnull=True).exclude(expires_at__lte=at)
    keys = _counted(live.order_by().values_list("partner_id").annotate(Count("pk")))
    users = _users(ids)
    dials = _dials()
    for partner_id, facts in found.items():
        facts.gateway = by_owner.get(partner_id) or by_owner.get(None)
        facts.last_sent = sent.get(facts.gateway.pk) if facts.gateway else None
        facts.keys, facts.users = keys.get(partner_id, 0), users.get(partner_id, 0)
        targets = [None, partner_id, facts.pays.pk if facts.pays else partner_id]
        facts.dial = next((dials[target] for target in targets if target in dials), None)


def _last_sent(gateways: Iterable[SmsGateway], *, at: datetime) -> dict[UUID, datetime]:
    """Return when each account last had a message taken, of the messages of one day."""
    rows = SmsNotification.objects.filter(
        pk__gte=first_id(at - timedelta(days=1)),
        gateway__in=[row.pk for row in gateways],
        status__in=[Status.SENT, Status.DELIVERED],
        unconfirmed=False,
    )
    return dict(rows.order_by().values_list("gateway").annotate(last=Max("sent_at")))


def _dials() -> dict[UUID | None, PauseDial]:
    """Return the dials that stop a whole partner, by their target; None is everything."""
    return {dial.target_id: dial for dial in pausing.active() if dial.scope != PauseDial.Scope.PRODUCT}


def _users(ids: list[UUID]) -> dict[UUID, int]:
    """Count the partner's own users, where this installation has such people."""
    try:
        model: Any = apps.get_model(PARTNER_USERS)
    except LookupError:
        return {}
    rows = model._default_manager.filter(partner__in=ids)
    return _counted(rows.order_by().values_list("partner_id").annotate(Count("pk")))


def _counted(rows: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    return dict(rows)
