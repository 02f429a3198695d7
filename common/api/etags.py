"""Settings are changed by who has read them: `ETag` with each answer, `If-Match` with each change."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rest_framework.request import Request

from common.api.problems import Problem

_TAGS = re.compile(r'(?:W/)?"[^"]*"')


def etag(shown: Mapping[str, Any]) -> str:
    """Return the strong tag of what a caller is shown."""
    text = json.dumps(shown, sort_keys=True, cls=DjangoJSONEncoder)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def unchanged(request: Request, tag: str) -> bool:
    """Whether the caller has this already (`If-None-Match`)."""
    asked = request.headers.get("If-None-Match", "")
    return asked.strip() == "*" or tag in {found.removeprefix("W/") for found in _TAGS.findall(asked)}


def require_match(request: Request, tag: str) -> None:
    """Let only those change it who have read it as it is. Call it with the row locked.

    :raises Problem: `precondition_required` or `precondition_failed`
    """
    asked = request.headers.get("If-Match", "").strip()
    if not asked:
        raise Problem("precondition_required")
    if asked != "*" and tag not in _TAGS.findall(asked):
        raise Problem("precondition_failed", headers={"ETag": tag})
