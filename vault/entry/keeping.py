"""A form that was sent at a bad moment is kept, sealed, until it can go on: nothing that was typed is lost.

The seal is the encryption of secrets at rest: what lies in a page or a session meanwhile tells nobody anything,
and opens only for the same person, on the same page, within a while.
"""

import json
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from common import crypto

FIELD = "pv_kept"  # the sealed form
CODE = "pv_code"  # the code that lets it go on
GOOD_FOR = 2 * 3600.0  # seconds
LARGEST = 512 * 1024  # bytes, files included
OWN = ("csrfmiddlewaretoken", FIELD, CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A form as it was sent: by whom, to which page, and from which page."""

    user_id: int
    path: str
    fields: dict[str, list[str]]
    files: list[dict[str, str]]
    by_htmx: bool
    came_from: str
    at: float


def seal(request: HttpRequest, *, user_id: int) -> str | None:
    """Return what was sent, sealed; None where it is too large to be kept.

    What was kept before and comes again (a code was asked for, and then the session ended) stays as it was.
    """
    before = request.POST.get(FIELD)
    if before and unseal(before, user_id=user_id, path=request.get_full_path()):
        return before
    files = [
        {
            "field": field,
            "name": one.name or "",
            "type": one.content_type or "",
            "body": b64encode(one.read()).decode(),
        }
        for field, several in request.FILES.lists()
        for one in several
        if (one.size or 0) <= LARGEST
    ]
    kept = {
        "user_id": user_id,
        "path": request.get_full_path(),
        "fields": {name: values for name, values in request.POST.lists() if name not in OWN},
        "files": files,
        "by_htmx": "HX-Request" in request.headers,
        "came_from": request.headers.get("HX-Current-URL", ""),
        "at": time.time(),
    }
    text = json.dumps(kept)
    return crypto.encrypt(text) if len(text) <= 2 * LARGEST else None


def unseal(sealed: str, *, user_id: Any, path: str = "") -> Kept | None:
    """Open what was kept for this person (and this page); None if it is not theirs, or too old."""
    try:
        kept = Kept(**json.loads(crypto.decrypt(sealed)))
    except (ImproperlyConfigured, ValueError, TypeError):
        return None
    theirs = kept.user_id == user_id and path in ("", kept.path)
    return kept if theirs and 0 <= time.time() - kept.at <= GOOD_FOR else None


def put_back(request: HttpRequest, kept: Kept) -> None:
    """Make the request the one that was sent then."""
    post = QueryDict(mutable=True)
    for name, values in kept.fields.items():
        post.setlist(name, values)
    files: MultiValueDict[str, Any] = MultiValueDict()
    for one in kept.files:
        files.appendlist(one["field"], SimpleUploadedFile(one["name"], b64decode(one["body"]), one["type"]))
    post._mutable = False
    request.POST = post  # type: ignore[assignment]
    request._files = files  # type: ignore[attr-defined]


_SECRET = ("password", "secret", "key", "code", "pin", "token")
_SILENT = (
    "_form_submitted",
    "initial-",
    "-TOTAL_FORMS",
    "-INITIAL_FORMS",
    "-MIN_NUM_FORMS",
    "-MAX_NUM_FORMS",
)


def in_words(kept: Kept) -> list[tuple[str, str]]:
    """List what was typed, for the person who typed it; secrets as dots."""
    shown = []
    for name, values in kept.fields.items():
        if any(sign in name for sign in _SILENT) or not any(value.strip() for value in values):
            continue
        hidden = any(sign in name.lower() for sign in _SECRET)
        text = "••••••••" if hidden else ", ".join(values)
        shown.append((name.strip("_").replace("_", " ").replace("-", " ").capitalize(), text[:300]))
    return [*shown, *(("File", one["name"]) for one in kept.files)]
