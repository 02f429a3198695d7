"""`/control/fineract/…`: make and move what the API itself does not, and read the books."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.control import need, read
from sandbox.fineract import hooks, making, officer
from sandbox.fineract.commands import check
from sandbox.fineract.errors import Refusal
from sandbox.fineract.host import OFFICER, Host
from sandbox.fineract.records import Client, Loan, Transaction
from sandbox.fineract.statuses import TRANSACTION_NAME
from sandbox.fineract.wire import Json, iso_time
from sandbox.routing import Handler, answer
from sandbox.world import World

PREFIX = "/control/fineract"
Action = Callable[[World, Host, web.Request, Json], Any]


def routes(world: World) -> list[web.RouteDef]:
    """All control routes of this system; the literal ones before those with a host's name."""
    one = f"{PREFIX}/{{host}}"

    async def put_host(request: web.Request) -> web.StreamResponse:
        body = await read(request)
        need(body, "host")
        return answer(about(world, making.put_host(world.fineract, body)))

    async def list_hosts(request: web.Request) -> web.StreamResponse:
        return answer([about(world, host) for host in world.fineract.hosts.values()])

    def on(action: Action) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            host = world.fineract.hosts.get(request.match_info["host"])
            if host is None:
                raise ValueError(f"no host {request.match_info['host']!r}")
            return answer(action(world, host, request, await read(request)))

        return handle

    return [
        web.post(f"{PREFIX}/hosts", put_host),
        web.get(f"{PREFIX}/hosts", list_hosts),
        web.get(f"{one}/books", on(show_books)),
        web.post(f"{one}/products", on(make_product)),
        web.post(f"{one}/clients", on(make_client)),
        web.post(f"{one}/clients/{{id}}/change", on(change_client)),
        web.post(f"{one}/savings", on(make_savings)),
        web.post(f"{one}/savings/{{id}}/change", on(change_savings)),
        web.post(f"{one}/loans", on(make_loan)),
        web.post(f"{one}/loans/bulk", on(make_loans)),
        web.post(f"{one}/loans/{{id}}/{{verb}}", on(act_on_loan)),
        web.post(f"{one}/makercheckers/{{id}}/{{verb}}", on(decide)),
        web.post(f"{one}/hooks/announce", on(forge_hook)),
        web.post(f"{one}/purge", on(purge)),
    ]


def about(world: World, host: Host) -> Json:
    """A host in a few words; no password."""
    state = world.fineract
    return {
        "host": host.name,
        "tenant": host.tenant,
        "usernames": list(host.users),
        "version": state.version(host),
        "database": "postgresql" if state.on_postgresql(host) else "mariadb",
        "timezone": host.timezone,
        "loans": len(host.loans),
        "base_path": f"/fineract/{host.name}/fineract-provider/api/v1",
    }


def make_product(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Add a product."""
    return {"id": making.make_product(host, body).id}


def make_client(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Add a client."""
    return {"id": making.make_client(host, body).id}


def change_client(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Change a client's name, phone or status."""
    client = host.clients[int(request.match_info["id"])]
    if "status" in body:
        client.status = int(body["status"])
    if "name" in body:
        client.firstname, _, client.lastname = str(body["name"]).partition(" ")
    if "mobile_no" in body:
        _change_mobile(host, client, body["mobile_no"])
    if "national_id" in body:
        making.add_identifier(host, client, "national_id", str(body["national_id"]))
    for number in client.loan_ids:
        host.loans[number].text = None
    return {"id": client.id}


def _change_mobile(host: Host, client: Client, mobile: Any) -> None:
    if mobile and host.by_mobile.get(str(mobile), client) is not client:
        raise ValueError(f"mobile_no {mobile}: unique in a tenant")
    host.by_mobile.pop(client.mobile_no or "", None)
    client.mobile_no = str(mobile) if mobile else None
    if client.mobile_no:
        host.by_mobile[client.mobile_no] = client


def make_savings(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Add a savings account."""
    return {"id": making.make_savings(host, body).id}


def change_savings(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Change a savings account's status or blocks."""
    account = host.savings[int(request.match_info["id"])]
    account.status = int(body.get("status", account.status))
    account.blocked = bool(body.get("blocked", account.blocked))
    account.credit_blocked = bool(body.get("credit_blocked", account.credit_blocked))
    return {"id": account.id}


def make_loan(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Add a loan, and approve it unless told otherwise."""
    need(body, "client_id", "product_id")
    return {"id": _new_loan(world, host, body).id}


def _new_loan(world: World, host: Host, body: Json) -> Loan:
    loan = making.make_loan(host, body)
    if body.get("approve", False):
        # The amount asked for is what is approved; a net amount given beside it is kept.
        net = loan.net
        officer.act(world, host, loan, "approve", {"date": body.get("approved_on")})
        loan.net = net
    return loan


def make_loans(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Add many clients with a loan each."""
    need(body, "count", "product_id")
    start = int(body.get("phone_start", 254700000000))
    made: Json = {"loan_ids": [], "client_ids": []}
    fields = {name: value for name, value in body.items() if name not in ("count", "phone_start", "name")}
    for number in range(int(body["count"])):
        client = making.make_client(host, {"mobile_no": str(start + number)})
        loan = _new_loan(world, host, fields | {"client_id": client.id})
        made["loan_ids"].append(loan.id)
        made["client_ids"].append(client.id)
    return made


def act_on_loan(world: World, host: Host, request: web.Request, body: Json) -> Any:
    """Let the office act on a loan."""
    loan = host.loans[int(request.match_info["id"])]
    verb = request.match_info["verb"]
    officer.act(world, host, loan, verb, body)
    if verb in officer.QUIET:
        world.tell("fineract", f"{host.name}: loan {loan.id} {verb}", loan=loan.id)
    return loan_books(loan)


def decide(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Let a checker approve or reject a parked command."""
    row = host.pending[int(request.match_info["id"])]
    verb = request.match_info["verb"]
    if verb not in ("approve", "reject"):
        raise ValueError(f"approve or reject expected, not {verb!r}")
    try:
        result = check(world, host, row, approve=verb == "approve")
    except Refusal as exc:
        raise ValueError(f"{exc.status} {exc.body['errors'][0]['userMessageGlobalisationCode']}") from exc
    return {"commandId": row.id, "loanId": result.get("loanId")}


def forge_hook(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Send a delivery that no command stands behind: forged, rolled back, or failed (`response` null)."""
    entity, action = str(body.get("entity", "LOAN")), str(body.get("action", "APPROVE"))
    payload: Json = {
        "entityName": entity,
        "actionName": action,
        "createdBy": OFFICER.id,
        "createdByName": OFFICER.username,
        "createdByFullName": "App Administrator",
        "request": body.get("request", {}),
        "officeId": 1,
        "timestamp": iso_time(host.clock()),
    }
    if body.get("loan_id") is not None:
        payload["response"] = {"loanId": body["loan_id"], "resourceId": body["loan_id"], "changes": {}}
    sent = [hook for hook in host.hooks.values() if hook.active]
    for hook in sent:
        hooks.send(world, host, hook, entity, action, payload)
    return {"sent": len(sent)}


def purge(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """Run the job "Purge Processed Commands"."""
    return {"purged": host.purge(int(body.get("older_than_days", 30)), host.clock())}


def show_books(world: World, host: Host, request: web.Request, body: Json) -> Json:
    """The books of one host."""
    return host_books(host)


def host_books(host: Host) -> Json:
    """Loans, savings and counts; amounts as text."""
    return {
        "loans": [loan_books(loan) for loan in host.loans.values()],
        "savings": [
            {
                "id": row.id,
                "account_no": row.account_no,
                "client_id": row.client.id,
                "balance": f"{row.balance:.2f}",
                "transactions": [_transaction(entry, "deposit") for entry in row.transactions],
            }
            for row in host.savings.values()
        ],
        "pending": [row.id for row in host.pending.values()],
        "counts": {f"{name}_calls" if name not in EVENTS else name: n for name, n in host.counts.items()},
    }


EVENTS = frozenset({"disbursals", "repayments", "deposits", "hooks_sent"})


def loan_books(loan: Loan) -> Json:
    """One loan as the judge in tests reads it."""
    return {
        "id": loan.id,
        "account_no": loan.account_no,
        "external_id": loan.external_id,
        "status": loan.status,
        "principal": f"{loan.approved:.2f}",
        "net_disbursal_amount": f"{loan.net:.2f}",
        "disbursed": f"{loan.disbursed:.2f}",
        "outstanding": f"{loan.outstanding:.2f}",
        "overpaid": f"{loan.overpaid:.2f}",
        "client_id": loan.client.id,
        "mobile_no": loan.client.mobile_no,
        "transactions": [_transaction(row, TRANSACTION_NAME[row.kind]) for row in loan.transactions],
    }


def _transaction(row: Transaction, kind: str) -> Json:
    return {
        "id": row.id,
        "type": kind,
        "amount": f"{row.amount:.2f}",
        "date": row.day.isoformat(),
        "external_id": row.external_id,
        "receipt": row.payment.receipt_number if row.payment else None,
        "payment_type": row.payment.type_id if row.payment else None,
        "reversed": row.reversed,
    }
