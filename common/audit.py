"""One line for everything that a person, or a file that a person applied, has changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser

from common.models import AuditLine


def write(
    *,
    action: str,
    subject: Any,
    at: datetime,
    actor: AbstractBaseUser | None = None,
    actor_name: str = "platform",
    reason: str = "",
    detail: dict[str, Any] | None = None,
    partner_id: UUID | None = None,
    remote_address: str | None = None,
) -> AuditLine:
    """Write an audit line about a model row. Call it inside the transaction of the change itself.

    :param detail: what changed, as JSON; never a secret (write "changed" instead)
    """
    return AuditLine.objects.create(
        at=at,
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else actor_name,
        action=action,
        object_type=subject._meta.db_table,
        object_id=str(subject.pk),
        partner_id=partner_id or getattr(subject, "partner_id", None),
        reason=reason,
        detail=detail or {},
        remote_address=remote_address,
    )
