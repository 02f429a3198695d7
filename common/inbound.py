"""Store what comes in, before anybody acts on it."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.http import HttpRequest

from common import correlation, network, rows
from common.ids import new_id
from common.models import InboundMessage

SECRET_KEYS = frozenset({"securitycredential", "password", "hash", "hashval", "secretkey", "authorization"})
_SECRET_XML = re.compile(  # with attributes, CDATA, and where the end is cut off
    r"(<(?:[\w.-]+:)?(?:password|hash|hashval|secretkey)(?:\s[^>]*)?>).*?(</|\Z)", re.IGNORECASE | re.DOTALL
)
_SECRET_TEXT = re.compile(
    r"(\"?(?:securitycredential|password|hashval|hash|secretkey)\"?\s*[:=]\s*)(\"[^\"]*\"|[^\s&,}]+)", re.I
)
RETRY_GAPS = (5, 15, 60, 300, 900, 3600)


def receive(
    request: HttpRequest,
    *,
    source: str,
    kind: str,
    subject_id: UUID | None,
    at: datetime,
    sweep_after: timedelta = timedelta(0),
) -> tuple[InboundMessage, bool]:
    """Store one message, redacted, in one statement; a copy of an earlier one is only counted.

    :param sweep_after: how long the sweep leaves it to the caller, who acts on it at once
    :returns: the row, and whether it is new
    """
    raw = request.body
    # Where each character has a NUL beside it, no pattern finds a secret.
    text = f"[{len(raw)} bytes of another encoding]" if b"\x00" in raw else raw.decode(errors="replace")
    message = InboundMessage(
        id=new_id(),
        source=source,
        kind=kind,
        subject_id=subject_id,
        body=redacted(text),
        body_digest=hashlib.sha256(raw).hexdigest(),
        content_type=(request.content_type or "")[:100],
        remote_address=network.client_address(request),
        correlation_id=correlation.current(),
        received_at=at,
        last_received_at=at,
        next_step_at=at + sweep_after,
    )
    return message, _insert(message)


def _insert(message: InboundMessage) -> bool:
    insert = rows.insertion(
        InboundMessage,
        "on conflict (kind, subject_id, body_digest) do update "
        "set copies = inbound_messages.copies + 1, last_received_at = excluded.last_received_at "
        "returning id, copies",
    )
    _, ((message.pk, copies),) = rows.run(insert, rows.values_of(message))
    return bool(copies == 1)


def applied(message_id: UUID, *, outcome: str, at: datetime) -> None:
    """Note that a message's work is done, and what it did."""
    rows.run(_APPLIED, [at, outcome[:300], message_id])


_APPLIED = rows.Statement(
    "update inbound_messages set applied_at = $1, next_step_at = null, outcome = $2 where id = $3",
    ("timestamptz", "varchar", "uuid"),
)


def postpone(message: InboundMessage, *, reason: str, at: datetime) -> None:
    """Try a message again later, unless somebody else has applied it meanwhile.

    After the last gap it stays due at that pace and shows as old work.
    """
    gap = RETRY_GAPS[min(message.tries, len(RETRY_GAPS) - 1)]
    InboundMessage.objects.filter(pk=message.pk, applied_at__isnull=True).update(
        tries=F("tries") + 1, next_step_at=at + timedelta(seconds=gap), outcome=reason[:300]
    )


def redacted(text: str) -> str:
    """Take secrets out of a body: by key in JSON, by element in XML, by pattern in anything else."""
    text = text.replace("\x00", "�")  # PostgreSQL's text cannot hold it
    try:
        parsed = json.loads(text, parse_float=_as_written, parse_int=_as_written)
    except (ValueError, RecursionError):
        return _SECRET_TEXT.sub(r"\1[removed]", _SECRET_XML.sub(r"\1[removed]\2", text))
    if not _has_secret(parsed):
        return text
    written = json.dumps(_without_secrets(parsed), ensure_ascii=False, default=str)
    return written.encode(errors="replace").decode()  # halves of a character, which no database takes


class _as_written(str):
    __slots__ = ()


def _has_secret(value: Any) -> bool:
    return any(_walk(value, lambda key: key.lower() in SECRET_KEYS))


def _walk(value: Any, test: Callable[[str], bool]) -> list[bool]:
    if isinstance(value, dict):
        return [test(str(key)) or any(_walk(inner, test)) for key, inner in value.items()]
    if isinstance(value, list):
        return [any(_walk(inner, test)) for inner in value]
    return []


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "[removed]" if str(key).lower() in SECRET_KEYS else _without_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value
