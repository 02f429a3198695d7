"""What the demo sets up outside: two Mifos hosts with products and clients, M-Pesa, an SMS account, latencies."""

import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from vault.running.agreement import LoanKey
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
    "fineract.*": (60, 250),
    "damza.*": (150, 500),
}
SHARED = {"number": "600992", "utility": "500000000", "initiator": "testapi"}
OWN = {"number": "600200", "utility": "500000000", "initiator": "pwaniapi"}
SECRETS = {"consumer_key": "demo-key", "consumer_secret": "demo-secret", "initiator_password": "demo-pass"}
SMS_KEYS = {"kilimo": "demo-sms-kilimo", "pwani": "demo-sms-pwani"}
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

    def set_up(self, memory: Memory, *, now: datetime) -> None:
        """Make everything, with numbers above those that our data knows, and bring back unfinished loans."""
        self.outside.put(
            "latency", {name: {"p50_ms": p50, "p95_ms": p95} for name, (p50, p95) in LATENCIES.items()}
        )
        self.outside.post("daraja/receipts", after=_seconds_of_day(now) * RECEIPTS_PER_SECOND)
        for shortcode, key in ((SHARED, "shared"), (OWN, "pwani")):
            secrets = {name: f"{value}-{key}" for name, value in SECRETS.items()}
            self.outside.post("daraja/shortcodes", kind="b2c", **shortcode, **secrets)
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

    def environment(self, folder: Path) -> dict[str, str]:
        """Return what `demo.yaml` takes from the environment; writes M-Pesa's certificate into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate = folder / "daraja.pem"
        certificate.write_text(self.outside.text("daraja/certificate"))
        return {"SANDBOX_URL": self.outside.url, "DEMO_CERTIFICATE": str(certificate)}


def _seconds_of_day(now: datetime) -> int:
    local = now.astimezone(ZoneInfo("Africa/Nairobi"))
    return local.hour * 3600 + local.minute * 60 + local.second
