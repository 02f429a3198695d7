"""Asks a Mifos connection one thing after another, and says in words what is wrong with it."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from common.gateway import GatewayError, Rejected, Retryable
from mifos import errors
from mifos.client import Mifos
from mifos.shapes import Login, PaymentType

PAYOUTS = ("READ_LOAN", "DISBURSE_LOAN", "READ_LOANPRODUCT", "READ_CLIENT", "READ_PAYMENTTYPE")
COLLECTIONS = ("REPAYMENT_LOAN", "READ_CLIENTIDENTIFIER", "READ_SAVINGSACCOUNT", "DEPOSIT_SAVINGSACCOUNT")
NO_PAYMENT_TYPE = "payment.type.missing"
CASH_PAYMENT_TYPE = "payment.type.cash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one step of the test found, as a sentence."""

    step: str
    ok: bool
    words: str


@dataclass(slots=True)
class Learned:
    """What the test came to know by the way; None where it did not."""

    payment_type_id: int | None = None
    list_order_by: str | None = None


def examine(
    client: Mifos,
    learned: Learned,
    *,
    tenant: str,
    payment_type: str,
    order_by: str,
    use_business_date: bool,
) -> Iterator[Finding]:
    """Yield a finding for each step; after one that makes the rest pointless there are no more."""
    try:
        login = client.authenticate()
    except GatewayError as exc:
        yield Finding(step="log in", ok=False, words=explained(exc, tenant=tenant))
        return
    if login.password_expired:
        yield _bad("password", "The password has expired. Set a new one and let it never expire.")
        return
    yield Finding(step="log in", ok=True, words=f"Mifos knows {login.username or 'the user'}.")
    if login.two_factor:
        yield _bad("two-factor", "Mifos asks this user for a second factor. Give it BYPASS_TWOFACTOR.")
        return
    yield _permissions(login, "payouts", PAYOUTS)
    yield _permissions(login, "collections", COLLECTIONS)
    yield _asked("loan products", lambda: f"{len(client.products())} loan products can be read.")
    yield _asked("approved loans", lambda: _list(client, learned, order_by))
    yield _asked("payment type", lambda: _payment_type(client, learned, payment_type))
    if use_business_date:
        yield _asked("business date", lambda: _business_date(client))


def find_payment_type(listed: tuple[PaymentType, ...], name: str) -> PaymentType:
    """Return the payment type of a name, however it is written, that is not a cash type.

    :raises Rejected: there is none, or it is for cash only (Mifos would look for a cashier)
    """
    named = [each for each in listed if each.name.strip().casefold() == name.strip().casefold()]
    fitting = sorted((each for each in named if not each.is_cash), key=lambda each: each.id)
    if fitting:
        return fitting[0]
    if named:
        raise Rejected(
            f"The payment type {name} is marked as cash in Mifos; it must not be.", code=CASH_PAYMENT_TYPE
        )
    others = ", ".join(each.name for each in listed if not each.is_cash) or "no others that fit"
    raise Rejected(f"Mifos has no payment type {name}. It has {others}.", code=NO_PAYMENT_TYPE)


def list_order(client: Mifos, *, order_by: str) -> str:
    """Return a column by which this server can order its list of loans: the given one, else `accountNo`.

    :raises Rejected, Retryable: it lists loans by neither
    """
    try:
        next(client.approved_loans(limit=5, order_by=order_by), None)
    except (Rejected, Retryable) as exc:
        if exc.stop or exc.code in (errors.NO_ANSWER, errors.HTML, errors.NOT_AUTHORIZED):
            raise
        next(client.approved_loans(limit=5, order_by="accountNo"), None)
        return "accountNo"
    return order_by


def explained(exc: GatewayError, *, tenant: str = "") -> str:
    """Say what a person should look at, from the error and from what caused it below."""
    for cause in _causes(exc):
        if words := _network_words(cause):
            return words
    return _BY_CODE.get(exc.code, _sentence(exc)).format(tenant=f" {tenant}" if tenant else "")


_BY_CODE = {
    "http.400": "Mifos does not know the tenant{tenant}.",
    "http.401": "Mifos does not accept the user name or password.",
    "http.403": "Mifos lets this user in, but refuses the request; look at two-factor login and its roles.",
    "http.404": "There is no Mifos API at this address; look at the API endpoint.",
    "error.msg.not.authenticated": "Mifos does not accept the user name or password.",
    errors.PASSWORD_OUTDATED: "The password has expired. Set a new one and let it never expire.",
    errors.READ_ONLY_NODE: "This Mifos server only reads; connect to the one that writes.",
    errors.HTML: "A web page answered instead of Mifos's API: a proxy in between, or the wrong address.",
}


def _network_words(cause: BaseException) -> str:
    match cause:
        case socket.gaierror():
            return "The host's name is not known (DNS). Look at its spelling."
        case ssl.SSLCertVerificationError():
            return f"The host's certificate is not trusted: {cause.verify_message}. Paste its PEM here."
        case ssl.SSLError():
            return "The host does not speak TLS here. Look at the port and at https or http."
        case ConnectionRefusedError():
            return "The host refuses the connection. Is Mifos running, and on this port?"
        case TimeoutError():
            return "The host did not answer in time. Look at firewalls and at the port."
        case _ if "no public address" in str(cause):
            return "The host's address is not public, which is not allowed here."
    return ""


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Go through everything that led to an error; the libraries hide it in different places."""
    waiting: list[object] = [exc]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def _permissions(login: Login, purpose: str, names: tuple[str, ...]) -> Finding:
    missing = [name for name in names if not login.may(name)]
    if missing:
        return _bad(f"permissions for {purpose}", f"The user has no {', '.join(missing)}.")
    return Finding(step=f"permissions for {purpose}", ok=True, words="The user may do all that is needed.")


def _asked(step: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(step=step, ok=True, words=ask())
    except GatewayError as exc:
        return _bad(step, explained(exc))


def _list(client: Mifos, learned: Learned, order_by: str) -> str:
    learned.list_order_by = list_order(client, order_by=order_by)
    return f"Approved loans can be read, ordered by {learned.list_order_by}."


def _payment_type(client: Mifos, learned: Learned, name: str) -> str:
    found = find_payment_type(client.payment_types(), name)
    learned.payment_type_id = found.id
    return f"{found.name} is there, and not for cash."


def _business_date(client: Mifos) -> str:
    try:
        found: date | None = client.business_date()
    except Rejected as exc:
        if exc.stop:
            raise
        return "The user may not read the business date (READ_BUSINESS_DATE); the time zone's date is used."
    return f"Mifos's business date is {found}." if found else "Mifos keeps no business date of its own."


def _bad(step: str, words: str) -> Finding:
    return Finding(step=step, ok=False, words=words)


def _sentence(exc: GatewayError) -> str:
    words = exc.message.replace("{", "(").replace("}", ")")
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
