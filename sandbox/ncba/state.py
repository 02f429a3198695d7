"""NCBA's books: bank accounts with every line, orders, till payments, pushes. They are the judge in tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.daraja.ids import NAIROBI
from sandbox.ncba import ids
from sandbox.ncba.switches import FAULT_KINDS, register_switches

if TYPE_CHECKING:
    from sandbox.world import World

PAYBILL = "880100"
HOLDING_PREFIX = "333"  # Safaricom's holding account: 333 + shortcode
HASH_FIELDS = (
    "TransType",
    "TransID",
    "TransTime",
    "TransAmount",
    "CreditAccount",
    "BillRefNumber",
    "Mobile",
    "Name",
    "1",
)


@dataclass(slots=True, kw_only=True)
class Line:
    """One movement on an account."""

    reference: str  # of core banking; the same in push B, push C and the statement
    amount: Decimal  # signed
    balance: Decimal  # after it
    narrative: str
    counter_account: str
    name: str
    trans_type: str
    at: datetime
    our_reference: str = ""
    receipt: str = ""
    phone: str = ""
    code: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The line as the books show it."""
        return {
            "reference": self.reference,
            "amount": f"{self.amount:.2f}",
            "balance": f"{self.balance:.2f}",
            "narrative": self.narrative,
            "counter_account": self.counter_account,
            "our_reference": self.our_reference,
            "receipt": self.receipt,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True, kw_only=True)
class Account:
    """A bank account, and how its holder is notified."""

    account: str
    name: str = "Account Holder"
    currency: str = "KES"
    balance: Decimal = Decimal(0)
    till: str = ""
    push_user: str = ""
    push_password: str = ""
    push_secret: str = ""
    push_b_url: str = ""
    push_b_form: str = "json"  # json | xml
    push_c_url: str = ""
    credit_account: str = "paybill"  # what fills CreditAccount in hash B: paybill | till | account
    hash_fields: tuple[str, ...] = HASH_FIELDS
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Push:
    """One notice of interface B or C, with what became of it."""

    id: int
    kind: str  # b | c
    account: str
    url: str
    form: str  # json | xml
    fields: dict[str, str]
    at: datetime
    status: str = "waiting"  # waiting | delivered | gave up | lost
    tries: int = 0  # by the retry schedule; doubles and sendings by hand are not counted
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The push as the books show it, without its secrets."""
        hidden = ("Password", "Hash", "HashVal", "SecretKey")
        return {
            "id": self.id,
            "kind": self.kind,
            "account": self.account,
            "url": self.url,
            "form": self.form,
            "fields": {name: value for name, value in self.fields.items() if name not in hidden},
            "status": self.status,
            "attempts": self.attempts,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True, kw_only=True)
class Order:
    """One outgoing transfer that was booked; refused ones leave no order."""

    rail: str
    our_reference: str
    reference: str
    account: str
    beneficiary: str
    amount: Decimal
    narration: str
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The order as the books show it."""
        return {
            "rail": self.rail,
            "our_reference": self.our_reference,
            "reference": self.reference,
            "account": self.account,
            "beneficiary": self.beneficiary,
            "amount": f"{self.amount:.2f}",
            "narration": self.narration,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True, kw_only=True)
class Stk:
    """One question on a customer's phone."""

    id: str
    reference_id: str
    till: str
    code: str
    phone: str
    amount: Decimal
    at: datetime
    status: str = "pending"  # pending | paid | failed
    description: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The question as the books show it."""
        return {
            "id": self.id,
            "till": self.till,
            "code": self.code,
            "phone": self.phone,
            "amount": f"{self.amount:.2f}",
            "status": self.status,
            "description": self.description,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True, kw_only=True)
class Arrival:
    """Float that was bought and is under way to a shortcode."""

    reference: str
    shortcode: str
    into: str  # working | utility
    amount: Decimal
    at: datetime
    status: str = "under way"  # under way | arrived | never
    arrived_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """The arrival as the books show it."""
        return {
            "reference": self.reference,
            "shortcode": self.shortcode,
            "into": self.into,
            "amount": f"{self.amount:.2f}",
            "status": self.status,
            "at": self.at.isoformat(),
            "arrived_at": self.arrived_at.isoformat() if self.arrived_at else None,
        }


@dataclass(slots=True, kw_only=True)
class GatewayUser:
    """A customer of the Open Banking gateway."""

    user: str
    password: str = ""
    subscription_key: str = ""
    ips: tuple[str, ...] | None = None  # None: every address is on the list
    accounts: tuple[str, ...] | None = None  # None: every account


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, whose it is, and its end."""

    user: str
    expires_at: datetime


class State:
    """Everything that the bank knows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts: dict[str, Account] = {}
        self.by_till: dict[str, Account] = {}
        self.users: dict[str, GatewayUser] = {}
        self.till_users: dict[str, str] = {}  # user name: secret key
        self.tokens: dict[str, Token] = {}
        self.till_tokens: dict[str, Token] = {}
        self.orders: dict[str, Order] = {}  # by our reference
        self.stks: dict[str, Stk] = {}
        self.arrivals: list[Arrival] = []
        self.pushes: list[Push] = []
        self.duplicates = 0
        self.refused = 0
        self._references = 0
        register_switches(world.switches)
        world.faults.register("ncba", *FAULT_KINDS)
        world.error_bodies["ncba"] = lambda: {"message": "Error", "status": "500"}

    def new_reference(self) -> str:
        """The next core banking reference; never given twice."""
        self._references += 1
        return ids.core_reference(self.world.clock.now(), self._references)

    def references_after(self, number: int) -> int:
        """Skip references, for a caller that remembers those of an earlier life.

        :raises ValueError: numbers never go back, and a reference has place for five base-36 digits of them
        """
        if not self._references <= number < ids.PLACES:
            raise ValueError(f"after: {self._references} to {ids.PLACES - 1} expected")
        self._references = number
        return number

    def switch(self, name: str) -> Any:
        """One of NCBA's switches."""
        return self.world.switches.get(f"ncba.{name}")

    def now_in_nairobi(self) -> datetime:
        """The bank's local time."""
        return self.world.clock.now().astimezone(NAIROBI)


def as_books(state: State) -> dict[str, Any]:
    """The books for ``/control/ncba/books``."""
    return {
        "accounts": {
            number: {
                "name": account.name,
                "currency": account.currency,
                "till": account.till,
                "balance": f"{account.balance:.2f}",
                "lines": [line.as_dict() for line in account.lines],
            }
            for number, account in state.accounts.items()
        },
        "orders": [order.as_dict() for order in state.orders.values()],
        "stk": [stk.as_dict() for stk in state.stks.values()],
        "float": [arrival.as_dict() for arrival in state.arrivals],
        "pushes": [push.as_dict() for push in state.pushes],
        "duplicates": state.duplicates,
        "refused": state.refused,
    }
