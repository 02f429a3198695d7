"""`GET /search`: SQL LIKE with the raw query, at most 50 rows.

Source: SearchReadServiceImpl of Apache Fineract.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from sandbox.fineract.host import Host
from sandbox.fineract.records import Client, Identifier, Loan, Savings
from sandbox.fineract.statuses import CLIENT_STATUS, LOAN_STATUS, SAVINGS_STATUS
from sandbox.fineract.wire import Json, without_nulls

MOST_ROWS: Final = 50
KINDS: Final = ("clients", "clientIdentifiers", "loans", "savings")
_WILD: Final = re.compile("[%_]")


@lru_cache(maxsize=512)
def like(query: str, *, exact: bool, ignore_case: bool) -> re.Pattern[str]:
    """SQL LIKE as a pattern; `%` and `_` in the query keep their power, even for exact matches."""
    raw = query if exact else f"%{query}%"
    parts = {"%": ".*", "_": "."}
    pattern = "".join(parts.get(letter) or re.escape(letter) for letter in raw)
    return re.compile(pattern, re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG))


def find(host: Host, query: str, kinds: Iterable[str], *, exact: bool, ignore_case: bool) -> list[Json]:
    """Search the host's books; each kind costs a look-up if the query is exact and plain."""
    plain = exact and not ignore_case and not _WILD.search(query)
    pattern = like(query, exact=exact, ignore_case=ignore_case)
    found: list[Json] = []
    for kind in kinds:
        rows = _indexed(host, kind, query) if plain else _scan(host, kind, pattern)
        found += islice(rows, MOST_ROWS - len(found))
    return found


def _indexed(host: Host, kind: str, query: str) -> Iterator[Json]:
    if kind == "loans":
        loans = {loan.id: loan for loan in (host.by_account.get(query), host.by_external.get(query)) if loan}
        yield from map(_loan, loans.values())
    elif kind == "savings":
        both = (host.savings_by_account.get(query), host.savings_by_external.get(query))
        yield from map(_savings, {row.id: row for row in both if row}.values())
    elif kind == "clientIdentifiers":
        client = host.clients.get(host.identifiers.get(query, 0))
        if client:
            yield from (_identifier(client, row) for row in client.identifiers if row.key == query)
    elif kind == "clients":
        yield from _scan(host, kind, like(query, exact=True, ignore_case=False))


def _scan(host: Host, kind: str, pattern: re.Pattern[str]) -> Iterator[Json]:
    fits = pattern.fullmatch
    if kind == "loans":
        for loan in host.loans.values():
            if fits(loan.account_no) or fits(loan.external_id or "\0"):
                yield _loan(loan)
    elif kind == "savings":
        for row in host.savings.values():
            if fits(row.account_no) or fits(row.external_id or "\0"):
                yield _savings(row)
    elif kind == "clients":
        for client in host.clients.values():
            texts = (client.account_no, client.name, client.external_id, client.mobile_no)
            if any(text and fits(text) for text in texts):
                yield _client(client)
    elif kind == "clientIdentifiers":
        for client in host.clients.values():
            yield from (_identifier(client, row) for row in client.identifiers if fits(row.key))


def _status(status: Json) -> Json:
    return {key: status[key] for key in ("id", "code", "value")}


def _loan(loan: Loan) -> Json:
    shown = {
        "entityId": loan.id,
        "entityAccountNo": loan.account_no,
        "entityExternalId": loan.external_id,
        "entityName": loan.product.name,
        "entityType": "LOAN",
        "parentId": loan.client.id,
        "parentName": loan.client.name,
        "entityStatus": _status(LOAN_STATUS[loan.status]),
        "parentType": "client",
        "subEntityType": "individual",
    }
    return without_nulls(shown)


def _savings(row: Savings) -> Json:
    shown = {
        "entityId": row.id,
        "entityAccountNo": row.account_no,
        "entityExternalId": row.external_id,
        "entityName": row.product_name,
        "entityType": "SAVING",
        "parentId": row.client.id,
        "parentName": row.client.name,
        "entityStatus": _status(SAVINGS_STATUS[row.status]),
        "parentType": "client",
        "subEntityType": "individual",
    }
    return without_nulls(shown)


def _client(client: Client) -> Json:
    shown = {
        "entityId": client.id,
        "entityAccountNo": client.account_no,
        "entityExternalId": client.external_id,
        "entityName": client.name,
        "entityType": "CLIENT",
        "parentId": client.office_id,
        "parentName": "Head Office",
        "entityMobileNo": client.mobile_no,
        "entityStatus": CLIENT_STATUS[client.status],
    }
    return without_nulls(shown)


def _identifier(client: Client, row: Identifier) -> Json:
    return {
        "entityId": row.id,
        "entityName": row.key,
        "entityType": "CLIENTIDENTIFIER",
        "parentId": client.id,
        "parentName": client.name,
        "entityStatus": CLIENT_STATUS[client.status],
    }
