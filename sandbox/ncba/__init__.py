"""NCBA: till STK push and QR (A), notices of payments (B) and of accounts (C), the Open Banking gateway (D)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.ncba import enquiries, gateway, mobile, till, transfers
from sandbox.ncba.control import control_routes
from sandbox.ncba.gateway import Work
from sandbox.ncba.state import State, as_books
from sandbox.world import World

__all__ = ["State", "books", "control_routes", "routes"]

POSTS: tuple[tuple[str, str, Work], ...] = (
    ("/AccountDetails/accountdetails", "details", enquiries.account_details),
    ("/AccountMiniStatement/accountministatement", "mini_statement", enquiries.mini_statement),
    ("/AccountStatement/accountstatement", "statement", enquiries.full_statement),
    ("/ChargeInquiry/chargeinquiry", "charge", enquiries.charge_enquiry),
    ("/TransactionStatusQuery/transactionstatusquery", "status", enquiries.status_query),
    ("/IFTTransaction/ifttransaction", "ift", transfers.transfer(transfers.IFT)),
    ("/EFTTransaction/efttransaction", "eft", transfers.transfer(transfers.EFT)),
    ("/RTGSPayment/RTGSPayment", "rtgs", transfers.transfer(transfers.RTGS)),
    ("/PesaLinkTransaction/pesaLinktransaction", "pesalink", transfers.transfer(transfers.PESALINK)),
    ("/FloatPurchase/floatpurchase", "float_purchase", mobile.float_purchase),
    ("/LipaNaMpesa/lipanampesa", "lipa_na_mpesa", mobile.lipa_na_mpesa),
    ("/MobileMoneyTransfer/mobilemoneytransfer", "wallet", mobile.wallet),
)


def routes(world: World) -> list[web.RouteDef]:
    """The gateway under ``/ncba``, the till under ``/ncba-till``."""

    async def wrong_path(request: web.Request) -> web.Response:
        return gateway.error(404, "Resource not found")

    return [
        web.post(f"{gateway.BASE}/Auth/generate-token", gateway.token_handler(world)),
        *(web.post(gateway.BASE + path, gateway.guarded(world, name, work)) for path, name, work in POSTS),
        web.route("*", "/ncba{path:/.*}", wrong_path),
        *till.routes(world),
    ]


def books(world: World) -> dict[str, Any]:
    """A snapshot of the bank's books."""
    return as_books(world.ncba)
