"""Make hosts, products, clients, loans and savings accounts for the control API."""

from collections.abc import Container
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.fineract.host import Host, zone
from sandbox.fineract.records import Client, Identifier, Loan, PaymentType, Product, Savings, Tranche, User
from sandbox.fineract.state import DATABASES, VERSIONS, State
from sandbox.fineract.statuses import CLIENT_ACTIVE, CLIENT_PENDING, DEPOSIT_TYPE, SAVINGS_STATUS, ZERO
from sandbox.fineract.wire import Json

HOST_SETTINGS: Final = frozenset({
    "host", "tenant", "username", "password", "permissions", "office_id", "password_expired",
    "password_outdated", "users", "version", "database", "date_shape", "timezone", "business_date",
    "maker_checker", "configurations", "holidays", "holidays_refused", "read_only", "cache_hooks",
    "scheduler_seconds", "payment_types", "first_loan_id", "first_client_id",
    "first_savings_id",
})  # fmt: skip


def money(value: Any) -> Decimal:
    """An amount from the control API.

    :raises ValueError: no amount
    """
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f'an amount such as "1000.00" expected, not {value!r}') from None


def day(value: Any) -> date:
    """A date from the control API, as yyyy-mm-dd."""
    return date.fromisoformat(str(value))


def _chosen(body: Json, name: str, choices: tuple[str, ...]) -> str | None:
    value = body[name]
    if value is not None and value not in choices:
        raise ValueError(f"{name}: one of {', '.join(choices)} expected, not {value!r}")
    return None if value is None else str(value)


def put_host(state: State, body: Json) -> Host:
    """Create a host or change its settings; what is not named stays.

    :raises ValueError: an unknown setting or value
    """
    strange = sorted(set(body) - HOST_SETTINGS)
    if strange:
        raise ValueError(f"unknown: {', '.join(strange)}; known: {', '.join(sorted(HOST_SETTINGS))}")
    name = str(body["host"])
    host = state.hosts.get(name) or Host(name, state.world.clock.now)
    _set_users(host, body)
    _set_choices(host, body)
    _set_rest(host, body)
    state.hosts[name] = host
    return host


def _user(body: Json, number: int) -> User:
    names = body.get("permissions")
    permissions = frozenset({"ALL_FUNCTIONS"}) if names is None else frozenset(map(str, names))
    return User(
        username=str(body["username"]),
        password=str(body["password"]),
        id=number,
        permissions=permissions,
        office_id=int(body.get("office_id", 1)),
        password_expired=bool(body.get("password_expired", False)),
        password_outdated=bool(body.get("password_outdated", False)),
    )


def _set_users(host: Host, body: Json) -> None:
    first = next(iter(host.users.values()), None)
    kept: Json = {}
    if first is not None:
        names = ("username", "password", "permissions", "office_id", "password_expired", "password_outdated")
        kept = {name: getattr(first, name) for name in names}
    asked = {name: value for name, value in body.items() if name in _user_settings()}
    if first is None or asked or "users" in body:
        main = _user({"username": "mifos", "password": "password"} | kept | asked, 2)
        extra = [_user(row, number) for number, row in enumerate(body.get("users", []), start=3)]
        host.users = {user.username: user for user in (main, *extra)}
        host.accepted.clear()


def _user_settings() -> frozenset[str]:
    return frozenset(
        {"username", "password", "permissions", "office_id", "password_expired", "password_outdated"}
    )


def _set_choices(host: Host, body: Json) -> None:
    if "version" in body:
        host.version = _chosen(body, "version", VERSIONS)
    if "database" in body:
        host.database = _chosen(body, "database", DATABASES)
    if "date_shape" in body:
        host.date_shape = _chosen(body, "date_shape", ("arrays", "text")) or "arrays"
        for loan in host.loans.values():
            loan.text = None
    if "timezone" in body:
        zone(str(body["timezone"]))
        host.timezone = str(body["timezone"])


def _set_rest(host: Host, body: Json) -> None:
    host.tenant = str(body.get("tenant", host.tenant))
    if "business_date" in body:
        host.business_date = day(body["business_date"]) if body["business_date"] else None
    if "maker_checker" in body:
        host.maker_checker = frozenset(map(str, body["maker_checker"] or []))
    if "configurations" in body:
        host.configurations = {str(name): bool(value) for name, value in body["configurations"].items()}
    if "holidays" in body:
        host.holidays = frozenset(day(text) for text in body["holidays"])
        host.holidays_refused = bool(host.holidays)
    host.holidays_refused = bool(body.get("holidays_refused", host.holidays_refused))
    host.read_only = bool(body.get("read_only", host.read_only))
    host.cache_hooks = bool(body.get("cache_hooks", host.cache_hooks))
    if "scheduler_seconds" in body:
        host.scheduler_until = host.clock() + timedelta(seconds=float(body["scheduler_seconds"] or 0))
    for sequence in (
        "loan",
        "client",
        "savings",
    ):  # for a caller that remembers the numbers of an earlier life
        if f"first_{sequence}_id" in body:
            host.begin_at(sequence, int(body[f"first_{sequence}_id"]))
    if "payment_types" in body:
        rows = body["payment_types"]
        host.payment_types = tuple(
            PaymentType(id=int(row["id"]), name=str(row["name"]), cash=bool(row.get("cash", False)))
            for row in rows
        )


def make_product(host: Host, body: Json) -> Product:
    """Add a loan product."""
    principal = money(body.get("principal", "10000"))
    over = body.get("over_applied_percentage")
    name = str(body.get("name", "Personal"))
    product = Product(
        id=host.next_id("product"),
        name=name,
        short_name=str(body.get("short_name", name[:4].upper())),
        principal=principal,
        min_principal=money(body["min_principal"]) if body.get("min_principal") is not None else None,
        max_principal=money(body["max_principal"]) if body.get("max_principal") is not None else None,
        multi_disburse=bool(body.get("multi_disburse", False)),
        max_tranches=int(body["max_tranches"]) if body.get("max_tranches") else None,
        disallow_expected=bool(body.get("disallow_expected", False)),
        sync_expected_date=bool(body.get("sync_expected_date", False)),
        over_applied_percentage=money(over) if over is not None else None,
        repayments=int(body.get("repayments", 12)),
        close_date=day(body["close_date"]) if body.get("close_date") else None,
        external_id=body.get("external_id"),
        description=body.get("description"),
    )
    host.products[product.id] = product
    return product


def _number(host: Host, sequence: str, taken: Container[int], body: Json) -> int:
    """The next number, or the one that a caller wants back from an earlier life."""
    number = int(body["id"]) if "id" in body else host.next_id(sequence)
    if number in taken:
        raise ValueError(f"{sequence} {number} exists")
    return number


def make_client(host: Host, body: Json) -> Client:
    """Add a client.

    :raises ValueError: mobile number or document in use
    """
    mobile, document = body.get("mobile_no"), body.get("national_id")
    if mobile and mobile in host.by_mobile:
        raise ValueError(f"mobile_no {mobile}: unique in a tenant")
    if document and str(document) in host.identifiers:
        raise ValueError(f"national_id {document}: unique in a tenant")
    number = _number(host, "client", host.clients, body)
    first, _, last = str(body.get("name", f"Client {number}")).partition(" ")
    active = bool(body.get("active", True))
    client = Client(
        id=number,
        account_no=str(body.get("account_no", f"{number:09d}")),
        firstname=first,
        lastname=last,
        mobile_no=str(mobile) if mobile else None,
        external_id=body.get("external_id"),
        status=int(body.get("status", CLIENT_ACTIVE if active else CLIENT_PENDING)),
        activated_on=host.today(),
        office_id=int(body.get("office_id", 1)),
    )
    host.clients[number] = client
    if client.mobile_no:
        host.by_mobile[client.mobile_no] = client
    if document:
        add_identifier(host, client, "national_id", str(document))
    return client


def add_identifier(host: Host, client: Client, kind: str, key: str) -> Identifier:
    """Give a client an identity document."""
    row = Identifier(id=host.next_id("identifier"), client_id=client.id, kind=kind, key=key)
    client.identifiers.append(row)
    host.identifiers[key] = client.id
    return row


def make_loan(host: Host, body: Json) -> Loan:
    """Add a loan application, submitted and pending approval.

    :raises ValueError: account number or external id in use, or an amount outside the product's limits
    """
    client, product = host.clients[int(body["client_id"])], host.products[int(body["product_id"])]
    principal, charge = money(body.get("principal", product.principal)), money(body.get("charge", "0"))
    net = money(body.get("net_disbursal_amount", principal - charge))
    number = _number(host, "loan", host.loans, body)
    account, external = str(body.get("account_no", f"{number:09d}")), body.get("external_id")
    if account in host.by_account or (external and external in host.by_external):
        raise ValueError("account_no and external_id: unique in a tenant")
    expected = day(body["expected_date"]) if body.get("expected_date") else host.today()
    loan = Loan(
        id=number,
        account_no=account,
        client=client,
        product=product,
        proposed=principal,
        approved=principal,
        net=net,
        charge=max(principal - net, ZERO),
        submitted_on=day(body["submitted_on"]) if body.get("submitted_on") else min(expected, host.today()),
        expected_on=expected,
        external_id=str(external) if external else None,
    )
    loan.tranches = [make_tranche(host, row) for row in body.get("tranches") or []]
    host.add_loan(loan)
    return loan


def make_tranche(host: Host, body: Json) -> Tranche:
    """One expected disbursal of a multi-disburse loan."""
    principal = money(body["principal"])
    net = money(body.get("net", principal))
    return Tranche(
        id=host.next_id("tranche"),
        expected=day(body["expected_date"]) if body.get("expected_date") else host.today(),
        principal=principal,
        charge=principal - net,
    )


def make_savings(host: Host, body: Json) -> Savings:
    """Add a savings account.

    :raises ValueError: unknown status or deposit type
    """
    client = host.clients[int(body["client_id"])]
    kind, status = str(body.get("deposit_type", "savings")), int(body.get("status", 300))
    if kind not in DEPOSIT_TYPE or status not in SAVINGS_STATUS:
        raise ValueError(
            f"deposit_type: one of {', '.join(DEPOSIT_TYPE)}; status: one of {list(SAVINGS_STATUS)}"
        )
    number = host.next_id("savings")
    external = body.get("external_id")
    account = Savings(
        id=number,
        account_no=str(body.get("account_no", f"{number:09d}")),
        client=client,
        product_name=str(body.get("product_name", "Voluntary savings")),
        activated_on=day(body["activated_on"]) if body.get("activated_on") else host.today(),
        external_id=str(external) if external else None,
        status=status,
        deposit_type=kind,
        blocked=bool(body.get("blocked", False)),
        credit_blocked=bool(body.get("credit_blocked", False)),
    )
    host.savings[number] = account
    host.savings_by_account[account.account_no] = account
    if account.external_id:
        host.savings_by_external[account.external_id] = account
    client.savings_ids.append(number)
    return account
