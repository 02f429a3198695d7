"""POSTs that move money: each needs an `Idempotency-Key`, and the same wish has one answer for 30 days."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.problems import CONTENT_TYPE, Problem, problem_of, respond
from partners.api.views import ApiView
from partners.idempotency import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_REFUSALS = (409, 422)  # said by the operation itself; what is refused before it may be corrected
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish of a caller. `reference` is the same however often it is repeated, and nobody else's.

    Do the operation under it, so that it is done once even where a process was killed before answering.
    """

    id: UUID

    @property
    def reference(self) -> str:
        return str(self.id)


def moves_money(post: Callable[..., Response]) -> Callable[..., HttpResponse | Response]:
    """Make a `post(self, request, *, wish, …)` that is carried out once for each Idempotency-Key.

    What it refuses with 409 or 422 is an answer and kept; what is refused as ill-formed (400, 403, 404) gives
    the key back. After a failure of ours the same request may be sent again at once.
    """

    @wraps(post)
    def once(view: ApiView, request: Request, **kwargs: Any) -> HttpResponse | Response:
        digest = _digest(request)
        row, first = IdempotencyKey.objects.claim(
            partner_id=view.caller.partner_id,
            key=_key(request),
            digest=digest,
            api_key_id=view.caller.key_id,
            at=view.at,
        )
        if not first:
            return _again(row, digest)
        try:
            response = post(view, request, wish=Wish(id=row.pk), **kwargs)
        except Exception as exc:
            _remember_refusal(row, problem_of(exc))
            raise
        _keep(row, response)
        return response

    once.moves_money = True  # type: ignore[attr-defined]
    return once


def _key(request: Request) -> str:
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise Problem("idempotency_key_missing")
    return key


def _digest(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode()).hexdigest()


def _again(row: IdempotencyKey, digest: str) -> HttpResponse:
    if row.digest != digest:
        raise Problem("idempotency_key_reused")
    if not row.is_done:
        raise Problem("idempotency_in_progress", headers={"Retry-After": "2"})
    response = HttpResponse(row.answer, status=row.status, content_type=row.content_type)
    response.headers[REPLAYED] = "true"
    if row.location:
        response.headers["Location"] = row.location
    return response


def _remember_refusal(row: IdempotencyKey, problem: Problem) -> None:
    if problem.kind.status in KEPT_REFUSALS:
        text = respond(problem).content.decode()
        row.keep(status=problem.kind.status, content_type=CONTENT_TYPE, location="", answer=text)
    elif problem.kind.status < 500:
        row.give_back()
    else:
        row.interrupt()


def _keep(row: IdempotencyKey, response: Response) -> None:
    row.keep(
        status=response.status_code,
        content_type="application/json",
        location=response.headers.get("Location", ""),
        answer=JSONRenderer().render(response.data).decode(),
    )
