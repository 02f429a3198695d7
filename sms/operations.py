"""Queue messages, and what a person may do with them and with the accounts that carry them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from common import audit, correlation
from common.changes import By, Saved, put
from common.phone import BadPhone, canonical
from common.rows import insertion, run, values_of
from partners.models import Partner
from sms import routes, wording
from sms.models import SmsGateway, SmsNotification, Status
from sms.segments import measure
from sms.sending import send_due

__all__ = [
    "enqueue",
    "enqueue_to_operators",
    "enqueue_to_partner",
    "put_gateway",
    "resend",
    "restart",
    "rotate_callback",
    "send_due",
]

PLATFORM = By()


def enqueue(
    *,
    event_key: str,
    message_type: str,
    partner_id: UUID,
    phone: str,
    context: Mapping[str, str],
    at: datetime,
    language: str | None = None,
    expires_at: datetime | None = None,
) -> SmsNotification | None:
    """Write one message into the outbox, inside the transaction of the event that it tells of.

    A number that no SMS can reach is queued as `failed` with the reason: it must not undo the event.

    :param event_key: names the event, such as `disbursement:<id>:paid`; once per phone
    :param context: the variables of the type (`wording.VARIABLES`); `partner` is filled in by itself
    :param language: the client's, when known; else the partner's
    :param expires_at: not sent after that (one-time codes)
    :returns: the row, or None when this event was already queued for this phone
    :raises BadWording: an unknown type, or a variable without a value
    """
    written = _write(
        [phone],
        event_key=event_key,
        message_type=message_type,
        partner_id=partner_id,
        context=context,
        at=at,
        language=language,
        expires_at=expires_at,
    )
    return written[0] if written else None


def enqueue_to_partner(
    *,
    event_key: str,
    message_type: str,
    partner_id: UUID,
    context: Mapping[str, str],
    at: datetime,
    quiet: timedelta | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Write one message for each of the partner's phones, and return how many are new.

    :param quiet: say nothing when the partner had a message of this type within that time
    :raises BadWording: an unknown type, or a variable without a value
    """
    wording.check_context(message_type, {"partner": ""} | dict(context))
    if quiet and _told_lately(partner_id, message_type, since=at - quiet):
        return 0
    written = _write(
        dict.fromkeys(routes.of_partner(partner_id).phones),
        event_key=event_key,
        message_type=message_type,
        partner_id=partner_id,
        context=context,
        at=at,
        language=None,
        expires_at=expires_at,
    )
    return len(written)


def enqueue_to_operators(
    *, event_key: str, reason: str, partner_id: UUID | None, at: datetime
) -> list[SmsNotification]:
    """Write an alarm for each of `OPERATOR_PHONES`, and return what is new. It belongs to no partner.

    :param partner_id: whom it is about, if anybody
    """
    route = routes.of_operators(partner_id)
    return _write(
        dict.fromkeys(route.phones),
        event_key=event_key,
        message_type="operator_alarm",
        partner_id=None,
        context={"reason": reason},
        at=at,
        language=None,
        expires_at=None,
        route=route,
    )


def resend(*, notification_id: UUID, at: datetime, by: By = PLATFORM) -> SmsNotification:
    """Send a failed or unconfirmed message once more, because a person says so.

    :raises BadPhone: no SMS can reach the number
    :raises ForbiddenMove: it is waiting, on its way, accepted or delivered
    :raises LostRace: it has just moved
    """
    row = SmsNotification.objects.get(pk=notification_id)
    canonical(row.recipient_phone)
    who = by.actor.get_username() if by.actor else by.name
    with transaction.atomic():
        row.send_again(gateway_id=routes.gateway_of(row.partner_id), at=at, note=f"sent again by {who}")
        _audit("sms sent again", row, by=by, at=at)
    return row


def put_gateway(
    *, partner: Partner | None, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[SmsGateway]:
    """Make or update the account that carries a partner's new messages, or (None) the platform's.

    :param fields: columns of `SmsGateway`; without a `name` it is called after its owner
    :raises ValidationError: a field is not what the model allows
    """
    row = SmsGateway.objects.filter(partner=partner, is_primary=True, is_active=True).first() or SmsGateway()
    wanted = {"name": row.name or (partner.name[:60] if partner else "Platform"), "partner": partner}
    saved = put(row, wanted | dict(fields), by=by, at=at)
    routes.forget()
    return saved


def change_gateway(
    *, gateway: SmsGateway, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[SmsGateway]:
    """Set fields of one account, new or old, whoever's messages it carries.

    :raises ValidationError: a field is not what the model allows
    """
    saved = put(gateway, fields, by=by, at=at)
    routes.forget()
    return saved


def restart(*, gateway_id: UUID, at: datetime, by: By = PLATFORM) -> bool:
    """Let a stopped account send again, and say whether it was stopped; its messages are still waiting."""
    stopped = SmsGateway.objects.filter(pk=gateway_id, stopped_at__isnull=False)
    with transaction.atomic():
        was = bool(stopped.update(stopped_at=None, stopped_reason=""))
        if was:
            _audit("started again", SmsGateway.objects.get(pk=gateway_id), by=by, at=at)
    return was


def rotate_callback(*, gateway_id: UUID, at: datetime, by: By = PLATFORM) -> SmsGateway:
    """Give an account a new address for delivery reports; the one before stays good until the next time."""
    with transaction.atomic():
        account = SmsGateway.objects.select_for_update(no_key=True).get(pk=gateway_id)
        account.callback_version += 1
        account.save(update_fields=["callback_version"])
        _audit("callback address renewed", account, by=by, at=at)
    return account


def _audit(action: str, subject: Any, *, by: By, at: datetime) -> None:
    audit.write(
        action=action,
        subject=subject,
        at=at,
        actor=by.actor,
        actor_name=by.name,
        reason=by.reason,
        remote_address=by.remote_address,
    )


def _write(
    phones: Iterable[str],
    *,
    event_key: str,
    message_type: str,
    partner_id: UUID | None,
    context: Mapping[str, str],
    at: datetime,
    language: str | None,
    expires_at: datetime | None,
    route: routes.Route | None = None,
) -> list[SmsNotification]:
    if route is None:
        assert partner_id is not None
        route = routes.of_partner(partner_id)
    language = language if language in dict(wording.LANGUAGES) else route.language
    values = {"partner": route.name} | dict(context)
    wording.check_context(message_type, values)
    content = wording.render(route.text(message_type, language), values)
    size = measure(content)
    rows = [
        SmsNotification(
            partner_id=partner_id,
            message_type=message_type,
            language=language,
            message_content=content,
            encoding=size.encoding,
            segments=size.segments,
            event_key=event_key,
            gateway_id=route.gateway_id,
            expires_at=expires_at,
            correlation_id=correlation.current(),
            created_at=at,
            updated_at=at,
            moved_at=at,
            **_reachable(phone, at),
        )
        for phone in phones
    ]
    return _insert(rows)


def _reachable(phone: str, at: datetime) -> dict[str, Any]:
    try:
        return {"recipient_phone": canonical(phone), "status": Status.PENDING, "next_step_at": at}
    except BadPhone as exc:
        return {
            "recipient_phone": phone.replace("\x00", "")[:20],
            "status": Status.FAILED,
            "last_error": str(exc),
        }


def _insert(rows: list[SmsNotification]) -> list[SmsNotification]:
    """Insert what is not there yet, and return only that."""
    insert = insertion(SmsNotification, "on conflict (event_key, recipient_phone) do nothing returning id")
    return [row for row in rows if run(insert, values_of(row))[1]]


def _told_lately(partner_id: UUID, message_type: str, *, since: datetime) -> bool:
    """Whether the partner has heard it, or is hearing it at this moment in another transaction.

    The lock is only tried, never waited for: an alert must not hold up the money that caused it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"sms:{partner_id}:{message_type}"]
        )
        (mine,) = cursor.fetchone()
    told = SmsNotification.objects.filter(
        partner_id=partner_id, message_type=message_type, created_at__gt=since
    )
    return not mine or told.exists()
