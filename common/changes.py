"""Set-up that is written again: only what differs is saved, and the audit says which fields."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction

from common import audit
from common.crypto import EncryptedTextField

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who changes something: a person, or the name of what acts without one (an API key, a file)."""

    actor: AbstractBaseUser | None = None
    name: str = "platform"
    reason: str = ""
    remote_address: str | None = None
    key_id: UUID | None = None  # of the API key that acts

    @property
    def who(self) -> str:
        """How a timeline names it."""
        return self.actor.get_username() if self.actor else self.name


def acting(who: AbstractBaseUser | By) -> By:
    """Return a person as somebody who acts; what acts already stays as it is."""
    return who if isinstance(who, By) else By(actor=who)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Generic[Row]):
    """A row after it was put, and what that changed (empty and not made: nothing)."""

    row: Row
    made: bool
    changed: tuple[str, ...] = ()


def put(
    row: Row,
    wanted: Mapping[str, Any],
    *,
    by: By,
    at: datetime,
    quiet: Collection[str] = (),
    partner_id: UUID | None = None,
) -> Saved[Row]:
    """Set the fields, validate and save the row if it is new or different, and audit it.

    :param quiet: fields whose values stay out of the audit besides the encrypted ones (phones, long texts)
    :raises ValidationError: a field of the row is not what the model allows
    """
    made = row._state.adding
    old = {name: getattr(row, name, None) for name in wanted}
    for name, value in wanted.items():
        setattr(row, name, value)
    row.full_clean()  # may also bring values into the one form that is kept
    changed = [name for name in wanted if made or getattr(row, name) != old[name]]
    if not changed:
        return Saved(row=row, made=False)
    detail = {name: _told(row, name, old[name], quiet) for name in changed}
    with transaction.atomic():
        if made:
            row.save()
        else:
            save_only(row, changed)
        audit.write(
            action="created" if made else "changed",
            subject=row,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            detail=detail,
            partner_id=partner_id,
            remote_address=by.remote_address,
        )
    return Saved(row=row, made=made, changed=tuple(changed))


def save_only(row: models.Model, names: Iterable[str]) -> None:
    """Save these fields of a row: workers write its other columns meanwhile."""
    columns = {field.name for field in row._meta.concrete_fields}
    stamps = {field.name for field in row._meta.concrete_fields if getattr(field, "auto_now", False)}
    if written := columns & set(names):
        row.save(update_fields=written | stamps)


def secret_fields(model: type[models.Model] | models.Model) -> set[str]:
    """Return the names of a model's encrypted fields."""
    return {field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)}


def _told(row: models.Model, name: str, old: Any, quiet: Collection[str]) -> Any:
    if name in quiet or name in secret_fields(row):
        return "changed"
    new = _plain(getattr(row, name))
    return {"new": new} if row._state.adding else {"old": _plain(old), "new": new}


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value
