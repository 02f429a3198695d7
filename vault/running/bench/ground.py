"""The ground that is measured on: the real processes, a sandbox with realistic waiting, many partners."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil
import yaml

from vault.running import stack
from vault.running.children import Child
from vault.running.outside import Outside
from vault.running.processes import Say, Supervisor

PARTNERS = 20
SHORTCODE = "600992"
FIRST_PHONE = 254710000000
PHONES_PER_HOST = 100_000


@dataclass(kw_only=True)
class Ground:
    """Services run from `prepare` on; the platform and its sandbox once a part asks for them."""

    supervisor: Supervisor
    port: int
    given: Mapping[str, str]
    say: Say
    outside: Outside = field(init=False)
    platform: stack.Stack = field(init=False)
    made: dict[int, int] = field(default_factory=dict)  # how many clients each host has been given

    def prepare(self) -> None:
        """Start PostgreSQL and Redis with an empty database of their own."""
        stack.check_port("127.0.0.1", self.port)
        self.platform = stack.Stack(
            supervisor=self.supervisor, host="127.0.0.1", port=self.port, database="bench"
        )
        self.platform.start_services(self.given)
        self.platform.environment |= {"DEMO": "1", "LOG_LEVEL": "WARNING", "ALLOW_PRIVATE_HOSTS": "true"}
        os.environ.update(self.platform.environment)
        import django

        django.setup()
        self._empty()

    def start_afresh(self) -> None:
        """Stop what an earlier part started, and empty the database."""
        stages = sorted({child.stage for child in self.supervisor.children}, reverse=True)
        for stage in stages:
            for child in [one for one in self.supervisor.children if one.stage == stage]:
                if stage > stack.REDIS:
                    self.supervisor.stop(child)
        from partners.models import Partner  # needs Django's settings

        if Partner.objects.exists():
            self._empty()

    def _empty(self) -> None:
        from django.core.management import call_command
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("drop schema public cascade; create schema public")
        connection.close()
        call_command("migrate", interactive=False, verbosity=0)
        connection.close()

    def start_outside(self) -> None:
        """Start the sandbox with its latencies and one Mifos host for each partner."""
        if hasattr(self, "outside"):
            return
        port = stack.remembered_port(self.supervisor.run_dir / "sandbox-port")
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--seed", "1"]
        self.supervisor.start(Child(name="sandbox", command=command, stage=stack.SANDBOX))
        self.outside = Outside(f"http://127.0.0.1:{port}")
        self.supervisor.wait_until(self.outside.up, what="sandbox")
        from vault.running.scene import LATENCIES  # needs Django's settings

        waits = {name: {"p50_ms": p50, "p95_ms": p95} for name, (p50, p95) in LATENCIES.items()}
        self.outside.put("latency", waits)
        self._furnish()

    def _furnish(self) -> None:
        secrets = {"consumer_key": "k", "consumer_secret": "s", "initiator_password": "p"}
        self.outside.post(
            "daraja/shortcodes",
            number=SHORTCODE,
            kind="b2c",
            utility="9000000000",
            initiator="testapi",
            **secrets,
        )
        for name in partner_codes():
            self.outside.post(
                "damza/accounts", api_key=f"sms-{name}", sender_id=name.upper()[:11], credits="9000000"
            )
            self.outside.post(
                "fineract/hosts", host=name, username="vault", password="secret", version="develop"
            )
            self.outside.post(
                f"fineract/{name}/products",
                name="Biashara",
                min_principal="100",
                principal="1000",
                max_principal="100000",
            )

    def start_platform(self, **environment: str) -> None:
        """Apply the partners and start web, workers and beat."""
        self.start_outside()
        if any(child.name == "web" for child in self.supervisor.children):
            return
        certificate = self.supervisor.run_dir / "daraja.pem"
        certificate.write_text(self.outside.text("daraja/certificate"))
        self.platform.environment |= {
            "MPESA_BASE_URL": f"{self.outside.url}/daraja",
            "DAMZA_BASE_URL": f"{self.outside.url}/damza",
            "PUBLIC_BASE_URL": self.platform.address,
            "SWEEP_INTERVAL_SECONDS": "1",
        } | environment
        os.environ.update(self.platform.environment)
        path = self.supervisor.run_dir / "bench.yaml"
        path.write_text(yaml.safe_dump(self._setup(str(certificate))))
        self.platform.manage("apply", "apply", str(path))
        self.platform.start_platform()

    def _setup(self, certificate: str) -> dict[str, Any]:
        shared = {
            "number": SHORTCODE,
            "kind": "b2c",
            "consumer_key": "k",
            "consumer_secret": "s",
            "initiator": "testapi",
            "initiator_password": "p",
            "certificate": certificate,
            "rate_per_second": 1000,
        }
        return {
            "shared_shortcodes": [shared],
            "partners": [self._partner(n, name) for n, name in enumerate(partner_codes())],
        }

    def _partner(self, number: int, name: str) -> dict[str, Any]:
        return {
            "code": name,
            "name": f"{name.title()} SACCO",
            "phones": [f"2547110{number:05}"],
            "mifos": {
                "host_url": self.outside.url,
                "api_endpoint": f"/fineract/{name}/fineract-provider/api/v1",
                "tenant_id": "default",
                "username": "vault",
                "password": "secret",
                "release": "develop",
                "poll_seconds": 3,
            },
            "products": {"auto_disburse": "all"},
            "wallet": {
                "opening_balance": 10_000_000,
                "opening_float": 1_000_000_000,
                "low_balance_threshold": 5000,
            },
            "tariff": {"payout": [[1000, 10], [10000, 25], [250000, 45]], "sms": 1},
            "sms": {
                "gateway": "ultimate_sms",
                "api_key": f"sms-{name}",
                "sender_id": name.upper()[:11],
            },
        }

    def approve(self, count: int, *, host: int) -> list[int]:
        """Approve loans of KES 1,000 at one host, a client each; return their numbers."""
        name = partner_codes()[host]
        start = FIRST_PHONE + host * PHONES_PER_HOST + self.made.get(host, 0)
        self.made[host] = self.made.get(host, 0) + count
        made = self.outside.post(
            f"fineract/{name}/loans/bulk",
            count=count,
            product_id=1,
            principal="1000",
            approve=True,
            phone_start=str(start),
        )
        return [int(loan_id) for loan_id in made["loan_ids"]]

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time that each process has used so far, its own children included."""
        used = {}
        for child in self.supervisor.children:
            if child.pid:
                family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
                used[child.name] = sum(_times(process) for process in family)
        return used


def _times(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def partner_codes() -> list[str]:
    return [f"sacco{number:02}" for number in range(PARTNERS)]
