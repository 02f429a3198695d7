"""Routes of loans: list, one, state commands, notes, charges."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from sandbox.fineract import approvals, disburse, lists, loan_data
from sandbox.fineract.call import BASE, Call, endpoint
from sandbox.fineract.commands import Intent, run
from sandbox.fineract.errors import invalid, item, loan_not_found, unknown_command
from sandbox.fineract.fields import Fields
from sandbox.fineract.host import Host
from sandbox.fineract.records import Change, Loan, User
from sandbox.fineract.wire import Json, iso_time, only
from sandbox.routing import Handler
from sandbox.world import World

# command -> operation, action, checks. Commands are case-insensitive.
Prepare = Callable[[Host, Loan | None, int, Json, User], Change]
COMMANDS: Final[dict[str, tuple[str, str, Prepare]]] = {
    "approve": ("approve", "APPROVE", approvals.approve),
    "undoapproval": ("undo_approval", "APPROVALUNDO", approvals.undo_approval),
    "reject": ("reject", "REJECT", partial(approvals.close_unpaid, withdrawn=False)),
    "withdrawnbyapplicant": ("withdraw", "WITHDRAW", partial(approvals.close_unpaid, withdrawn=True)),
    "undodisbursal": ("undo_disbursal", "DISBURSALUNDO", approvals.undo_disbursal),
    "undolastdisbursal": (
        "undo_disbursal",
        "DISBURSALLASTUNDO",
        partial(approvals.undo_disbursal, last_only=True),
    ),
}
DISBURSALS: Final = {
    "disburse": "DISBURSE",
    "disbursetosavings": "DISBURSETOSAVINGS",
    "disbursewithoutautodownpayment": "DISBURSEWITHOUTAUTODOWNPAYMENT",
}
MAY_BE_EMPTY: Final = frozenset({"undodisbursal", "undolastdisbursal", "undoapproval"})


def routes(world: World) -> list[web.RouteDef]:
    """Loan routes; the busiest come first, because the router tries them in order."""
    one, by_external = f"{BASE}/loans/{{loan_id:[0-9]+}}", f"{BASE}/loans/external-id/{{loan_external_id}}"
    command = by_command(world)
    made = [web.get(f"{BASE}/loans", endpoint(world, "loans", list_loans))]
    for path in (one, by_external):
        made += [
            web.get(path, endpoint(world, "loan", read_loan)),
            web.post(path, command),
            web.get(f"{path}/charges", endpoint(world, "charges", read_charges)),
            web.get(f"{path}/notes", endpoint(world, "notes", read_notes)),
            web.post(f"{path}/notes", endpoint(world, "note", add_note)),
        ]
    return made


def by_command(world: World) -> Handler:
    """Give each command its own operation name, so that faults and latencies can tell them apart."""
    handlers = {name: endpoint(world, "disburse", run_disbursal) for name in DISBURSALS}
    handlers |= {name: endpoint(world, entry[0], run_command) for name, entry in COMMANDS.items()}
    unknown = endpoint(world, "loan_command", refuse_command)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handlers.get(request.query.get("command", "").lower(), unknown)(request)

    return handle


async def list_loans(call: Call) -> str:
    """`GET /loans`."""
    call.need_read("READ_LOAN", "loans")
    return lists.page(call)


async def read_loan(call: Call) -> Json:
    """`GET /loans/{id}`; no association comes unless asked for."""
    call.need_read("READ_LOAN", "loans")
    loan = call.loan()
    query = call.request.query
    asked = frozenset(query.get("associations", "").split(","))
    asked -= frozenset(query.get("exclude", "").split(","))
    fields = lists.asked_fields(query.get("fields"), loan_data.FIELDS)
    return only(loan_data.one(call.host, loan, asked), fields)


async def refuse_command(call: Call) -> Any:
    """An unknown command."""
    raise unknown_command(call.request.query.get("command"))


def target(call: Call) -> tuple[Loan | None, int]:
    """The loan of a command. A missing id is refused inside the command, and so stored under its key."""
    if "loan_external_id" in call.request.match_info:
        loan = call.loan()
        return loan, loan.id
    return call.host.loans.get(call.number("loan_id")), call.number("loan_id")


async def run_disbursal(call: Call) -> web.StreamResponse:
    """`?command=disburse` and its two sisters."""
    command = call.request.query["command"].lower()
    loan, loan_id = target(call)
    check = partial(
        disburse.prepare,
        call.host,
        loan,
        loan_id,
        user=call.user,
        develops=call.develops,
        to_savings=command == "disbursetosavings",
    )
    intent = Intent(
        operation="disburse",
        action=DISBURSALS[command],
        entity="LOAN",
        prepare=check,
        loan=loan,
        loan_id=loan_id,
        resource_id=loan_id,
    )
    return await run(call, intent)


def command_intent(host: Host, command: str, loan: Loan | None, loan_id: int, user: User) -> Intent:
    """The intent of one of the plain state commands."""
    operation, action, check = COMMANDS[command]
    return Intent(
        operation=operation,
        action=action,
        entity="LOAN",
        prepare=lambda body: check(host, loan, loan_id, body, user),
        loan=loan,
        loan_id=loan_id,
        resource_id=loan_id,
        body_needed=command not in MAY_BE_EMPTY,
    )


async def run_command(call: Call) -> web.StreamResponse:
    """The other state commands."""
    loan, loan_id = target(call)
    command = call.request.query["command"].lower()
    return await run(call, command_intent(call.host, command, loan, loan_id, call.user))


async def read_charges(call: Call) -> list[Json]:
    """`GET /loans/{id}/charges`."""
    call.need_read("READ_LOAN", "loans")
    loan = call.loan()
    return loan_data.charges(loan) if loan.charge else []


async def read_notes(call: Call) -> list[Json]:
    """`GET /loans/{id}/notes`."""
    call.need_read("READ_LOANNOTE", "loannotes")
    loan = call.loan()
    kind = {"id": 200, "code": "noteType.loan", "value": "Loan note"}
    return [
        {
            "id": note.id,
            "loanId": loan.id,
            "noteType": kind,
            "note": note.text,
            "createdById": 1,
            "createdByUsername": note.by,
            "createdOn": iso_time(note.at),
        }
        for note in loan.notes
    ]


async def add_note(call: Call) -> web.StreamResponse:
    """`POST /loans/{id}/notes`; the idempotency header has no meaning here."""
    loan, loan_id = target(call)

    def prepare(body: Json) -> Change:
        if loan is None:
            raise loan_not_found(loan_id)
        fields = Fields(body, "note", frozenset({"note"}))
        text = fields.text("note", 1000)
        fields.throw()
        if text is None:
            code = "validation.msg.note.note.cannot.be.blank"
            raise invalid(item(code, "The parameter `note` is mandatory.", "note"))

        def change() -> Json:
            note = disburse.add_note(call.host, loan, text, call.user)
            return {"officeId": loan.client.office_id, "loanId": loan.id, "resourceId": note.id}

        return change

    intent = Intent(
        operation="note",
        action="CREATE",
        entity="LOANNOTE",
        prepare=prepare,
        loan=loan,
        loan_id=loan_id,
        keyed=False,
    )
    return await run(call, intent)
