"""The page at ``/``: approve a loan at the left, watch the phone at the right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.daraja.c2b_paying import why
from sandbox.daraja.gateway import COLLECTING
from sandbox.daraja.ids import NAIROBI
from sandbox.daraja.payments import Payment
from sandbox.fineract.host import Host
from sandbox.fineract.records import Loan
from sandbox.fineract.statuses import LOAN_STATUS, SUBMITTED
from sandbox.ncba.state import Account
from sandbox.routing import answer
from sandbox.world import World

HOSTS, LOANS, PHONES, EVENTS, MESSAGES, ACCOUNTS = 12, 8, 24, 12, 4, 8
PAYBILLS, PAYMENTS = 8, 5
LOOKED_AT = 400  # payouts, payments and messages, from the newest back

Event = dict[str, Any]


def routes(world: World) -> list[web.RouteDef]:
    """The page and what it shows, as JSON."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=_page(), content_type="text/html")

    async def shown(request: web.Request) -> web.Response:
        return answer(snapshot(world, request.query.get("host", ""), request.query.get("phone", "")))

    return [web.get("/", page), web.get("/page.json", shown)]


@cache
def _page() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def snapshot(world: World, host_part: str = "", phone_part: str = "") -> dict[str, Any]:
    """The newest of everything, bounded however large the books are."""
    matching = [host for name, host in world.fineract.hosts.items() if host_part in name]
    found = sorted(matching, key=lambda host: not host.loans)[:HOSTS]
    return {
        "now": world.clock.now().isoformat(),
        "totals": _totals(world),
        "host_names": list(islice(world.fineract.hosts, 500)),
        "hosts": [_host(host) for host in found],
        "phones": _phones(world, found, phone_part),
        "accounts": [_account(account) for account in islice(world.ncba.accounts.values(), ACCOUNTS)],
        "paybills": _paybills(world),
        "feed": list(reversed(world.feed))[:EVENTS],
        "feed_count": world.feed_count,
    }


def _totals(world: World) -> dict[str, Any]:
    return {
        "hosts": len(world.fineract.hosts),
        "loans": sum(len(host.loans) for host in world.fineract.hosts.values()),
        "payouts": len(world.daraja.by_receipt),
        "payments": sum(map(len, world.daraja.payments.completed.values())),
        "sms": len(world.damza.messages),
    }


def _host(host: Host) -> dict[str, Any]:
    newest = list(islice(reversed(host.loans.values()), LOANS))
    return {
        "name": host.name,
        "products": [{"id": product.id, "name": product.name} for product in host.products.values()],
        "count": len(host.loans),
        "loans": [_loan(loan) for loan in newest],
    }


def _account(account: Account) -> dict[str, Any]:
    newest = account.lines[-1].narrative if account.lines else ""
    return {
        "account": account.account,
        "name": account.name,
        "till": account.till,
        "balance": f"{account.balance:.2f}",
        "lines": len(account.lines),
        "newest": newest,
    }


def _paybills(world: World) -> list[dict[str, Any]]:
    """Shortcodes that customers can pay, with their newest payments."""
    payments = world.daraja.payments
    newest: dict[str, list[Payment]] = {}
    for payment in islice(reversed(payments.by_receipt.values()), LOOKED_AT):
        newest.setdefault(payment.shortcode, []).append(payment)
    payable = (one for one in world.daraja.shortcodes.values() if one.kind in COLLECTING)
    return [
        {
            "number": one.number,
            "name": one.name,
            "organisation": one.organisation,
            "utility": f"{one.utility:.2f}",
            "count": len(payments.completed.get(one.number, ())),
            "payments": [_payment(payment) for payment in newest.get(one.number, [])[:PAYMENTS]],
        }
        for one in islice(payable, PAYBILLS)
    ]


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "receipt": payment.receipt,
        "name": payment.name,
        "phone": payment.phone,
        "amount": f"{payment.amount:.2f}",
        "bill_ref": payment.bill_ref,
        "status": "reversed" if payment.reversed_by else payment.status,
        "confirmed": payment.confirmed,
    }


def _loan(loan: Loan) -> dict[str, Any]:
    receipts = [row.payment.receipt_number for row in loan.transactions if row.payment and not row.reversed]
    return {
        "id": loan.id,
        "client": loan.client.name,
        "phone": loan.client.mobile_no,
        "product": loan.product.name,
        "principal": f"{loan.proposed if loan.status == SUBMITTED else loan.approved:.2f}",
        "status": loan.status,
        "status_text": LOAN_STATUS[loan.status]["value"],
        "receipt": next((receipt for receipt in receipts if receipt), None),
    }


def _phones(world: World, hosts: list[Host], part: str) -> list[dict[str, Any]]:
    """Phones with news first (newest first), then those of the newest loans, then all others."""
    heard: dict[str, list[Event]] = {}
    for number, event in sorted(_heard(world), key=lambda pair: pair[1]["at"], reverse=True):
        heard.setdefault(number, []).append(event)
    expected = (
        loan.client.mobile_no or "" for host in hosts for loan in islice(reversed(host.loans.values()), LOANS)
    )
    numbers = dict.fromkeys((*heard, *expected, *islice(world.daraja.phones, LOOKED_AT)))
    chosen = islice((number for number in numbers if number and part in number), PHONES)
    return [_phone(world, number, heard.get(number, [])) for number in chosen]


def _heard(world: World) -> Iterator[tuple[str, Event]]:
    for payout in islice(reversed(world.daraja.by_receipt.values()), LOOKED_AT):
        at = payout.finished_at or payout.at
        when = at.astimezone(NAIROBI)
        text = (
            f"{payout.receipt} Confirmed. You have received Ksh{payout.amount:,.2f} from "
            f"{world.daraja.shortcodes[payout.shortcode].name} {payout.shortcode} on "
            f"{when.day}/{when.month}/{when:%y} at {when:%H:%M}."
        )
        yield payout.phone, {"at": at.isoformat(), "from": "MPESA", "text": text}
    for payment in islice(reversed(world.daraja.payments.by_receipt.values()), LOOKED_AT):
        if payment.status != "pending":
            at = payment.completed_at or payment.at
            yield payment.phone, {"at": at.isoformat(), "from": "MPESA", "text": _sent(world, payment)}
    for message in world.damza.messages[-LOOKED_AT:]:
        yield message.to, {"at": message.at.isoformat(), "from": message.sender, "text": message.text}


def _sent(world: World, payment: Payment) -> str:
    """What M-Pesa writes to the payer."""
    to = f"{world.daraja.shortcodes[payment.shortcode].name} {payment.shortcode}"
    account = f" for account {payment.bill_ref}" if payment.bill_ref else ""
    if payment.status == "cancelled":
        return (
            f"Failed. Ksh{payment.amount:,.2f} was not sent to {to}{account}. {why(payment.reason)}".strip()
        )
    when = (payment.completed_at or payment.at).astimezone(NAIROBI)
    return (
        f"{payment.receipt} Confirmed. Ksh{payment.amount:,.2f} sent to {to}{account} on "
        f"{when.day}/{when.month}/{when:%y} at {when:%H:%M}."
    )


def _phone(world: World, number: str, heard: list[Event]) -> dict[str, Any]:
    known = world.daraja.phone(number)
    return {
        "phone": number,
        "name": known.name,
        "balance": f"{known.balance:.2f}",
        "working": known.registered and known.active and known.exists,
        "messages": heard[:MESSAGES],
        "more": max(0, len(heard) - MESSAGES),
    }
