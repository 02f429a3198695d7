"""How views describe themselves in OpenAPI: what they take and give, and every way in which they say no."""

import json
from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from common.api.fields import ProblemShown
from common.api.kinds import INVALID, KINDS, MALFORMED, NOT_FOUND, Kind
from common.api.problems import CONTENT_TYPE

_ALWAYS = (
    *("unknown_parameter", "key_missing", "key_unknown", "key_revoked", "key_expired", "key_wrong_kind"),
    *("scope_missing", "method_not_allowed", "not_acceptable", "rate_limited", "internal", "unavailable"),
)
_WITH_BODY = (MALFORMED, INVALID, "too_large", "unsupported_media_type")
_OF_LISTS = ("invalid_filter", "bad_cursor")
_OF_MONEY = ("idempotency_key_missing", "idempotency_in_progress", "idempotency_key_reused", "refused")
_OF_SETTINGS = ("precondition_failed", "precondition_required")

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="Your own name for this wish, new for each. Sent again with the same body, it returns the first "
    "answer (with `Idempotent-Replayed: true`) for 30 days and does nothing twice.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    required=True,
    description="The `ETag` that you read it with, so that nobody's change is overwritten unseen.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="An `ETag` that you have: 304 without a body where it is still so.",
)


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


_RATES = {
    "RateLimit": _header("What is left of the quota, and the seconds until it is whole again."),
    "RateLimit-Policy": _header("How many requests (`q`) in how many seconds (`w`)."),
    "X-Correlation-ID": _header("Names this request in our logs."),
}
_WAIT = {"Retry-After": _header("Seconds to wait.", "integer")}


class ApiSchema(AutoSchema):
    """Reads from the view: `says`, `takes`, `gives`, `refusals`, and whether it moves money or is settings."""

    view: Any

    def get_summary(self) -> str | None:
        summary: str | None = getattr(self.view, "says", {}).get(self.method)
        return summary

    def get_description(self) -> str:  # type: ignore[override]
        return " ".join((type(self.view).__doc__ or "").split())

    def get_request_serializer(self) -> Any:
        return getattr(self.view, "takes", {}).get(self.method)

    def get_response_serializers(self) -> Any:
        status, serializer = self.view.given(self.method)
        found: dict[int, Any] = {status: serializer}
        if self._is_one_setting() and self.method == "GET":
            found[304] = OpenApiResponse(description="It is still as you have it.")
        return found

    def get_override_parameters(self) -> list[Any]:
        found = []
        if self.view.is_money(self.method):
            found.append(_IDEMPOTENCY_KEY)
        if self.method == "GET":
            found += [
                OpenApiParameter(name, str, description=told) for name, told in self.view.parameters.items()
            ]
        if self._is_one_setting():
            found += {"PATCH": [_IF_MATCH], "GET": [_IF_NONE_MATCH]}.get(self.method, [])
        return found

    def _is_one_setting(self) -> bool:
        return bool(self.view.is_settings and not self.view.is_list)

    def map_renderers(self, attribute: str) -> list[Any]:
        return ["application/json" if attribute == "media_type" else "json"]

    def _is_list_view(self, serializer: Any = None) -> bool:
        if isinstance(serializer, serializers.ListSerializer):
            return True
        return bool(self.view.is_list and self.method == "GET")

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        for status, response in found.items():
            response["description"] = response["description"] or _GOOD.get(status, "Done.")
            response["headers"] = self._headers(status)
        by_status: dict[int, list[Kind]] = {}
        for code in self._codes():
            by_status.setdefault(KINDS[code].status, []).append(KINDS[code])
        for number, kinds in sorted(by_status.items()):
            found[str(number)] = self._problem(str(number), kinds)
        return found

    def _headers(self, status: str) -> dict[str, Any]:
        headers = dict(_RATES)
        if self.view.is_settings and not (self.view.is_list and self.method == "GET"):
            headers["ETag"] = _header("What this state of it is called.")
        if self.view.is_money(self.method):
            headers["Idempotent-Replayed"] = _header("`true` where this is the first answer again.")
        if status == "201":
            headers["Location"] = _header("Where it can be read.")
        return headers

    def _codes(self) -> list[str]:
        view, method = self.view, self.method
        parts = [
            (True, _ALWAYS),
            (view.platform_only, ("platform_only",)),
            ("{" in self.path, (NOT_FOUND,)),
            (method in getattr(view, "takes", {}), _WITH_BODY),
            (view.is_list and method == "GET", _OF_LISTS),
            (view.is_money(method), _OF_MONEY),
            (view.is_settings and method == "PATCH", _OF_SETTINGS),
            (True, view.refusals.get(method, ())),
        ]
        return list(dict.fromkeys(code for holds, codes in parts if holds for code in codes))

    def _problem(self, status: str, kinds: list[Kind]) -> dict[str, Any]:
        examples = [OpenApiExample(kind.code, value=_example(kind)) for kind in kinds]
        words = " ".join(f"`{kind.code}`: {kind.title}." for kind in kinds)
        answer = OpenApiResponse(ProblemShown, words, examples)
        found: dict[str, Any] = super()._get_response_for_code(answer, status, [CONTENT_TYPE])  # type: ignore[no-untyped-call]
        wait = _WAIT if status in ("409", "429", "503") else {}
        challenge = {"WWW-Authenticate": _header("How to say who you are.")} if status == "401" else {}
        return found | {"headers": {"X-Correlation-ID": _RATES["X-Correlation-ID"], **wait, **challenge}}


_GOOD = {"200": "Done.", "201": "Made.", "202": "Taken; follow it by its address.", "204": "Done."}


def _example(kind: Kind) -> dict[str, Any]:
    found = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.advice,
        "code": kind.code,
        "correlation_id": "0190f1a2b3c47d5e8f9a0b1c2d3e4f50",
    }
    if kind.code == INVALID:
        found["errors"] = [{"field": "amount", "code": "min_value", "detail": "At least 1 shilling."}]
    return found


def close_requests(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of every body that a name which is not listed is refused."""
    for name, schema in result.get("components", {}).get("schemas", {}).items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return result


def share_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe each set of problems once instead of in every operation: the description shrinks to a tenth."""
    shared: dict[str, str] = {}
    responses = result.setdefault("components", {}).setdefault("responses", {})
    for operation in _operations(result):
        for status, response in operation["responses"].items():
            if CONTENT_TYPE not in response.get("content", {}):
                continue
            text = json.dumps(response, sort_keys=True)
            if text not in shared:
                earlier = sum(name.startswith(f"Problem{status}") for name in responses)
                shared[text] = f"Problem{status}" + (f"_{earlier + 1}" if earlier else "")
                responses[shared[text]] = response
            operation["responses"][status] = {"$ref": f"#/components/responses/{shared[text]}"}
    return result


def _operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in result["paths"].values():
        yield from (found for found in methods.values() if isinstance(found, dict) and "responses" in found)
