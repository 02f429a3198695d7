"""The list of loans: filters, paging, order. Indexed, so that three approved loans cost three."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sandbox.fineract import loan_data
from sandbox.fineract.call import Call
from sandbox.fineract.errors import BootRefusal, unsupported
from sandbox.fineract.host import Host
from sandbox.fineract.records import Loan
from sandbox.fineract.state import sees
from sandbox.fineract.wire import dumps, only

_ORDERS: Final[Mapping[str, Callable[[Loan], Any]]] = {
    "id": lambda loan: loan.id,
    "l.id": lambda loan: loan.id,
    "accountNo": lambda loan: loan.account_no,
    "l.account_no": lambda loan: loan.account_no,
    "externalId": lambda loan: loan.external_id or "",
    "clientId": lambda loan: loan.client.id,
    "clientName": lambda loan: loan.client.name,
    "principal": lambda loan: loan.approved,
    "submittedOnDate": lambda loan: loan.submitted_on,
    "approvedOnDate": lambda loan: (loan.approved_on is None, loan.approved_on),
}


def page(call: Call) -> str:
    """`GET /loans` as JSON text."""
    host, query = call.host, call.request.query
    fields = asked_fields(query.get("fields"), loan_data.FIELDS)
    rows, total = _page_by_status(call) if _plain(call) else _page_by_search(call)
    with_summary = "summary" in query.get("associations", "").split(",")
    if fields is None and not with_summary:
        texts = [_text(host, loan) for loan in rows]
    else:
        texts = [_written(host, loan, fields, with_summary=with_summary) for loan in rows]
    # #6146, #6207: some builds count wrongly when paging
    count = {"zero": 0, "page": len(rows)}.get(call.world.switches.get("fineract.total_records"), total)
    return f'{{"totalFilteredRecords":{count},"pageItems":[{",".join(texts)}]}}'


def _plain(call: Call) -> bool:
    """Whether the index by status alone can answer: the poll that thousands of hosts get."""
    query = call.request.query
    others = ("clientId", "accountNo", "externalId")
    by_id = query.get("orderBy") in ("id", "l.id")
    return (
        by_id and bool(query.get("status")) and call.user.office_id == 1 and not any(map(query.get, others))
    )


def _page_by_status(call: Call) -> tuple[list[Loan], int]:
    query, loans = call.request.query, call.host.loans
    ids = call.host.with_status(_status(query) or 0)
    first, last = _bounds(query, len(ids))
    if _descending(query):
        first, last = len(ids) - last, len(ids) - first
        return [loans[number] for number in reversed(ids[first:last])], len(ids)
    return [loans[number] for number in ids[first:last]], len(ids)


def _page_by_search(call: Call) -> tuple[list[Loan], int]:
    rows = _matching(call.host, call.request.query)
    if call.user.office_id != 1:
        rows = [loan for loan in rows if sees(call.user, loan)]
    first, last = _bounds(call.request.query, len(rows))
    return _ordered(call, rows)[first:last], len(rows)


def _bounds(query: Mapping[str, str], total: int) -> tuple[int, int]:
    """No limit, or one below 1, means all; the offset counts only beside a limit."""
    limit, offset = number_of(query, "limit"), number_of(query, "offset") or 0
    if limit is None or limit <= 0:
        return 0, total
    first = min(max(offset, 0), total)
    return first, min(first + limit, total)


def _descending(query: Mapping[str, str]) -> bool:
    return query.get("sortOrder", "").upper() == "DESC"


def asked_fields(value: str | None, known: frozenset[str]) -> frozenset[str] | None:
    """The names in `fields`, or None for all.

    :raises Refusal: 400 for names that the resource does not have
    """
    if not value:
        return None
    names = frozenset(name.strip() for name in value.split(",") if name.strip())
    strange = sorted(names - known)
    if strange:
        raise unsupported(*strange)
    return names


def number_of(query: Mapping[str, str], name: str) -> int | None:
    """A whole number from the query.

    :raises BootRefusal: 404, as the server answers what it cannot convert
    """
    value = query.get(name)
    if value is None or value == "":
        return None
    try:
        return int(value)
    except ValueError:
        raise BootRefusal(404) from None


def _matching(host: Host, query: Mapping[str, str]) -> list[Loan]:
    """Take the narrowest index, then filter by the rest; `sqlSearch` and strangers are ignored."""
    status, client_id = _status(query), number_of(query, "clientId")
    account, external = query.get("accountNo"), query.get("externalId")
    rows: Iterable[Loan | None]
    if account:
        rows = [host.by_account.get(account)]
    elif external:
        rows = [host.by_external.get(external)]
    elif client_id is not None:
        client = host.clients.get(client_id)
        rows = [host.loans[number] for number in client.loan_ids] if client else []
    elif status is not None:
        return [host.loans[number] for number in host.with_status(status)]
    else:
        return list(host.loans.values())
    return [
        loan
        for loan in rows
        if loan is not None
        and (status is None or loan.status == status)
        and (client_id is None or loan.client.id == client_id)
        and (not external or loan.external_id == external)
    ]


def _status(query: Mapping[str, str]) -> int | None:
    value = query.get("status")
    if not value:
        return None
    try:
        return int(value)
    except ValueError:
        raise BootRefusal(500) from None  # unmapped in the server


def _ordered(call: Call, rows: list[Loan]) -> list[Loan]:
    order = call.request.query.get("orderBy")
    if not order:
        return _unordered(call, rows)
    key = _ORDERS.get(order)
    if key is None:
        raise BootRefusal(500)  # an unknown column fails in the database
    return sorted(rows, key=key, reverse=_descending(call.request.query))


def _unordered(call: Call, rows: list[Loan]) -> list[Loan]:
    """No order means none: the rows come turned by a different step at each call."""
    if len(rows) < 2 or call.world.switches.get("fineract.list_order") == "insertion":
        return rows
    step = call.host.counts["loans"] % len(rows)
    return rows[step:] + rows[:step]


def _text(host: Host, loan: Loan) -> str:
    if loan.text is None:
        loan.text = dumps(loan_data.list_item(loan, host.shape()))
    return loan.text


def _written(host: Host, loan: Loan, fields: frozenset[str] | None, *, with_summary: bool) -> str:
    shown = loan_data.list_item(loan, host.shape())
    if with_summary and loan.disbursed_on:
        shown["summary"] = loan_data.summary(loan)
    return dumps(only(shown, fields))
