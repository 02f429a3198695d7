"""Routes of savings accounts: read, search, deposit, undo."""

from functools import partial
from typing import Any, Final

from aiohttp import web

from sandbox.fineract import client_data, savings
from sandbox.fineract.api_transactions import spring_page
from sandbox.fineract.call import BASE, Call, endpoint
from sandbox.fineract.commands import Intent, run
from sandbox.fineract.errors import BootRefusal, not_found, unknown_command
from sandbox.fineract.fields import Fields
from sandbox.fineract.lists import number_of
from sandbox.fineract.records import Savings, Transaction
from sandbox.fineract.wire import Json
from sandbox.world import World

UNDO_ACTIONS: Final = {
    "undo": "UNDOTRANSACTION",
    "reverse": "REVERSETRANSACTION",
    "modify": "ADJUSTTRANSACTION",
}


def routes(world: World) -> list[web.RouteDef]:
    """Savings routes; the paths by external id are open in `develop` only."""
    base = f"{BASE}/savingsaccounts"
    made = [web.get(base, endpoint(world, "savings_list", list_accounts))]
    read_row = endpoint(world, "savings_transaction", read_transaction)
    undo = endpoint(world, "savings_undo", run_undo)
    for account in (f"{base}/{{savings_id:[0-9]+}}", f"{base}/external-id/{{savings_external_id}}"):
        rows = f"{account}/transactions"
        made += [
            web.get(account, endpoint(world, "savings", read_account)),
            web.post(rows, endpoint(world, "deposit", run_deposit)),
            web.get(f"{rows}/search", endpoint(world, "savings_search", search_transactions)),
        ]
        for row in (f"{rows}/{{transaction_id:[0-9]+}}", f"{rows}/external-id/{{transaction_external_id}}"):
            made += [web.get(row, read_row), web.post(row, undo)]
    return made


def _need_external_paths(call: Call) -> None:
    """:raises BootRefusal: 404 in 1.14, which has numeric transaction paths only"""
    named = "savings_external_id" in call.request.match_info
    named = named or "transaction_external_id" in call.request.match_info
    if named and not call.develops:
        raise BootRefusal(404)


def _target(call: Call) -> tuple[Savings | None, int]:
    if "savings_external_id" in call.request.match_info:
        account = call.savings()
        return account, account.id
    return call.host.savings.get(call.number("savings_id")), call.number("savings_id")


async def list_accounts(call: Call) -> Json:
    """`GET /savingsaccounts`; there is no filter by account number."""
    call.need_read("READ_SAVINGSACCOUNT", "savingsaccounts")
    query, host = call.request.query, call.host
    external = query.get("externalId")
    rows = list(host.savings.values())
    if external:
        rows = [row for row in rows if row.external_id == external]
    limit, offset = number_of(query, "limit"), number_of(query, "offset") or 0
    shown = rows[offset : offset + limit] if limit and limit > 0 else rows
    return {"totalFilteredRecords": len(rows), "pageItems": [client_data.savings(row, host) for row in shown]}


async def read_account(call: Call) -> Json:
    """One account, with its transactions if asked for."""
    call.need_read("READ_SAVINGSACCOUNT", "savingsaccounts")
    asked = call.request.query.get("associations", "").split(",")
    with_rows = "transactions" in asked or "all" in asked
    return client_data.savings(call.savings(), call.host, transactions=with_rows)


async def run_deposit(call: Call) -> web.StreamResponse:
    """`?command=deposit`."""
    if call.request.query.get("command", "").lower() != "deposit":
        raise unknown_command(call.request.query.get("command"))
    _need_external_paths(call)
    account, savings_id = _target(call)
    check = partial(
        savings.prepare_deposit, call.host, account, savings_id, user=call.user, develops=call.develops
    )
    intent = Intent(
        operation="deposit", action="DEPOSIT", entity="SAVINGSACCOUNT", prepare=check, savings=account
    )
    return await run(call, intent)


def _row(call: Call, account: Savings) -> Transaction:
    external = call.request.match_info.get("transaction_external_id")
    if external is None:
        return savings.transaction_of(account, call.number("transaction_id"))
    found = call.host.savings_external_ids.get(external)
    if found is None or found[0] != account.id:
        text = f"Savings account transaction with external identifier {external} does not exist"
        raise not_found("error.msg.saving.account.trasaction.external.id.invalid", text, external)
    return found[1]


async def read_transaction(call: Call) -> Json:
    """One transaction of an account."""
    _need_external_paths(call)
    call.need_read("READ_SAVINGSACCOUNT", "savingsaccounts")
    account = call.savings()
    return client_data.savings_transaction(account, _row(call, account), call.host)


async def run_undo(call: Call) -> web.StreamResponse:
    """`?command=undo|reverse|modify`."""
    _need_external_paths(call)
    command = call.request.query.get("command", "").lower()
    if command not in UNDO_ACTIONS:
        raise unknown_command(command)
    account, savings_id = _target(call)
    external = "transaction_external_id" in call.request.match_info
    row_id = _row(call, account).id if external and account else call.number("transaction_id")
    intent = Intent(
        operation="savings_undo",
        action=UNDO_ACTIONS[command],
        entity="SAVINGSACCOUNT",
        prepare=lambda body: savings.prepare_undo(call.host, account, savings_id, row_id, body),
        savings=account,
        body_needed=False,
    )
    return await run(call, intent)


async def search_transactions(call: Call) -> Json:
    """Transactions of one account by date and amount, as a Spring page."""
    call.need_read("READ_SAVINGSACCOUNT", "savingsaccounts")
    account, query = call.savings(), call.request.query
    known: dict[str, Any] = {"dateFormat": "yyyy-MM-dd", "locale": "en"}
    names = ("dateFormat", "locale", "fromDate", "toDate", "fromAmount", "toAmount")
    known |= {name: query[name] for name in names if name in query}
    fields = Fields(known, "savingsaccount.transaction", frozenset(names))
    first, last = fields.date("fromDate"), fields.date("toDate")
    least, most = fields.number("fromAmount", zero=True), fields.number("toAmount", zero=True)
    rows = [
        row
        for row in account.transactions
        if (first is None or row.day >= first)
        and (last is None or row.day <= last)
        and (least is None or row.amount >= least)
        and (most is None or row.amount <= most)
    ]
    rows.sort(key=lambda row: row.id, reverse=query.get("sortOrder", "").upper() == "DESC")
    size, offset = number_of(query, "limit") or 15, number_of(query, "offset") or 0
    shown = [client_data.savings_transaction(account, row, call.host) for row in rows[offset : offset + size]]
    return spring_page(call.world, shown, len(rows), offset // size, size)
