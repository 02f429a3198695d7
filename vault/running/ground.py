"""A platform and an outside world of their own, to be hurt: for chaos runs and tests that need real processes."""

import contextlib
import json
import os
import secrets
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from vault.running import stack
from vault.running.agreement import LoanKey
from vault.running.children import Child
from vault.running.outside import Outside
from vault.running.processes import CannotStart, Supervisor

SHARED_NUMBER = "600992"
OPENING_FLOAT = 400_000_000
OPENING = {"opening_balance": 10_000_000, "opening_float": OPENING_FLOAT, "low_balance_threshold": 5000}
PRODUCTS = ({"name": "Biashara", "min_principal": "500", "principal": "10000", "max_principal": "100000"},)
PACES = {
    "POLL_INTERVAL_SECONDS": "1",
    "SWEEP_INTERVAL_SECONDS": "1",
    "STATUS_QUERY_AFTER_SECONDS": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """A partner of the ground, with a Mifos host of the same name."""

    code: str
    first_phone: int  # its clients' phones count up from here, so that no two partners share one
    release: str = "1.14"
    own_shortcode: str = ""  # empty: the shared one pays
    poll_seconds: int = 1
    wallet: Mapping[str, Any] = field(default_factory=lambda: OPENING)

    @property
    def key(self) -> str:
        """What its shortcode's secrets end with."""
        return self.code if self.own_shortcode else "shared"

    def as_part(self, sandbox_url: str, certificate: Path) -> dict[str, Any]:
        """Return the partner as a set-up file says it."""
        part: dict[str, Any] = {"code": self.code, "name": self.code.capitalize(), "phones": ["254711000001"]}
        part["mifos"] = {
            "host_url": sandbox_url,
            "api_endpoint": f"/fineract/{self.code}/fineract-provider/api/v1",
            "username": "vault",
            "password": f"mifos-{self.code}",
            "release": self.release,
            "poll_seconds": self.poll_seconds,
        }
        part["products"] = {"auto_disburse": "all", "rules": {"max_per_client_per_day": 1}}
        if self.own_shortcode:
            part["shortcodes"] = [shortcode_part(self.own_shortcode, self.code, certificate)]
        part["wallet"] = dict(self.wallet)
        part["tariff"] = {"payout": [[1000, 10], [10000, 25], [250000, 45]], "sms": 1, "float_purchase": 50}
        part["sms"] = {
            "gateway": "ultimate_sms",
            "api_key": f"sms-{self.code}",
            "sender_id": self.code[:11].upper(),
        }
        return part


def secrets_of(key: str) -> dict[str, str]:
    """Return what M-Pesa knows a shortcode by."""
    names = ("consumer_key", "consumer_secret", "initiator", "initiator_password")
    return {name: f"{name.replace('_', '-')}-{key}" for name in names}


def shortcode_part(number: str, key: str, certificate: Path) -> dict[str, Any]:
    """Return a shortcode as a set-up file says it."""
    pace = {"certificate": str(certificate), "rate_per_second": 50}
    return {"number": number, "kind": "b2c"} | secrets_of(key) | pace


def quiet_port() -> int:
    """Find a free port that no outgoing connection is given meanwhile: below those that systems hand out."""
    while True:
        port = secrets.randbelow(8000) + 20_000
        with contextlib.suppress(CannotStart):
            stack.check_port("127.0.0.1", port)
            return port


@dataclass(kw_only=True)
class Ground:
    """All processes, under a supervisor that is open already."""

    supervisor: Supervisor
    lenders: tuple[Lender, ...]
    seed: int = 1
    paces: Mapping[str, str] = field(default_factory=lambda: PACES)
    approved: list[LoanKey] = field(default_factory=list)

    def start(self) -> None:
        """Begin with empty books on both sides and start everything.

        :raises CannotStart: a part did not start
        """
        for folder in ("pg", "redis"):
            shutil.rmtree(self.supervisor.run_dir / folder, ignore_errors=True)
        self.platform = stack.Stack(
            supervisor=self.supervisor, host="127.0.0.1", port=quiet_port(), database="vault"
        )
        self.platform.start_services({})
        self.outside = Outside(f"http://127.0.0.1:{self._start_sandbox()}")
        self.platform.environment |= self._environment()
        self.platform.manage("migrate", "migrate", "--no-input")
        self.supervisor.wait_until(self.outside.up, what="sandbox")
        self._set_up_outside()
        applied = self.platform.manage("apply", "apply", str(self._write_setup()), "--json")
        self._connect(json.JSONDecoder().raw_decode(applied[applied.index("{\n") :])[0])
        self.platform.start_platform()

    def _connect(self, applied: dict[str, Any]) -> None:
        """Tell those outside who call us where to; `applied` is what the set-up said."""

    def _start_sandbox(self) -> int:
        port = quiet_port()
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--seed", str(self.seed)]
        self.supervisor.start(Child(name="sandbox", command=command, stage=stack.SANDBOX))
        return port

    def _environment(self) -> dict[str, str]:
        return {
            "DEMO": "1",
            "MPESA_BASE_URL": f"{self.outside.url}/daraja",
            "DAMZA_BASE_URL": f"{self.outside.url}/damza",
            "ALLOW_PRIVATE_HOSTS": "true",
            "PUBLIC_BASE_URL": self.platform.address,
            "ALLOWED_HOSTS": stack.allowed_hosts(self.platform.address),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
            **self.paces,
        }

    def _set_up_outside(self) -> None:
        keys = {lender.own_shortcode or SHARED_NUMBER: lender.key for lender in self.lenders}
        for number, utility in self.utilities().items():
            fields = {"number": number, "kind": "b2c", "utility": str(utility)} | secrets_of(keys[number])
            self.outside.post("daraja/shortcodes", **fields)
        for lender in self.lenders:
            account = {"sender_id": lender.code[:11].upper(), "credits": "1000000"}
            self.outside.post("damza/accounts", api_key=f"sms-{lender.code}", **account)
            host = {"username": "vault", "password": f"mifos-{lender.code}", "version": lender.release}
            self.outside.post("fineract/hosts", host=lender.code, **host)
            for product in PRODUCTS:
                self.outside.post(f"fineract/{lender.code}/products", **product)

    def _write_setup(self) -> Path:
        certificate = self.supervisor.run_dir / "daraja.pem"
        certificate.write_text(self.outside.text("daraja/certificate"))
        path = self.supervisor.run_dir / "partners.yaml"
        path.write_text(yaml.safe_dump(self._setup(certificate), allow_unicode=True))
        return path

    def _setup(self, certificate: Path) -> dict[str, Any]:
        return {
            "shared_shortcodes": [
                shortcode_part(SHARED_NUMBER, "shared", certificate)
                for number in self.utilities()
                if number == SHARED_NUMBER
            ],
            "partners": [lender.as_part(self.outside.url, certificate) for lender in self.lenders],
        }

    def utilities(self) -> dict[str, Decimal]:
        """Return what each shortcode's Utility account holds at the beginning: its partners' opening floats."""
        held: dict[str, Decimal] = defaultdict(Decimal)
        for lender in self.lenders:
            held[lender.own_shortcode or SHARED_NUMBER] += Decimal(lender.wallet["opening_float"])
        return held

    def approve(self, code: str, *, count: int = 1, principal: int = 5000, charge: int = 0) -> list[LoanKey]:
        """Let so many new clients get a loan of a partner, each on a phone of its own."""
        lender = next(one for one in self.lenders if one.code == code)
        before = sum(host == code for host, _ in self.approved)
        made = self.outside.post(
            f"fineract/{code}/loans/bulk",
            count=count,
            product_id=1,
            principal=str(principal),
            charge=str(charge),
            phone_start=str(lender.first_phone + before),
            approve=True,
        )
        keys = [(code, int(number)) for number in made["loan_ids"]]
        self.approved += keys
        return keys

    def fault(self, system: str, operation: str, kind: str, **rule: Any) -> dict[str, Any]:
        """Let something go wrong outside."""
        made: dict[str, Any] = self.outside.post(
            "faults", system=system, operation=operation, kind=kind, **{"rate": 1} | rule
        )
        return made

    def end_faults(self) -> int:
        """Let all go well again, and say how many faults were played."""
        played = sum(int(rule["played"]) for rule in self.outside.get("faults"))
        self.outside.delete("faults")
        return played

    def child(self, name: str) -> Child:
        """Return one of the processes by its name."""
        return next(child for child in self.supervisor.children if child.name == name)

    def codes(self) -> Iterable[str]:
        """Return the partners' codes."""
        return [lender.code for lender in self.lenders]
