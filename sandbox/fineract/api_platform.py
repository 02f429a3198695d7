"""Routes around the books: authentication, payment types, business date, audits, checkers, health."""

import base64
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.fineract import commands, transaction_data
from sandbox.fineract.call import BASE, Call, check_password, endpoint, reply
from sandbox.fineract.errors import BootRefusal, not_authenticated, not_authorized, not_found, unknown_command
from sandbox.fineract.records import AWAITING, PROCESSING_RESULT, Command, User
from sandbox.fineract.wire import Json, iso_time, without_nulls
from sandbox.world import World

ACTUATOR = "/fineract/{host}/fineract-provider/actuator"


def routes(world: World) -> list[web.RouteDef]:
    """Routes that belong to no account."""

    async def health(request: web.Request) -> web.StreamResponse:
        if request.match_info["host"] not in world.fineract.hosts:
            raise web.HTTPNotFound
        return reply({"status": "UP", "groups": ["liveness", "readiness"]})

    return [
        web.post(f"{BASE}/authentication", endpoint(world, "authentication", authenticate, public=True)),
        web.get(f"{BASE}/paymenttypes", endpoint(world, "payment_types", list_payment_types)),
        web.get(
            f"{BASE}/paymenttypes/{{type_id:[0-9]+}}", endpoint(world, "payment_types", one_payment_type)
        ),
        web.get(f"{BASE}/businessdate/{{kind}}", endpoint(world, "business_date", business_date)),
        web.get(f"{BASE}/audits", endpoint(world, "audits", audits)),
        web.get(f"{BASE}/makercheckers", endpoint(world, "checkers", pending)),
        web.post(f"{BASE}/makercheckers/{{command_id:[0-9]+}}", endpoint(world, "checker", decide)),
        web.get(f"{ACTUATOR}/health", health),
        web.get(f"{ACTUATOR}/health/{{part}}", health),
    ]


async def authenticate(call: Call) -> Any:
    """`POST /authentication`: the user with the list of permissions."""
    body = commands.read_body(await call.request.text())
    username, password = str(body.get("username", "")), str(body.get("password", ""))
    user = check_password(call.host, username, password)
    if user is None:
        raise not_authenticated()
    return reply(_user_data(user, password), 403 if user.password_expired else 200)


def _user_data(user: User, password: str) -> Json:
    key = base64.b64encode(f"{user.username}:{password}".encode()).decode()
    return {
        "username": user.username,
        "userId": user.id,
        "base64EncodedAuthenticationKey": key,
        "authenticated": True,
        "officeId": user.office_id,
        "officeName": "Head Office",
        "roles": [{"id": 1, "name": "API", "description": "Payments", "disabled": False}],
        "permissions": sorted(user.permissions),
        "shouldRenewPassword": user.password_expired,
        "isTwoFactorAuthenticationRequired": False,
    }


def need_matched(call: Call, permission: str) -> None:
    """Refuse as the Spring matcher of `develop` does: Boot's JSON instead of Fineract's.

    :raises BootRefusal: 403
    """
    if not call.user.may(permission):
        raise BootRefusal(403)


async def list_payment_types(call: Call) -> list[Json]:
    """The payment types; `develop` gives them to any authenticated user."""
    if not call.develops:
        call.need_read("READ_PAYMENTTYPE", "paymenttypes")
    return transaction_data.payment_types(call.host)


async def one_payment_type(call: Call) -> Json:
    """One payment type."""
    if call.develops:
        need_matched(call, "READ_PAYMENTTYPE")
    else:
        call.need_read("READ_PAYMENTTYPE", "paymenttypes")
    wanted = call.number("type_id")
    for kind in transaction_data.payment_types(call.host):
        if kind["id"] == wanted:
            return kind
    text = f"Payment Type with identifier {wanted} does not exist"
    raise not_found("error.msg.payment.type.invalid", text, wanted)


async def business_date(call: Call) -> Json:
    """The stored business date; 404 when none is stored. Its class keeps date arrays."""
    call.need_read("READ_BUSINESS_DATE", "business_date")
    kind, day = call.request.match_info["kind"], call.host.business_date
    if kind not in ("BUSINESS_DATE", "COB_DATE") or day is None:
        text = f"Business date with type `{kind}` does not exist."
        raise not_found("error.msg.businessdate.not.found", text, kind)
    if kind == "COB_DATE":
        day -= timedelta(days=1)
    name = "Business Date" if kind == "BUSINESS_DATE" else "Close of Business Date"
    return {"description": name, "type": kind, "date": [day.year, day.month, day.day]}


def audit_row(row: Command) -> Json:
    """One command as audits show it."""
    shown = {
        "id": row.id,
        "actionName": row.action,
        "entityName": row.entity,
        "resourceId": row.resource_id,
        "maker": row.maker.username,
        "madeOnDate": iso_time(row.at),
        "checkedOnDate": iso_time(row.checked_at) if row.checked_at else None,
        "processingResult": PROCESSING_RESULT[row.status],
        "officeName": "Head Office",
        "clientId": row.client_id,
        "loanId": row.loan_id,
        "savingsAccountId": row.savings_id,
        "url": row.url.partition("/api/v1")[2] or row.url,
    }
    return without_nulls(shown)


async def audits(call: Call) -> Any:
    """`GET /audits`: a page if `paged=true`, else a bare array."""
    call.need_read("READ_AUDIT", "audits")
    query = call.request.query
    wanted = {
        "entity": query.get("entityName"),
        "action": query.get("actionName"),
        "loan_id": query.get("loanId"),
        "client_id": query.get("clientId"),
        "resource_id": query.get("resourceId"),
    }
    rows = [
        row
        for row in call.host.audits
        if all(value is None or str(getattr(row, name)) == value for name, value in wanted.items())
    ]
    if query.get("sortOrder", "DESC").upper() == "DESC":
        rows.reverse()
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 200))
    shown = [audit_row(row) for row in rows[offset : offset + limit]]
    if query.get("paged", "").lower() != "true":
        return shown
    # On some builds the count is 0 with paging (#6146).
    total = 0 if call.world.switches.get("fineract.total_records") == "zero" else len(rows)
    return {"totalFilteredRecords": total, "pageItems": shown}


async def pending(call: Call) -> list[Json]:
    """`GET /makercheckers`: commands that wait for a checker."""
    call.need_read("READ_MAKERCHECKER", "makerchecker")
    return [audit_row(row) for row in call.host.pending.values() if row.status == AWAITING]


async def decide(call: Call) -> Json:
    """`POST /makercheckers/{id}?command=approve|reject`."""
    wanted = call.number("command_id")
    row = call.host.pending.get(wanted)
    if row is None:
        text = f"Audit with identifier {wanted} does not exist"
        raise not_found("error.msg.command.id.invalid", text, wanted)
    task = f"{row.action}_{row.entity}_CHECKER"
    if not (call.user.may(task) or call.user.may("CHECKER_SUPER_USER")):
        raise not_authorized(task)
    command = call.request.query.get("command", "").lower()
    if command not in ("approve", "reject"):
        raise unknown_command(command)
    return commands.check(call.world, call.host, row, approve=command == "approve")
