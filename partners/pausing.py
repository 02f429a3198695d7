"""Pause dials: nothing new is sent while one is on; what is under way is followed to its end.

A dial that is lifted needs nothing more: the sweep of held disbursements looks at each again by itself.
"""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from common import audit, rows
from partners.models import Partner, PauseDial, Shortcode

EVERYTHING = PauseDial.Scope.EVERYTHING
_WIDEST_FIRST = [str(scope) for scope in PauseDial.Scope]


class CannotPause(Exception):
    """The dial cannot be turned like this; the message says why, in words for the person."""


class NeedsSecondPerson(CannotPause):
    """Resuming everything is for two people: one asks, another one lifts."""


def pause(
    *, scope: str, target_id: UUID | None, reason: str, by: AbstractBaseUser, at: datetime
) -> PauseDial:
    """Turn a dial on for a person.

    :param target_id: the partner, product or shortcode; None for everything
    :raises CannotPause: no reason, no such target, or it is paused already
    """
    with transaction.atomic():
        dial = _turn_on(scope=scope, target_id=target_id, reason=reason, at=at, paused_by=by)
        if dial is None:
            raise CannotPause("This is paused already.")
        audit.write(
            action="paused", subject=dial, at=at, actor=by, reason=reason, partner_id=_partner_of(dial)
        )
    return dial


def pause_by_platform(*, scope: str, target_id: UUID | None, reason: str, at: datetime) -> PauseDial | None:
    """Turn a dial on because the platform saw trouble; return None when it is on already."""
    with transaction.atomic():
        dial = _turn_on(scope=scope, target_id=target_id, reason=reason, at=at, by_platform=True)
        if dial:
            audit.write(action="paused", subject=dial, at=at, reason=reason, partner_id=_partner_of(dial))
    return dial


def ask_to_lift(*, dial_id: UUID, by: AbstractBaseUser, at: datetime, reason: str) -> PauseDial:
    """Note that a person wants everything resumed, so that another person can lift the dial.

    :raises CannotPause: no reason, or the dial is off
    """
    with transaction.atomic():
        dial = _locked(dial_id, reason)
        dial.lift_asked_by_id, dial.lift_asked_at, dial.lift_reason = by.pk, at, reason
        dial.save(update_fields=["lift_asked_by", "lift_asked_at", "lift_reason"])
        audit.write(
            action="asked to lift", subject=dial, at=at, actor=by, reason=reason, partner_id=_partner_of(dial)
        )
    return dial


def lift(*, dial_id: UUID, by: AbstractBaseUser, at: datetime, reason: str) -> PauseDial:
    """Turn a dial off. For everything, another person must have asked first.

    :raises NeedsSecondPerson: nobody else has asked to resume everything
    :raises CannotPause: no reason, or the dial is off
    """
    with transaction.atomic():
        dial = _locked(dial_id, reason)
        if dial.scope == EVERYTHING and dial.lift_asked_by_id in (None, by.pk):
            raise NeedsSecondPerson("Resuming everything takes two people: one asks, another one lifts.")
        dial.lifted_by_id, dial.lifted_at, dial.lift_reason = by.pk, at, reason
        dial.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
        audit.write(
            action="lifted pause",
            subject=dial,
            at=at,
            actor=by,
            reason=reason,
            partner_id=_partner_of(dial),
            detail={"asked_by": dial.lift_asked_by_id},
        )
    return dial


def standing(
    *, partner_id: UUID | None = None, product_id: UUID | None = None, shortcode_id: UUID | None = None
) -> PauseDial | None:
    """Return the widest dial that stops a payout of this partner, product and shortcode, if one is on."""
    targets: dict[str, UUID | None] = {
        PauseDial.Scope.EVERYTHING: None,
        PauseDial.Scope.PARTNER: partner_id,
        PauseDial.Scope.PRODUCT: product_id,
        PauseDial.Scope.SHORTCODE: shortcode_id,
    }
    dials = rows.every(PauseDial, "lifted_at is null")  # few, mostly none
    stopping = [dial for dial in dials if dial.target_id == targets[dial.scope]]
    return min(stopping, key=lambda dial: _WIDEST_FIRST.index(dial.scope), default=None)


def active() -> list[PauseDial]:
    """Return all dials that are on, the widest first."""
    dials = PauseDial.objects.filter(lifted_at__isnull=True)
    return sorted(dials, key=lambda dial: (_WIDEST_FIRST.index(dial.scope), dial.paused_at))


def _turn_on(
    *, scope: str, target_id: UUID | None, reason: str, at: datetime, **who: AbstractBaseUser | bool
) -> PauseDial | None:
    _check(scope, target_id, reason)
    try:
        with transaction.atomic():
            return PauseDial.objects.create(
                scope=scope, target_id=target_id, reason=reason.strip(), paused_at=at, **who
            )
    except IntegrityError as exc:
        if "pause_dial_once" not in str(exc):
            raise
        return None


def _check(scope: str, target_id: UUID | None, reason: str) -> None:
    if not reason.strip():
        raise CannotPause("Give a reason: the next person must know why.")
    if scope not in PauseDial.Scope.values:
        raise CannotPause(f"There is no dial for {scope!r}.")
    if (scope == EVERYTHING) != (target_id is None):
        raise CannotPause("Say which partner, product or shortcode (and none for everything).")
    model = {PauseDial.Scope.PARTNER: Partner, PauseDial.Scope.SHORTCODE: Shortcode}.get(
        PauseDial.Scope(scope)
    )
    if model and target_id and not model._default_manager.filter(pk=str(target_id)).exists():
        raise CannotPause(f"There is no such {scope}.")


def _locked(dial_id: UUID, reason: str) -> PauseDial:
    if not reason.strip():
        raise CannotPause("Give a reason: the next person must know why.")
    dial = PauseDial.objects.select_for_update().filter(pk=dial_id, lifted_at__isnull=True).first()
    if dial is None:
        raise CannotPause("This dial is off already.")
    return dial


def _partner_of(dial: PauseDial) -> UUID | None:
    if dial.scope == PauseDial.Scope.PARTNER:
        return dial.target_id
    if dial.scope == PauseDial.Scope.SHORTCODE:
        return Shortcode.objects.filter(pk=str(dial.target_id)).values_list("partner_id", flat=True).first()
    return None
