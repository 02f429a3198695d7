"""Routes of products, clients, their documents and accounts, and both searches."""

from aiohttp import web

from sandbox.fineract import client_data, search
from sandbox.fineract.api_transactions import spring_page
from sandbox.fineract.call import BASE, BASE_V2, Call, endpoint
from sandbox.fineract.client_data import PRODUCT_FIELDS
from sandbox.fineract.commands import read_body
from sandbox.fineract.errors import not_found
from sandbox.fineract.lists import asked_fields, number_of
from sandbox.fineract.records import Client
from sandbox.fineract.wire import Json, only
from sandbox.world import World


def routes(world: World) -> list[web.RouteDef]:
    """All of them are reads."""
    product, client = f"{BASE}/loanproducts", f"{BASE}/clients"
    made = [
        web.get(product, endpoint(world, "products", list_products)),
        web.get(f"{product}/{{product_id:[0-9]+}}", endpoint(world, "product", read_product)),
        web.get(f"{product}/external-id/{{product_external_id}}", endpoint(world, "product", read_product)),
        web.get(client, endpoint(world, "clients", list_clients)),
        web.get(f"{BASE}/search", endpoint(world, "search", run_search)),
        web.post(f"{BASE_V2}/clients/search", endpoint(world, "clients_search", search_clients)),
    ]
    for path in (f"{client}/{{client_id:[0-9]+}}", f"{client}/external-id/{{client_external_id}}"):
        made += [
            web.get(path, endpoint(world, "client", read_client)),
            web.get(f"{path}/identifiers", endpoint(world, "identifiers", read_identifiers)),
            web.get(f"{path}/accounts", endpoint(world, "accounts", read_accounts)),
        ]
    return made


async def list_products(call: Call) -> list[Json]:
    """`GET /loanproducts`: a bare array, never paged."""
    call.need_read("READ_LOANPRODUCT", "loanproducts")
    fields = asked_fields(call.request.query.get("fields"), PRODUCT_FIELDS)
    host = call.host
    today, shape = host.today(), host.shape()
    return [only(client_data.product(row, today, shape), fields) for row in host.products.values()]


async def read_product(call: Call) -> Json:
    """One product, by id or external id."""
    call.need_read("READ_LOANPRODUCT", "loanproducts")
    external = call.request.match_info.get("product_external_id")
    products = call.host.products
    if external is None:
        wanted: int | str = call.number("product_id")
        row = products.get(call.number("product_id"))
    else:
        wanted = external
        row = next((product for product in products.values() if product.external_id == external), None)
    if row is None:
        text = f"Loan product with identifier {wanted} does not exist"
        raise not_found("error.msg.loanproduct.id.invalid", text, wanted)
    fields = asked_fields(call.request.query.get("fields"), PRODUCT_FIELDS)
    return only(client_data.product(row, call.host.today(), call.host.shape()), fields)


def _in_scope(call: Call) -> list[Client]:
    office = call.user.office_id
    return [row for row in call.host.clients.values() if office in (1, row.office_id)]


async def list_clients(call: Call) -> Json:
    """`GET /clients`; there is no filter by mobile number."""
    call.need_read("READ_CLIENT", "clients")
    query = call.request.query
    wanted = {
        "external_id": query.get("externalId"),
        "name": query.get("displayName"),
        "firstname": query.get("firstName"),
        "lastname": query.get("lastName"),
    }
    status = {"pending": 100, "active": 300, "closed": 600}.get(query.get("status", "").lower())
    rows = [
        row
        for row in _in_scope(call)
        if all(value is None or getattr(row, name) == value for name, value in wanted.items())
        and status in (None, row.status)
    ]
    if query.get("orderBy"):
        rows.sort(key=lambda row: row.id, reverse=query.get("sortOrder", "").upper() == "DESC")
    limit, offset = number_of(query, "limit"), number_of(query, "offset") or 0
    shown = rows[offset : offset + limit] if limit and limit > 0 else rows
    shape = call.host.shape()
    return {"totalFilteredRecords": len(rows), "pageItems": [client_data.client(row, shape) for row in shown]}


async def read_client(call: Call) -> Json:
    """One client."""
    call.need_read("READ_CLIENT", "clients")
    return client_data.client(call.client(), call.host.shape())


async def read_identifiers(call: Call) -> list[Json]:
    """The identity documents of a client."""
    call.need_read("READ_CLIENTIDENTIFIER", "clientidentifiers")
    return [client_data.identifier(row) for row in call.client().identifiers]


async def read_accounts(call: Call) -> Json:
    """The accounts of a client."""
    call.need_read("READ_CLIENT", "clients")
    return client_data.accounts(call.host, call.client())


async def run_search(call: Call) -> list[Json]:
    """`GET /search`: any authenticated user; a bare array."""
    query = call.request.query
    text = query.get("query", "")
    kinds = [kind for kind in query.get("resource", "").split(",") if kind] or list(search.KINDS)
    exact = query.get("exactMatch", "").lower() == "true"
    ignore_case = not call.world.fineract.on_postgresql(call.host)
    return search.find(call.host, text, kinds, exact=exact, ignore_case=ignore_case) if text else []


async def search_clients(call: Call) -> Json:
    """`POST /v2/clients/search`: substring search over names, numbers and phones."""
    call.need_read("READ_CLIENT", "clients")
    body = read_body(await call.request.text())
    text = str((body.get("request") or {}).get("text") or "").lower()
    number, size = int(body.get("page") or 0), int(body.get("size") or 50)
    rows = [
        row
        for row in _in_scope(call)
        if any(
            text in (value or "").lower()
            for value in (row.name, row.account_no, row.external_id, row.mobile_no)
        )
    ]
    today = call.host.today()
    shown = [client_data.found_client(row, today) for row in rows[number * size : (number + 1) * size]]
    return spring_page(call.world, shown, len(rows), number, size)
