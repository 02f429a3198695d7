"""How every outside system is doing, in one sentence each. Nobody outside is asked: our own rows tell it.

Redis is none of them, but is asked, and spoken of while it is away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max
from django.urls import reverse

from common.ids import first_id
from common.models import InboundMessage
from common.money import shown
from common.tones import Tone
from disbursements.models import Disbursement
from disbursements.statuses import Status
from disbursements.story import clock, span
from mifos.models import MifosPartner
from partners import pausing
from partners.models import PauseDial, Shortcode
from sms.models import SmsGateway, SmsNotification
from sms.models import Status as SmsStatus
from wallet.bank_models import BankAccount

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SHOWN_HOSTS = 12
REDIS_SECONDS = 0.5  # the page does not wait longer for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence about something, in the colour of its state, with its page."""

    name: str
    words: str
    tone: Tone
    link: str = ""


def sentences(*, at: datetime) -> list[Line]:
    """Say of every outside system how it is doing, in one sentence each."""
    return [
        *_shortcodes(at=at),
        *_hosts(at=at),
        *_sms_accounts(at=at),
        *_bank(at=at),
        *_redis(),
    ]


def _bank(*, at: datetime) -> list[Line]:
    account = BankAccount.objects.order_by("created_at").first()
    if account is None:
        return [Line(name="NCBA Bank", words="Not set up yet.", tone=Tone.OFF)]
    link = reverse("admin:wallet_bankaccount_change", args=[account.pk])
    name = f"{account.name} {account.account}"
    told = InboundMessage.objects.filter(pk__gte=first_id(at - DAY), source="ncba")
    last = told.aggregate(last=Max("received_at"))["last"]
    said = [f"Last notice {span(at - last)} ago" if last else "No notice in 24 hours"]
    if account.available_balance is not None and account.balance_at:
        said.append(f"{shown(account.available_balance)} there, asked {span(at - account.balance_at)} ago")
    tone = Tone.SETTLED if last else Tone.OFF
    return [Line(name=name, words=f"{', '.join(said)}.", tone=tone, link=link)]


def _redis() -> list[Line]:
    """Say that Redis is away; while it is there, nobody needs to know of it."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
        ) as server:
            server.ping()
    except (redis.RedisError, OSError):
        words = "Not there. Nothing is lost: work goes on with the sweep, more slowly, until it is back."
        return [Line(name="Redis, our queue", words=words, tone=Tone.PERSON)]
    return []


_RESULTS = """
select shortcode_id,
       percentile_cont(0.95) within group (order by extract(epoch from settled_at - last_sent_at))
           filter (where settled_at >= %(hour)s),
       count(*) filter (where settled_at >= %(hour)s),
       max(settled_at),
       count(*) filter (where status in ('sending', 'accepted', 'unknown'))
from disbursement_attempts where id >= %(since)s group by shortcode_id
"""


def _shortcodes(*, at: datetime) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, {"hour": at - HOUR, "since": first_id(at - DAY)})
        told = {row[0]: row[1:] for row in cursor.fetchall()}
    paused = {dial.target_id for dial in pausing.active() if dial.scope == PauseDial.Scope.SHORTCODE}
    rows = Shortcode.objects.filter(kind__in=[Shortcode.Kind.B2C, Shortcode.Kind.BOTH], is_active=True)
    return [
        _shortcode(one, told.get(one.pk), paused=one.pk in paused, at=at)
        for one in rows.select_related("partner")
    ]


def _shortcode(one: Shortcode, told: Any, *, paused: bool, at: datetime) -> Line:
    link = reverse("admin:partners_shortcode_change", args=[one.pk])
    name = f"M-Pesa {one.number}"
    if told is None:
        words, tone = "No payout in 24 hours.", Tone.OFF
    else:
        slow, results, last, waiting = told
        said = [
            f"Results in {slow:.1f} s (p95 of {results:,} in the last hour)"
            if results
            else "No result in the last hour"
        ]
        said += [f"the last one {span(at - last)} ago"] if last else ["none in 24 hours"]
        said += [f"{waiting:,} without a result"] if waiting else []
        words, tone = ", ".join(said) + ".", Tone.SETTLED if not waiting or results else Tone.WAITING
    if paused:
        return Line(name=name, words=f"Paused. {words}", tone=Tone.PERSON, link=link)
    return Line(name=name, words=words, tone=tone, link=link)


def _hosts(*, at: datetime) -> list[Line]:
    waiting = dict(
        Disbursement.objects.filter(status=Status.PAID)
        .order_by()
        .values_list("mifos_partner")
        .annotate(Count("pk"))
    )
    hosts = MifosPartner.objects.filter(is_active=True).select_related("partner")
    rows = list(hosts.order_by(F("failing_since").asc(nulls_last=True), "partner__name"))
    lines = [_host(one, waiting.get(one.pk, 0), at=at) for one in rows[:SHOWN_HOSTS]]
    rest = rows[SHOWN_HOSTS:]
    if rest:
        failing = sum(one.failing_since is not None for one in rest)
        words = f"{failing:,} of them fail." if failing else "All of them answer."
        link = reverse("admin:mifos_mifospartner_changelist")
        tone = Tone.PERSON if failing else Tone.SETTLED
        lines.append(Line(name=f"{len(rest):,} more Mifos hosts", words=words, tone=tone, link=link))
    return lines


def _host(one: MifosPartner, waiting: int, *, at: datetime) -> Line:
    link = reverse("admin:mifos_mifospartner_change", args=[one.pk])
    polled = f"last polled {span(at - one.last_poll_at)} ago" if one.last_poll_at else "never polled yet"
    backlog = f", {waiting:,} paid loan{'s' if waiting > 1 else ''} to be written back" if waiting else ""
    name = f"Mifos of {one.partner}"
    if one.failing_since is not None:
        since = clock(one.failing_since, now=at)
        words = (
            f"Failing since {since}: {one.failure_note or 'no reason given'}. {polled.capitalize()}{backlog}."
        )
        return Line(name=name, words=words, tone=Tone.PERSON, link=link)
    words = f"Answers, {polled}{backlog}."
    return Line(name=name, words=words, tone=Tone.WAITING if waiting else Tone.SETTLED, link=link)


def _sms_accounts(*, at: datetime) -> list[Line]:
    accounts = list(SmsGateway.objects.filter(is_active=True))
    if not accounts:
        link = reverse("admin:sms_smsgateway_changelist")
        return [
            Line(name="SMS", words="No account is set up, so nobody is told.", tone=Tone.PERSON, link=link)
        ]
    pending = SmsNotification.objects.filter(status=SmsStatus.PENDING).order_by().values_list("gateway")
    waiting = dict(pending.annotate(Count("pk")))
    recent = SmsNotification.objects.filter(pk__gte=first_id(at - DAY)).order_by().values_list("gateway")
    last = dict(recent.annotate(Max("sent_at")))
    return [_sms_account(one, waiting.get(one.pk, 0), last.get(one.pk), at=at) for one in accounts]


def _sms_account(one: SmsGateway, waiting: int, last: datetime | None, *, at: datetime) -> Line:
    link = reverse("admin:sms_smsgateway_change", args=[one.pk])
    said = [f"last message {span(at - last)} ago" if last else "no message in 24 hours"]
    said += [f"{waiting:,} waiting"] if waiting else []
    said += [f"credit {one.credits:,.0f}"] if one.credits is not None else []
    words = ", ".join(said)
    if one.attention:
        return Line(
            name=f"SMS {one.name}",
            words=f"{one.attention} {words.capitalize()}.",
            tone=Tone.PERSON,
            link=link,
        )
    return Line(
        name=f"SMS {one.name}",
        words=f"{words.capitalize()}.",
        tone=Tone.SETTLED if last else Tone.OFF,
        link=link,
    )
