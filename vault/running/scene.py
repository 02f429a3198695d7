"""What the demo sets up outside: Mifos hosts with products and clients, M-Pesa, the bank, SMS accounts, latencies."""

import random
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from vault.running import money_in
from vault.running.agreement import LoanKey
from vault.running.money_in import MoneyIn
from vault.running.outside import Outside
from vault.running.remembered import Memory, OpenLoan

SETUP_FILE = Path(__file__).with_name("demo.yaml")
HOSTS = {  # name -> release, start of its clients' phones
    "kilimo": ("1.14", 254710000000),
    "pwani": ("develop", 254720000000),
}
PRODUCTS: dict[str, list[dict[str, Any]]] = {
    "kilimo": [
        {"name": "Biashara", "min_principal": "1000", "principal": "10000", "max_principal": "100000"},
        {"name": "Elimu", "min_principal": "500", "principal": "5000", "max_principal": "50000"},
    ],
    "pwani": [
        {"name": "Uvuvi", "min_principal": "1000", "principal": "8000", "max_principal": "70000"},
        {"name": "Dharura", "min_principal": "500", "principal": "2000", "max_principal": "20000"},
    ],
}
# As measured by integrators of the real ones, roughly; in milliseconds: half of the calls, 95 of 100.
LATENCIES = {
    "daraja.*": (180, 600),
    "daraja.b2c_result": (1200, 3500),
    "daraja.c2b_confirmation": (300, 900),
    "ncba.*": (250, 900),
    "ncba.stk": (4000, 9000),
    "ncba.push_b": (400, 1500),
    "ncba.push_c": (700, 2500),
    "ncba.float_arrival": (1500, 4000),
    "fineract.*": (60, 250),
    "damza.*": (150, 500),
}
SHARED = {"number": "600992", "utility": "500000000", "initiator": "testapi"}
OWN = {"number": "600200", "utility": "500000000", "initiator": "pwaniapi"}
SECRETS = {"consumer_key": "demo-key", "consumer_secret": "demo-secret", "initiator_password": "demo-pass"}
SMS_KEYS = {"kilimo": "demo-sms-kilimo", "pwani": "demo-sms-pwani"}
SAVES_TOO = 3  # each so-manieth client
FIRST_FLOAT = Decimal(400_000)  # as the set-up file opens kilimo's
UNDER = Decimal(30_000)  # so far below what there is at the start is the mark at which float is bought
RECEIPTS_PER_SECOND = 600  # how far the numbers jump from one start to a later one on the same day
FIRST_NAMES = [
    "Achieng",
    "Baraka",
    "Chebet",
    "Daudi",
    "Esther",
    "Faraja",
    "Grace",
    "Hamisi",
    "Imani",
    "Juma",
    "Kamau",
    "Lilian",
    "Mwangi",
    "Njeri",
]
LAST_NAMES = [
    "Abdalla",
    "Barasa",
    "Chege",
    "Kiprono",
    "Karanja",
    "Mutua",
    "Njoroge",
    "Ochieng",
    "Otieno",
    "Wafula",
    "Wambui",
    "Were",
]


@dataclass(frozen=True, slots=True)
class Scene:
    """The outside, set up; loans are approved through it."""

    outside: Outside
    dice: random.Random
    money: MoneyIn

    def set_up(self, memory: Memory, *, now: datetime) -> None:
        """Make everything, with numbers above those that our data knows, and bring back unfinished loans."""
        self.outside.put(
            "latency", {name: {"p50_ms": p50, "p95_ms": p95} for name, (p50, p95) in LATENCIES.items()}
        )
        self.outside.post("daraja/receipts", after=_seconds_of_day(now) * RECEIPTS_PER_SECOND)
        for shortcode, key in ((SHARED, "shared"), (OWN, "pwani")):
            self.outside.post("daraja/shortcodes", kind="b2c", **shortcode, **_secrets(key))
        for partner, number in money_in.PAYBILLS.items():
            paybill = _secrets(f"{partner}-paybill") | {"external_validation": True}
            self.outside.post("daraja/shortcodes", kind="c2b", number=number, **paybill)
        for path, fields in money_in.accounts(_seconds_of_day(now) * RECEIPTS_PER_SECOND).items():
            self.outside.post(path, **fields)
        for partner, key in SMS_KEYS.items():
            self.outside.post("damza/accounts", api_key=key, sender_id=partner.upper(), credits="1000000")
        for host, (release, _) in HOSTS.items():
            self._host(host, release, memory)
        for loan in memory.unfinished:
            self._bring_back(loan)

    def _host(self, host: str, release: str, memory: Memory) -> None:
        self.outside.post(
            "fineract/hosts",
            host=host,
            username="vault",
            password=f"demo-mifos-{host}",
            version=release,
            first_loan_id=memory.first_loan_id.get(host, 1),
            first_client_id=memory.first_client_id.get(host, 1),
            first_savings_id=memory.first_savings_id.get(host, 1),
        )
        for product in PRODUCTS[host]:
            self.outside.post(f"fineract/{host}/products", **product)

    def _bring_back(self, loan: OpenLoan) -> None:
        """A loan that was under way when the last run ended: Mifos would still have it, waiting for its money."""
        host, path = loan.host, f"fineract/{loan.host}"
        name = loan.client_name or "Mteja wa Zamani"
        self.outside.post(f"{path}/clients", id=loan.client_id, name=name, mobile_no=loan.phone or None)
        self.outside.post(
            f"{path}/loans",
            id=loan.loan_id,
            client_id=loan.client_id,
            product_id=loan.product_id,
            principal=str(loan.principal),
            net_disbursal_amount=str(loan.net),
            approve=True,
        )
        self.outside.post(
            "daraja/phones", phone=str(loan.phone), name=name.upper()
        ) if host and loan.phone else None

    def approve_loan(self, host: str) -> LoanKey:
        """Let a new client ask for a loan, and the office approve it."""
        path, name = f"fineract/{host}", f"{self.dice.choice(FIRST_NAMES)} {self.dice.choice(LAST_NAMES)}"
        client = self.outside.post(f"{path}/clients", name=name)["id"]
        phone = str(HOSTS[host][1] + client)
        self.outside.post(f"{path}/clients/{client}/change", mobile_no=phone)
        self.outside.post("daraja/phones", phone=phone, name=name.upper())
        if client % SAVES_TOO == 0:
            savings = self.outside.post(f"{path}/savings", client_id=client)["id"]
            self.money.savings.setdefault(host, []).append((savings, phone))
        principal = self.dice.randrange(1000, 20000, 100)
        loan = self.outside.post(
            f"{path}/loans",
            client_id=client,
            product_id=self.dice.randint(1, len(PRODUCTS[host])),
            principal=str(principal),
            charge=str(self.dice.choice((0, 0, principal // 50))),
            approve=True,
        )
        return host, int(loan["id"])

    def environment(self, folder: Path, *, free_float: Decimal | None) -> dict[str, str]:
        """Return what `demo.yaml` takes from the environment; writes M-Pesa's certificate into the folder.

        :param free_float: kilimo's; the mark at which float is bought is just below, so that each run shows it
        """
        folder.mkdir(parents=True, exist_ok=True)
        certificate = folder / "daraja.pem"
        certificate.write_text(self.outside.text("daraja/certificate"))
        mark = max((FIRST_FLOAT if free_float is None else free_float) - UNDER, UNDER)
        return {
            "SANDBOX_URL": self.outside.url,
            "DEMO_CERTIFICATE": str(certificate),
            "DEMO_FLOAT_MARK": str(mark),
        }


def _seconds_of_day(now: datetime) -> int:
    local = now.astimezone(ZoneInfo("Africa/Nairobi"))
    return local.hour * 3600 + local.minute * 60 + local.second


def _secrets(key: str) -> dict[str, str]:
    return {name: f"{value}-{key}" for name, value in SECRETS.items()}
