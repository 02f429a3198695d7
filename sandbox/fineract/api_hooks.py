"""Routes of hooks. There is no secret, user or signature to register: only a URL and a content type."""

from typing import Any, Final

from aiohttp import web

from sandbox.fineract import hooks
from sandbox.fineract.api_platform import need_matched
from sandbox.fineract.call import BASE, Call, endpoint
from sandbox.fineract.commands import read_body
from sandbox.fineract.errors import BootRefusal, invalid, item, not_authorized, not_found, unsupported
from sandbox.fineract.records import Hook
from sandbox.fineract.wire import Json
from sandbox.world import World

_KEYS: Final = frozenset({"name", "displayName", "isActive", "events", "config", "templateId"})
_ACTIONS: Final = {
    "LOAN": [
        "APPROVE",
        "APPROVALUNDO",
        "REJECT",
        "WITHDRAW",
        "DISBURSE",
        "DISBURSALUNDO",
        "REPAYMENT",
        "ADJUST",
    ],
    "SAVINGSACCOUNT": ["DEPOSIT", "UNDOTRANSACTION"],
    "CLIENT": ["CREATE", "UPDATE", "ACTIVATE"],
}


def routes(world: World) -> list[web.RouteDef]:
    """Hook routes."""
    one = f"{BASE}/hooks/{{hook_id:[0-9]+}}"
    return [
        web.get(f"{BASE}/hooks", endpoint(world, "hooks", list_hooks)),
        web.post(f"{BASE}/hooks", endpoint(world, "hook_create", create)),
        web.get(f"{BASE}/hooks/template", endpoint(world, "hook_template", template)),
        web.get(one, endpoint(world, "hooks", read)),
        web.put(one, endpoint(world, "hook_update", update)),
        web.delete(one, endpoint(world, "hook_delete", delete)),
    ]


def shown(hook: Hook) -> Json:
    """One hook as the server lists it."""
    return {
        "id": hook.id,
        "name": "Web",
        "displayName": hook.display_name,
        "isActive": hook.active,
        "createdAt": [hook.created_on.year, hook.created_on.month, hook.created_on.day],
        "templateId": 1,
        "events": [{"entityName": entity, "actionName": action} for entity, action in hook.events],
        "config": [
            {"fieldName": "Payload URL", "fieldValue": hook.url},
            {"fieldName": "Content Type", "fieldValue": hook.content_type},
        ],
    }


def _hook(call: Call, permission: str) -> Hook:
    if call.develops:
        need_matched(call, permission)
    elif not call.user.may(permission):
        raise not_authorized(permission)
    wanted = call.number("hook_id")
    found = call.host.hooks.get(wanted)
    if found is None:
        text = f"Hook with identifier {wanted} does not exist"
        raise not_found("error.msg.hook.identifier.not.found", text, wanted)
    return found


async def list_hooks(call: Call) -> list[Json]:
    """`GET /hooks`; in `develop` authentication is enough."""
    if not call.develops:
        call.need_read("READ_HOOK", "hooks")
    return [shown(hook) for hook in call.host.hooks.values()]


async def read(call: Call) -> Json:
    """One hook."""
    return shown(_hook(call, "READ_HOOK"))


async def template(call: Call) -> Json:
    """What can be registered."""
    fields = [
        {"fieldType": "string", "fieldName": "Payload URL", "optional": False},
        {"fieldType": "string", "fieldName": "Content Type", "optional": False, "placeholder": "json / form"},
    ]
    entities = [{"name": name, "actions": actions} for name, actions in _ACTIONS.items()]
    return {
        "templates": [{"id": 1, "name": "Web", "schema": fields}],
        "groupings": [{"name": "Portfolio", "entities": entities}],
    }


async def _body(call: Call) -> Json:
    body = read_body(await call.request.text())
    strange = [name for name in body if name not in _KEYS]
    if strange and not call.develops:
        raise unsupported(*strange)
    return body


def _check(body: Json) -> tuple[list[tuple[str, str]], str, str]:
    """Events, URL and content type of a body.

    :raises Refusal: 400, or 404 for an unknown template
    """
    if body.get("name") != "Web":
        text = f"Hook template with name {body.get('name')} does not exist"
        raise not_found("error.msg.hook.template.not.found", text, body.get("name"))
    events = [(str(row["entityName"]), str(row["actionName"])) for row in body.get("events") or []]
    if not events:
        raise _invalid("registered.events.cannot.be.empty", "events")
    config = body.get("config")
    config = config if isinstance(config, dict) else {}
    url, content_type = str(config.get("Payload URL") or ""), str(config.get("Content Type") or "")
    if not url or not content_type:
        raise _invalid("required.config.field.not.provided", "config")
    if content_type not in ("json", "form"):
        raise _invalid("content.type.must.be.json.or.form", "Content Type")
    return events, url, content_type


def _invalid(rule: str, parameter: str) -> Exception:
    code = f"validation.msg.hook.{rule}"
    return invalid(item(code, f"The parameter `{parameter}` is not valid: {rule}", parameter))


async def create(call: Call) -> Json:
    """`POST /hooks`: calls the URL at once with GET; any status passes, only silence refuses."""
    if not call.develops and not call.user.may("CREATE_HOOK"):
        raise not_authorized("CREATE_HOOK")
    body = await _body(call)
    events, url, content_type = _check(body)
    place = hooks.target(url)
    if place is None:
        raise BootRefusal(500)  # FINERACT-2931: the base must end in a slash
    if await call.world.call("GET", place, timeout=hooks.TIMEOUT) is None:
        raise _invalid("url.invalid", "Payload URL")
    host = call.host
    hook = Hook(
        id=host.next_id("hook"),
        display_name=str(body.get("displayName") or "Web"),
        active=bool(body.get("isActive", False)),
        events=events,
        url=url,
        content_type=content_type,
        created_on=host.today(),
    )
    host.hooks[hook.id] = hook
    host.cached_hooks = None
    return {"resourceId": hook.id}


async def update(call: Call) -> Any:
    """`PUT /hooks/{id}`: does not call the URL."""
    hook = _hook(call, "UPDATE_HOOK")
    body = await _body(call)
    hook.events, hook.url, hook.content_type = _check(body)
    hook.display_name = str(body.get("displayName") or hook.display_name)
    hook.active = bool(body.get("isActive", hook.active))
    call.host.cached_hooks = None
    return {"resourceId": hook.id, "changes": {}}


async def delete(call: Call) -> Json:
    """`DELETE /hooks/{id}`."""
    hook = _hook(call, "DELETE_HOOK")
    del call.host.hooks[hook.id]
    call.host.cached_hooks = None
    return {"resourceId": hook.id}
