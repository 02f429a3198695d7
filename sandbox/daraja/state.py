"""Daraja's books: shortcodes, phones, payouts, transfers. They are the judge in tests."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.daraja import ids
from sandbox.daraja.entries import Entry
from sandbox.daraja.keys import credential_key
from sandbox.daraja.payments import Payments
from sandbox.daraja.switches import FAULT_KINDS, register_switches
from sandbox.daraja.tariff import B2C_FEES, Table

if TYPE_CHECKING:
    from sandbox.world import World

ROLES = ("b2c", "status", "balance", "b2b", "reversal")
FIRST_NAMES = ("JOHN", "MARY", "PETER", "GRACE", "JAMES", "FAITH", "BRIAN", "MERCY", "DAVID", "ESTHER")
LAST_NAMES = ("KAMAU", "OTIENO", "WANJIKU", "MUTUA", "ACHIENG", "NJOROGE", "CHEBET", "WAMBUI", "BARASA")


@dataclass(slots=True, kw_only=True)
class Shortcode:
    """An organisation: its credentials, its three accounts, and how customers pay it."""

    number: str
    consumer_key: str = ""
    consumer_secret: str = ""
    initiator: str = "testapi"
    initiator_password: str = ""
    kind: str = "b2c"
    name: str = "Sandbox Organisation"
    state: str = "active"  # active | invalid (11) | restricted (2006)
    roles: tuple[str, ...] = ROLES
    utility: Decimal = Decimal(0)
    working: Decimal = Decimal(0)
    charges_paid: Decimal = Decimal(0)
    wrong_credentials: int = 0
    locked: bool = False
    organisation: str = "paybill"  # paybill | till
    head_office: str = ""  # of a till: the BusinessShortCode of its STK pushes
    passkey: str = ""
    external_validation: bool = False
    c2b_tariff: str = "none"
    collected: Decimal = Decimal(0)  # paid in by customers and not settled to Working yet
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Phone:
    """A subscriber and the M-Pesa wallet on the phone."""

    phone: str
    name: str
    balance: Decimal = Decimal(0)
    registered: bool = True
    active: bool = True
    exists: bool = True
    received_on: date | None = None
    received: Decimal = Decimal(0)

    def received_today(self, today: date) -> Decimal:
        """What came in on that day so far."""
        return self.received if self.received_on == today else Decimal(0)

    def receive(self, amount: Decimal, today: date) -> None:
        """Take money in."""
        self.received, self.received_on = self.received_today(today) + amount, today
        self.balance += amount


@dataclass(slots=True, kw_only=True)
class Payout:
    """One B2C request that was accepted."""

    originator_conversation_id: str
    conversation_id: str
    gateway_id: str
    receipt: str
    shortcode: str
    phone: str
    amount: Decimal
    command: str
    request: dict[str, Any]
    at: datetime
    status: str = "Initiated"
    result_code: str = ""
    charge: Decimal = Decimal(0)
    finished_at: datetime | None = None
    results_sent: int = 0
    timeouts_sent: int = 0
    funds: dict[str, Decimal] = field(default_factory=dict)  # the accounts right after the payment

    def as_dict(self) -> dict[str, Any]:
        """The payout as the books show it."""
        return {
            "originator_conversation_id": self.originator_conversation_id,
            "conversation_id": self.conversation_id,
            "receipt": self.receipt if self.status == "Completed" else "",
            "shortcode": self.shortcode,
            "phone": self.phone,
            "amount": f"{self.amount:.2f}",
            "charge": f"{self.charge:.2f}",
            "status": self.status,
            "result_code": self.result_code,
            "at": self.at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "results_sent": self.results_sent,
            "timeouts_sent": self.timeouts_sent,
        }


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, its app and its end."""

    consumer_key: str
    expires_at: datetime


class State:
    """Everything that M-Pesa knows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = credential_key()
        self.shortcodes: dict[str, Shortcode] = {}
        self.phones: dict[str, Phone] = {}
        self.payouts: dict[str, Payout] = {}
        self.by_receipt: dict[str, Payout] = {}  # paid ones only
        self.by_gateway_id: dict[str, Payout] = {}
        self.transfers: list[dict[str, Any]] = []
        self.payments = Payments()
        self.fees: Table = B2C_FEES
        self.refused_ids: set[str] = set()
        self.tokens: dict[str, Token] = {}
        self.queries = 0
        self.tokens_given = 0
        self.duplicates_refused = 0
        self._receipts = 0
        register_switches(world.switches)
        world.faults.register("daraja", *FAULT_KINDS)
        world.error_bodies["daraja"] = self.internal_error

    def internal_error(self) -> dict[str, str]:
        """The gateway's own 500."""
        return {
            "requestId": ids.gateway_id(self.world.random),
            "errorCode": "500.003.1001",
            "errorMessage": "Internal Server Error",
        }

    def phone(self, number: str) -> Phone:
        """The phone; one that was never heard of has M-Pesa, under its Mifos client's name or a made-up one."""
        known = self.phones.get(number)
        if known is None:
            name = (self.world.owner_of(number) or made_up_name(number)).upper()
            known = self.phones[number] = Phone(phone=number, name=name)
        return known

    def new_receipt(self) -> str:
        """The next receipt; never given twice."""
        self._receipts += 1
        return ids.receipt(self.world.random, self.world.clock.now(), self._receipts)

    def receipts_after(self, number: int) -> int:
        """Skip receipt numbers, for a caller that remembers the receipts of an earlier life.

        :raises ValueError: numbers never go back, and a receipt has place for five base-36 digits of them
        """
        if not self._receipts <= number < 36**5:
            raise ValueError(f"after: {self._receipts} to {36**5 - 1} expected")
        self._receipts = number
        return number

    def today(self) -> date:
        """The day in Nairobi."""
        return self.world.clock.now().astimezone(ids.NAIROBI).date()


def made_up_name(number: str) -> str:
    """A Kenyan name that always belongs to this number."""
    mixed = zlib.crc32(number.encode())
    return f"{FIRST_NAMES[mixed % len(FIRST_NAMES)]} {LAST_NAMES[mixed // 97 % len(LAST_NAMES)]}"


def as_books(state: State) -> dict[str, Any]:
    """The books for ``/control/daraja/books``."""
    return {
        "shortcodes": {
            number: {
                "utility": f"{shortcode.utility:.2f}",
                "working": f"{shortcode.working:.2f}",
                "charges_paid": f"{shortcode.charges_paid:.2f}",
                "collected": f"{shortcode.collected:.2f}",
                "locked": shortcode.locked,
            }
            for number, shortcode in state.shortcodes.items()
        },
        "payouts": [payout.as_dict() for payout in state.payouts.values()],
        "phones": {
            number: {"name": phone.name, "balance": f"{phone.balance:.2f}"}
            for number, phone in state.phones.items()
        },
        "transfers": state.transfers,
        **state.payments.as_books(),
        "queries": state.queries,
        "tokens": state.tokens_given,
        "duplicates_refused": state.duplicates_refused,
    }
