"""``POST /mpesa/accountbalance/v1/query``: the accounts of a shortcode as one long string."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.daraja import ids
from sandbox.daraja.asking import Asked, ask
from sandbox.daraja.gateway import Call
from sandbox.daraja.results import INTERNAL_URL, parameter
from sandbox.world import World


async def query(world: World, call: Call) -> web.Response:
    """Accept the question; the answer goes to ResultURL."""
    return await ask(world, call, "balance", _balances)


def _balances(asked: Asked) -> dict[str, Any]:
    shortcode = asked.call.shortcode
    accounts = (
        ("Working Account", shortcode.working),
        ("Float Account", Decimal(0)),
        ("Utility Account", shortcode.utility),
        ("Charges Paid Account", shortcode.charges_paid),
        ("Organization Settlement Account", Decimal(0)),
    )
    return asked.result(
        "0",
        parameters=[
            parameter("AccountBalance", "&".join(account_line(name, held) for name, held in accounts)),
            parameter("BOCompletedTime", ids.compact(asked.world.clock.now())),
        ],
        references={"Key": "QueueTimeoutURL", "Value": INTERNAL_URL.replace("b2cresults", "abresults")},
        strings=True,
    )


def account_line(name: str, held: Decimal) -> str:
    """``Name|KES|current|available|reserved|uncleared``; nothing is ever reserved here."""
    return f"{name}|KES|{held:.2f}|{held:.2f}|0.00|0.00"
