"""Web hooks: fire and forget, without authentication, retry or order.

Source: WebHookProcessor, WebHookService of Apache Fineract.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from sandbox.fineract.host import Host
from sandbox.fineract.records import Command, Hook
from sandbox.fineract.wire import Json, dumps, iso_time
from sandbox.world import World

TIMEOUT: Final = 10.0
LATE_SECONDS: Final = 30.0


def announce(world: World, host: Host, row: Command, result: Json | None) -> None:
    """Tell the hooks of a command; without a result (failed or parked) there is no `response`."""
    if not host.hooks:
        return
    payload = body_of(host, row, result)
    for hook in listeners(host, row.entity, row.action):
        send(world, host, hook, row.entity, row.action, payload)


def listeners(host: Host, entity: str, action: str) -> Iterable[Hook]:
    """The active hooks of an event; with the server's cache on, the first event's list serves all."""
    if host.cache_hooks and host.cached_hooks is not None:
        return host.cached_hooks
    found = [hook for hook in host.hooks.values() if hook.active and (entity, action) in hook.events]
    if host.cache_hooks:
        host.cached_hooks = found
    return found


def body_of(host: Host, row: Command, result: Json | None) -> Json:
    """The delivery's JSON."""
    body: Json = {
        "entityName": row.entity,
        "actionName": row.action,
        "createdBy": row.maker.id,
        "createdByName": row.maker.username,
        "createdByFullName": "App Administrator",
        "request": as_doubles(row.request),
        "officeId": row.office_id,
        "clientId": row.client_id,
        "timestamp": iso_time(host.clock()),
    }
    if result is not None:
        body["response"] = {key: value for key, value in result.items() if key != "officeId"}
    return {key: value for key, value in body.items() if value is not None}


def as_doubles(value: Any) -> Any:
    """Re-read JSON as the server does for hooks: every number becomes a double."""
    if isinstance(value, dict):
        return {key: as_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_doubles(item) for item in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    return value


def send(world: World, host: Host, hook: Hook, entity: str, action: str, payload: Json) -> None:
    """Send one delivery in the background, or play what goes wrong with it."""
    fault = world.faults.pick("fineract", "hook", {"host": host.name}) if world.faults else None
    kind = fault.kind if fault else ""
    if kind == "not_delivered":
        return
    if kind == "wrong_event":
        entity, action = "CLIENT", "UPDATE"
    delay = world.latencies.sample("fineract.hook")
    if fault and kind == "late":
        delay += fault.seconds(LATE_SECONDS)
    for _ in range(2 if kind == "double" else 1):
        world.later(delay, deliver, world, host, hook, entity, action, payload)


async def deliver(world: World, host: Host, hook: Hook, entity: str, action: str, payload: Json) -> None:
    """POST once; a failure is only noted."""
    url = target(hook.url)
    if url is None:
        return
    headers = {
        "X-Fineract-Entity": entity,
        "X-Fineract-Action": action,
        "Fineract-Platform-TenantId": host.tenant,
        "User-Agent": "okhttp/4.12.0",
    }
    if host.endpoint:
        headers["X-Fineract-Endpoint"] = host.endpoint
    data, content_type = encode(world, hook, payload)
    if data is None:
        return
    headers["Content-Type"] = content_type
    status = await world.call("POST", url, data=data, headers=headers, timeout=TIMEOUT)
    host.counts["hooks_sent"] += 1
    world.tell("fineract", f"{host.name}: hook {entity} {action} answered {status}")


def encode(world: World, hook: Hook, payload: Json) -> tuple[bytes | None, str]:
    """The body and its type; form mode knows only flat texts, nested objects break it."""
    if hook.content_type == "json":
        return dumps(payload).encode(), "application/json; charset=UTF-8"
    if world.switches.get("fineract.hook_form") == "broken":
        return None, ""
    flat = {key: str(value) for key, value in payload.items() if not isinstance(value, dict | list)}
    return urlencode(flat).encode(), "application/x-www-form-urlencoded"


def target(url: str) -> str | None:
    """Where deliveries go: `.` of the base, so that query and user info are lost; None without a slash."""
    parts = urlsplit(url)
    if not parts.path.endswith("/"):
        return None
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "", ""))
