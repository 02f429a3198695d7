"""The whole platform as it runs, with a simulated outside of its own and four people who may log in."""

import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from c2b import registering
from common.changes import By
from partners.models import Shortcode
from tests.endtoend.platform import eventually
from vault.entry import freshness
from vault.running import stack
from vault.running.children import Child
from vault.running.ground import quiet_port
from vault.running.outside import Outside
from vault.running.processes import Supervisor
from wallet import bank
from wallet.bank_models import BankAccount

SETUP = Path(__file__).with_name("stage.yaml")
PEOPLE = {  # who logs in, and their role
    "achieng": "administrator",
    "otieno": "operator",
    "wanjiru": "approver",
    "mutua": "viewer",
}
PASSWORD = "Karibu-Kenya-2026"
PACES = {"POLL_INTERVAL_SECONDS": "1", "SWEEP_INTERVAL_SECONDS": "0.5", "STATUS_QUERY_AFTER_SECONDS": "2"}
HOSTS = {"kilimo": "1.14", "pwani": "develop"}


@dataclass(kw_only=True)
class Stage:
    """All processes, under a supervisor that is open already; `database` is reached by whoever uses it."""

    supervisor: Supervisor
    cookies: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start everything, with empty books on both sides.

        :raises CannotStart: a part did not start
        """
        self.platform = stack.Stack(supervisor=self.supervisor, host="127.0.0.1", port=quiet_port())
        self.platform.start_services({})
        self.outside = Outside(f"http://127.0.0.1:{self._start_sandbox()}")
        self.platform.environment |= self._environment()
        self.platform.manage("migrate", "migrate", "--no-input")
        self.supervisor.wait_until(self.outside.up, what="sandbox")
        self._set_up_outside()
        self.platform.manage("apply", "apply", str(SETUP))
        self.platform.start_platform()

    @property
    def address(self) -> str:
        return self.platform.address

    def _start_sandbox(self) -> int:
        port = quiet_port()
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--seed", "1"]
        self.supervisor.start(Child(name="sandbox", command=command, stage=stack.SANDBOX))
        return port

    def _environment(self) -> dict[str, str]:
        url = self.outside.url
        return {
            "DEMO": "1",
            "TWO_FACTOR": "required",
            "STEP_UP_MINUTES": "60",  # a loaded machine takes longer than people do
            "MPESA_BASE_URL": f"{url}/daraja",
            "DAMZA_BASE_URL": f"{url}/damza",
            "NCBA_OPEN_BANKING_URL": f"{url}/ncba",
            "NCBA_TILL_URL": f"{url}/ncba-till",
            "ALLOW_PRIVATE_HOSTS": "true",
            "PUBLIC_BASE_URL": self.address,
            "ALLOWED_HOSTS": stack.allowed_hosts(self.address),
            "SANDBOX_URL": url,
            "CERTIFICATE": str(self.supervisor.run_dir / "daraja.pem"),
            **PACES,
        }

    def _set_up_outside(self) -> None:
        post = self.outside.post
        (self.supervisor.run_dir / "daraja.pem").write_text(self.outside.text("daraja/certificate"))
        for number, key, initiator in (("600992", "shared", "testapi"), ("600200", "pwani", "pwaniapi")):
            names = {
                "number": number,
                "initiator": initiator,
                "initiator_password": f"initiator-password-{key}",
            }
            utility = {"kind": "b2c", "utility": "5000000" if key == "shared" else "2500000"}
            post("daraja/shortcodes", **names, **utility, **_app(key))
        post("daraja/shortcodes", number="600100", kind="c2b", **_app("kilimo"))
        post("ncba/users", user="gate-user", password="gate-pass", subscription_key="sub-key")
        post("ncba/till-users", user="till-user", secret="till-pass")
        for host, release in HOSTS.items():
            post("damza/accounts", api_key=f"sms-{host}", sender_id=host.upper(), credits="12400")
            post("fineract/hosts", host=host, username="vault", password=f"mifos-{host}", version=release)
        for host, name in (("kilimo", "Biashara"), ("kilimo", "Elimu"), ("pwani", "Uvuvi")):
            limits = {"min_principal": "500", "principal": "10000", "max_principal": "100000"}
            post(f"fineract/{host}/products", name=name, **limits)

    def open_doors(self) -> None:
        """Tell M-Pesa and the bank where to send their notices, and let the people in (needs the database)."""
        collecting = Shortcode.objects.get(number="600100")
        registering.register_urls(shortcode_id=collecting.pk, at=timezone.now(), by=By(name="stage"))
        found = bank.callback_addresses(BankAccount.objects.get())
        pushes = {"push_user": "pusher", "push_password": "push-pass", "push_secret": "push-secret"}
        pushes |= {"push_b_url": found["paybill"], "push_c_url": found["account"]}
        self.outside.post("ncba/accounts", account="1000000001", till="123456", balance="9000000", **pushes)
        for name, role in PEOPLE.items():
            person = get_user_model().objects.create_user(name, password=PASSWORD, is_staff=True)
            person.groups.add(Group.objects.get(name=role))
            self.cookies[name] = session_of(person)

    def client(self, host: str, name: str, phone: str) -> int:
        """Let a Mifos host have a client whose phone M-Pesa knows under the same name."""
        if phone:
            self.outside.post("daraja/phones", phone=phone, name=name.upper())
        return int(self.outside.post(f"fineract/{host}/clients", name=name, mobile_no=phone or None)["id"])

    def approve(self, host: str, name: str, phone: str, principal: int = 9500, **fields: Any) -> int:
        """Let a new client of a partner ask for a loan, and the office approve it; return the loan's id."""
        client = self.client(host, name, phone)
        asked = {"client_id": client, "product_id": 1, "principal": str(principal), "approve": True}
        return int(self.outside.post(f"fineract/{host}/loans", **asked | fields)["id"])

    def pay(self, bill_ref: str, phone: str, amount: int) -> str:
        """Let a customer pay into the paybill; return M-Pesa's receipt."""
        paid = self.outside.post(
            "daraja/pay", shortcode="600100", phone=phone, amount=str(amount), bill_ref=bill_ref
        )
        return str(paid["receipt"])

    def last_sms(self, phone: str, containing: str) -> str:
        """Wait for a message on a phone, and return its text."""

        def found() -> list[str]:
            texts = [
                one["text"] for one in self.outside.get("books")["damza"]["messages"] if one["to"] == phone
            ]
            return [text for text in texts if containing in text]

        eventually(found, f"an SMS with {containing!r}")
        return found()[-1]

    def child(self, name: str) -> Child:
        return next(child for child in self.supervisor.children if child.name == name)


def _app(key: str) -> dict[str, str]:
    return {"consumer_key": f"consumer-key-{key}", "consumer_secret": f"consumer-secret-{key}"}


def session_of(person: Any) -> str:
    """Log somebody in behind the login page, as with a second factor of just now, and return the cookie."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session[freshness.BEGUN] = session[freshness.SEEN] = session[freshness.FACTOR_AT] = time.time()
    session.set_expiry(timedelta(hours=4))
    session.create()
    return str(session.session_key)
