"""Routes of loan transactions: read, paged list, template, repayment, undo."""

from functools import partial
from typing import Any, Final

from aiohttp import web

from sandbox.fineract import repayments, transaction_data
from sandbox.fineract.api_loans import target
from sandbox.fineract.call import BASE, Call, endpoint
from sandbox.fineract.commands import Intent, run
from sandbox.fineract.errors import unknown_command
from sandbox.fineract.lists import number_of
from sandbox.fineract.records import Transaction
from sandbox.fineract.statuses import TRANSACTION_NAME
from sandbox.fineract.wire import Json, as_text
from sandbox.routing import Handler
from sandbox.world import World

PAGE_SIZE: Final = 50
_SORTS: Final = {"id": lambda row: row.id, "date": lambda row: (row.day, row.id)}


def routes(world: World) -> list[web.RouteDef]:
    """Transaction routes, by loan id and by the loan's external id."""
    made: list[web.RouteDef] = []
    command = by_command(world)
    adjust = endpoint(world, "adjust", run_adjust)
    read = endpoint(world, "transaction", read_one)
    for loan in (f"{BASE}/loans/{{loan_id:[0-9]+}}", f"{BASE}/loans/external-id/{{loan_external_id}}"):
        path = f"{loan}/transactions"
        made += [
            web.post(path, command),
            web.get(path, endpoint(world, "transactions", read_page)),
            web.get(f"{path}/template", endpoint(world, "template", read_template)),
        ]
        for row in (f"{path}/{{transaction_id:[0-9]+}}", f"{path}/external-id/{{transaction_external_id}}"):
            made += [web.get(row, read), web.post(row, adjust)]
    return made


def by_command(world: World) -> Handler:
    """Repayment and recovery have their own operation names."""
    repay = endpoint(world, "repayment", run_repayment)
    recover = endpoint(world, "recovery", run_repayment)
    unknown = endpoint(world, "transaction_command", refuse_command)
    handlers = {"repayment": repay, "recoverypayment": recover}

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handlers.get(request.query.get("command", "").lower(), unknown)(request)

    return handle


async def refuse_command(call: Call) -> Any:
    """An unknown command."""
    raise unknown_command(call.request.query.get("command"))


async def run_repayment(call: Call) -> web.StreamResponse:
    """`?command=repayment` or `recoverypayment`."""
    recovery = call.request.query["command"].lower() == "recoverypayment"
    loan, loan_id = target(call)
    check = partial(
        repayments.prepare,
        call.host,
        loan,
        loan_id,
        user=call.user,
        develops=call.develops,
        postgresql=call.world.fineract.on_postgresql(call.host),
        recovery=recovery,
    )
    intent = Intent(
        operation="recovery" if recovery else "repayment",
        action="RECOVERYPAYMENT" if recovery else "REPAYMENT",
        entity="LOAN",
        prepare=check,
        loan=loan,
        loan_id=loan_id,
    )
    return await run(call, intent)


def _asked(call: Call) -> Transaction | int:
    external = call.request.match_info.get("transaction_external_id")
    if external is None:
        return call.number("transaction_id")
    return repayments.transaction_by_external_id(call.host, call.loan(), external)


async def run_adjust(call: Call) -> web.StreamResponse:
    """Undo or adjust: any command value means adjust, the amount decides."""
    loan, loan_id = target(call)
    check = partial(
        repayments.prepare_adjust,
        call.host,
        loan,
        loan_id,
        _asked(call),
        user=call.user,
        postgresql=call.world.fineract.on_postgresql(call.host),
    )
    intent = Intent(
        operation="adjust", action="ADJUST", entity="LOAN", prepare=check, loan=loan, loan_id=loan_id
    )
    return await run(call, intent)


async def read_one(call: Call) -> Json:
    """One transaction by id or external id; dates as Gson writes them."""
    call.need_read("READ_LOAN", "loans")
    loan, asked = call.loan(), _asked(call)
    row = asked if isinstance(asked, Transaction) else repayments.transaction_of(loan, asked)
    return transaction_data.transaction(call.host, loan, row, call.host.shape())


async def read_template(call: Call) -> Json:
    """What to pay next."""
    call.need_read("READ_LOAN", "loans")
    return transaction_data.template(
        call.host, call.loan(), call.request.query.get("command", "repayment").lower()
    )


async def read_page(call: Call) -> Json:
    """The paged list: Jackson, so dates are text here."""
    call.need_read("READ_LOAN", "loans")
    loan, query = call.loan(), call.request.query
    excluded = {name.lower() for name in query.get("excludedTypes", "").split(",")}
    rows = [
        row
        for row in loan.transactions
        if (not row.reversed or row.by_hand) and TRANSACTION_NAME[row.kind].lower() not in excluded
    ]
    name, _, direction = query.get("sort", "id,asc").partition(",")
    rows.sort(key=_SORTS.get(name, _SORTS["id"]), reverse=direction.lower() == "desc")
    number, size = number_of(query, "page") or 0, number_of(query, "size") or PAGE_SIZE
    shown = [
        transaction_data.transaction(call.host, loan, row, as_text)
        for row in rows[number * size : (number + 1) * size]
    ]
    return spring_page(call.world, shown, len(rows), number, size)


def spring_page(world: World, content: list[Json], total: int, number: int, size: int) -> Json:
    """A Spring page, in either of the two JSON shapes."""
    pages = -(-total // size) if size else 1
    if world.switches.get("fineract.page_shape") == "paged_model":
        page = {"size": size, "number": number, "totalElements": total, "totalPages": pages}
        return {"content": content, "page": page}
    sort = {"sorted": True, "unsorted": False, "empty": False}
    return {
        "content": content,
        "pageable": {
            "pageNumber": number,
            "pageSize": size,
            "offset": number * size,
            "sort": sort,
            "paged": True,
            "unpaged": False,
        },
        "totalElements": total,
        "totalPages": pages,
        "last": number + 1 >= pages,
        "size": size,
        "number": number,
        "sort": sort,
        "numberOfElements": len(content),
        "first": number == 0,
        "empty": not content,
    }
