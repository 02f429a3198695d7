"""The gateways' books: accounts with their credits, and every message that was sent."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.world import World

FAULT_KINDS = (
    "code",
    "plain_text",
    "html_200",
    "report_late",
    "report_never",
    "report_twice",
    "report_order",
)


@dataclass(slots=True, kw_only=True)
class Account:
    """One customer of a gateway."""

    api_key: str
    sender_id: str
    credits: Decimal = Decimal(0)
    username: str = ""
    partner_id: str = "1"
    callback_url: str = ""

    @property
    def password_md5(self) -> str:
        """What AirTouch wants as password."""
        return hashlib.md5(self.api_key.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True, kw_only=True)
class Message:
    """One message to one phone."""

    id: int
    gateway: str
    api_key: str
    sender: str
    to: str
    text: str
    segments: int
    encoding: str
    at: datetime
    reference: str
    outcome: str  # what the delivery report will say in the end
    reported_at: datetime | None  # None: never

    def status(self, now: datetime) -> str:
        """What a delivery report would say now."""
        return self.outcome if self.reported_at is not None and now >= self.reported_at else "SentToNetwork"

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The message as the books show it."""
        return {
            "id": self.id,
            "gateway": self.gateway,
            "api_key": self.api_key,
            "from": self.sender,
            "to": self.to,
            "text": self.text,
            "segments": self.segments,
            "encoding": self.encoding,
            "at": self.at.isoformat(),
            "reference": self.reference,
            "status": self.status(now),
        }


class State:
    """Everything that the SMS gateways know."""

    def __init__(self, world: World) -> None:
        self.accounts: dict[str, Account] = {}
        self.messages: list[Message] = []
        switches = world.switches
        switches.register("damza.message_id", "off", ("on", "off"))
        switches.register("damza.success_code", "ok", ("ok", "200"))
        switches.register("damza.billing", "segments", ("segments", "ceil160"))
        switches.register("damza.magic", "on", ("on", "off"))
        switches.register("damza.response_key", "respose-code", ("respose-code", "response-code"))
        switches.register("damza.partner_success", 200, (200, 1000))
        switches.register("damza.partner_errors", "flat", ("flat", "list"))
        switches.register("damza.airtouch_balance_key", "Balance", ("Balance", "balance"))
        world.faults.register("damza", *FAULT_KINDS)
        world.error_bodies["damza"] = lambda: {"message": "Server Error"}

    def account(self, api_key: str) -> Account | None:
        """The account of a key."""
        return self.accounts.get(api_key)

    def account_of_user(self, username: str) -> Account | None:
        """The account of a user name."""
        return next((one for one in self.accounts.values() if one.username == username), None)

    def message(self, message_id: str) -> Message | None:
        """The message of an id, as a gateway gave it."""
        digits = message_id.removeprefix("ATXid_")
        number = int(digits) if digits.isdigit() else 0
        return self.messages[number - 1] if 0 < number <= len(self.messages) else None


def same(left: str, right: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def as_books(world: World) -> dict[str, Any]:
    """The books for ``/control/books``."""
    state, now = world.damza, world.clock.now()
    return {
        "accounts": {
            key: {"sender_id": account.sender_id, "credits": f"{account.credits:.2f}"}
            for key, account in state.accounts.items()
        },
        "messages": [message.as_dict(now) for message in state.messages],
    }
