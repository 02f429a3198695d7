"""Every way in which the API says no, by its stable code: what it means, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem. `advice` is the sentence that is said where there is nothing more exact."""

    code: str
    status: int
    title: str
    advice: str

    @property
    def uri(self) -> str:
        """Its `type` (RFC 9457), which can be opened and explains it."""
        return f"{settings.PUBLIC_BASE_URL}/api/problems/{self.code}"


def _kinds(*kinds: tuple[str, int, str, str]) -> Mapping[str, Kind]:
    return MappingProxyType(
        {
            code: Kind(code=code, status=status, title=title, advice=advice)
            for code, status, title, advice in kinds
        }
    )


INTERNAL, UNAVAILABLE = "internal", "unavailable"
INVALID, MALFORMED, NOT_FOUND = "invalid", "malformed", "not_found"
REFUSED, CONFLICT = "refused", "conflict"

KINDS = _kinds(
    (MALFORMED, 400, "The body cannot be read", "Send one JSON object in UTF-8, without repeated names."),
    (INVALID, 400, "Fields are not right", "Correct the fields that `errors` names and send it again."),
    ("unknown_parameter", 400, "Unknown query parameter", "Leave out the parameters that `errors` names."),
    ("invalid_filter", 400, "A filter makes no sense", "Correct the filters that `errors` names."),
    (
        "bad_cursor",
        400,
        "Not a cursor of this list",
        "Follow `next` and `previous` as they are, or start without.",
    ),
    (
        "idempotency_key_missing",
        400,
        "Idempotency-Key is missing",
        "Send an `Idempotency-Key` header of 1 to 255 visible ASCII characters, new for each wish.",
    ),
    ("key_missing", 401, "No API key", "Send `Authorization: Bearer pv_…` with your API key."),
    ("key_unknown", 401, "Unknown API key", "Check that the whole key was sent, or ask for a new one."),
    ("key_revoked", 401, "This API key was revoked", "Use another key; a revoked one never works again."),
    ("key_expired", 401, "This API key has expired", "Ask for a new key."),
    (
        "key_wrong_kind",
        401,
        "Key of the other kind",
        "A live installation takes pv_live_ keys, the sandbox pv_test_.",
    ),
    ("scope_missing", 403, "The key may not do this", "Use a key that has the scope which `detail` names."),
    ("platform_only", 403, "Only for the platform", "This is done by the platform's own keys only."),
    (
        NOT_FOUND,
        404,
        "There is nothing here",
        "Check the address and the id; other partners' rows are not shown.",
    ),
    ("method_not_allowed", 405, "Not with this method", "Use one of the methods that `Allow` names."),
    ("not_acceptable", 406, "Only JSON is spoken here", "Send `Accept: application/json`, or none."),
    (CONFLICT, 409, "Not in this state", "Read it again: it has moved on, and this can no longer be done."),
    (
        "idempotency_in_progress",
        409,
        "The first request is still under way",
        "Wait as long as `Retry-After` says and send exactly the same again.",
    ),
    (
        "precondition_failed",
        412,
        "It was changed meanwhile",
        "Read it again and send the new ETag in `If-Match`.",
    ),
    ("too_large", 413, "The body is too large", "Send less at once."),
    ("unsupported_media_type", 415, "The body is not JSON", "Send `Content-Type: application/json`."),
    (
        "idempotency_key_reused",
        422,
        "The key was used for another request",
        "Take a new Idempotency-Key for a new wish.",
    ),
    (REFUSED, 422, "A rule says no", "Nothing was done. Change what `detail` names, and ask with a new key."),
    ("precondition_required", 428, "If-Match is missing", "Read it first and send its ETag in `If-Match`."),
    ("rate_limited", 429, "Too many requests", "Wait as long as `Retry-After` says."),
    (INTERNAL, 500, "The fault is ours", "Try again later; if it stays so, tell us the `correlation_id`."),
    (
        "outside_failed",
        502,
        "The other system did not do it",
        "See `detail`; the fault is neither yours nor ours.",
    ),
    (UNAVAILABLE, 503, "Not just now", "Send exactly the same again in a few seconds."),
)
