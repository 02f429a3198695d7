"""`make demo`: the platform and a simulated outside on this machine, with loans coming in."""

import os
import random
import secrets
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vault.running import stack
from vault.running.agreement import LoanKey, differences
from vault.running.children import Child
from vault.running.outside import Outside, Refused
from vault.running.processes import CannotStart, Say, Stopped, Supervisor

if TYPE_CHECKING:  # these need Django's settings, which need the services to run
    from vault.running.figures import Figures
    from vault.running.remembered import Memory
    from vault.running.scene import Scene

LOGIN = "operator"
GENTLE_SECONDS = 2.0  # between two approvals when nobody asked for a number
BURST = 10  # loans approved at a time when somebody did
TABLE_SECONDS = 1.0
LONGEST_RUN = (180.0, 3.0)  # seconds, and seconds more for each loan


@dataclass(kw_only=True)
class Demo:
    """One run of the demo; `run` does everything."""

    supervisor: Supervisor
    host: str
    port: int
    given: Mapping[str, str]
    say: Say
    approved: list[LoanKey] = field(default_factory=list)
    news: deque[str] = field(default_factory=lambda: deque(maxlen=5))

    def run(self, *, loans: int | None, exit_when_settled: bool) -> int:
        """Start everything, let loans come in, and show what happens; return the exit code.

        :param loans: approve so many and then no more; None: a gentle stream
        :param exit_when_settled: stop when all have ended, and compare the sandbox's books with ours

        :raises CannotStart: a part did not start
        """
        self.started = time.monotonic()
        stack.check_port(self.host, self.port)
        self._prepare()
        memory, scene = self._build_scene()
        self.links = {
            "Pages": f"{self.platform.address}/admin/",
            "Login": self._login(),
            "Sandbox": self.outside.url,
        }
        self.supervisor.say = self._tell
        self.platform.start_platform()
        self._show_links()
        try:
            return self._play(memory, scene, loans=loans, exit_when_settled=exit_when_settled)
        except Stopped:
            self.say("Stopping …")
            return 0

    def _prepare(self) -> None:
        """Start database, Redis and sandbox, migrate, and make Django usable in this process."""
        self.platform = stack.Stack(
            supervisor=self.supervisor, host=self.host, port=self.port, database="demo"
        )
        self.say("Starting PostgreSQL and Redis …")
        self.platform.start_services(self.given)
        self.outside = Outside(f"http://127.0.0.1:{self._start_sandbox()}")
        self.platform.environment |= self._environment()
        os.environ.update(self.platform.environment | {"LOG_LEVEL": "WARNING"})
        self.say("Migrating the database …")
        self.platform.manage("migrate", "migrate", "--no-input")
        import django

        django.setup()
        from vault.running import remembered, scene

        if others := remembered.strangers(scene.HOSTS):
            raise CannotStart(
                f"This database has partners of its own ({', '.join(others)}); the demo plays elsewhere."
            )
        self.supervisor.wait_until(self.outside.up, what="sandbox")

    def _start_sandbox(self) -> int:
        """Start it on last time's port if that is free, so that its page keeps its address."""
        port = stack.remembered_port(self.supervisor.run_dir / "sandbox-port")
        seed = secrets.randbelow(2**31)
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--seed", str(seed)]
        self.supervisor.start(Child(name="sandbox", command=command, stage=stack.SANDBOX))
        return port

    def _environment(self) -> dict[str, str]:
        paces = {
            "POLL_INTERVAL_SECONDS": "1",
            "SWEEP_INTERVAL_SECONDS": "1",
            "STATUS_QUERY_AFTER_SECONDS": "5",
        }
        return {
            "DEMO": "1",
            "MPESA_BASE_URL": f"{self.outside.url}/daraja",
            "DAMZA_BASE_URL": f"{self.outside.url}/damza",
            "NCBA_OPEN_BANKING_URL": f"{self.outside.url}/ncba",
            "NCBA_TILL_URL": f"{self.outside.url}/ncba-till",
            "NCBA_FLOAT_ROUTE": "float_purchase",
            "ALLOW_PRIVATE_HOSTS": "true",
            "PUBLIC_BASE_URL": self.platform.address,
            "ALLOWED_HOSTS": stack.allowed_hosts(self.platform.address),
            "LOG_LEVEL": self.given.get("LOG_LEVEL", "INFO"),
        } | {name: self.given.get(name, value) for name, value in paces.items()}

    def _build_scene(self) -> "tuple[Memory, Scene]":
        from vault.running import money_in, remembered, scene

        memory = remembered.memory(scene.HOSTS)
        if memory.unfinished:
            self.say(f"{len(memory.unfinished)} loans of the last run are still under way; they go on.")
        dice = random.Random()  # noqa: S311 - names and amounts for show
        play = scene.Scene(self.outside, dice, money_in.MoneyIn(outside=self.outside, dice=dice))
        play.set_up(memory, now=self._now())
        free_float = remembered.free_float("kilimo")
        self.platform.environment |= play.environment(self.supervisor.run_dir / "demo", free_float=free_float)
        self.say("Setting up two partners …")
        self.platform.manage("apply", "apply", str(scene.SETUP_FILE))
        remembered.forget_statement(self._now())
        play.money.connect()
        return memory, play

    def _login(self) -> str:
        """Make the operator's login at the first time; its password is kept, so that a later start shows it."""
        from django.contrib.auth import get_user_model

        path = self.supervisor.run_dir / "demo-login"
        password = path.read_text().strip() if path.exists() else secrets.token_urlsafe(9)
        _write_private(path, password)
        users = get_user_model()._default_manager
        user, _ = users.get_or_create(username=LOGIN, defaults={"is_staff": True, "is_superuser": True})
        if not user.check_password(password):
            user.set_password(password)
            user.save()
        return f"{LOGIN} / {password}"

    def _tell(self, text: str) -> None:
        """Show a line of the supervisor's under the table, or as it is where there is no table."""
        self.news.append(text)
        if not sys.stdout.isatty():
            self.say(text)

    def _show_links(self) -> None:
        self.say(f"Running after {time.monotonic() - self.started:.0f} s.")
        for name, address in self.links.items():
            self.say(f"{name:<8} {address}")

    def _play(self, memory: "Memory", scene: "Scene", *, loans: int | None, exit_when_settled: bool) -> int:
        from vault.running.showing import Picture

        since, begun = self._now(), time.monotonic()
        scene.money.bring_back_orders()
        limit = LONGEST_RUN[0] + LONGEST_RUN[1] * (loans or 0)
        with Picture(self.links, self.news, say=self.say) as picture:
            while True:
                self._approve(scene, loans=loans, seconds=time.monotonic() - begun)
                self._pay_in(memory, scene, loans=loans, seconds=time.monotonic() - begun)
                figures = self._read(memory, since)
                if figures is not None:
                    picture.show(figures)
                    if exit_when_settled and self._all_settled(figures, scene, since, loans=loans):
                        break
                if exit_when_settled and time.monotonic() - begun > limit:
                    break
                self.supervisor.pause(0.2 if loans and len(self.approved) < loans else TABLE_SECONDS)
        return self._judge(memory, since, seconds=time.monotonic() - begun)

    def _approve(self, scene: "Scene", *, loans: int | None, seconds: float) -> None:
        """Approve what is due by now, by turns at the two hosts."""
        from vault.running.scene import HOSTS

        due = min(loans, len(self.approved) + BURST) if loans else int(seconds / GENTLE_SECONDS) + 1
        names = list(HOSTS)
        try:
            while len(self.approved) < due:
                self.approved.append(scene.approve_loan(names[len(self.approved) % len(names)]))
        except (Refused, OSError) as exc:
            raise CannotStart(
                f"The sandbox does not play any more, and its world is gone with it: {exc}"
            ) from exc

    def _pay_in(self, memory: "Memory", scene: "Scene", *, loans: int | None, seconds: float) -> None:
        """Let partners top up and customers pay what is due by now."""
        from django.db import DatabaseError, connection

        from vault.running import money_in

        topups, payments = money_in.due(loans=loans, seconds=seconds)
        try:
            scene.money.pay(topups=topups, payments=payments, first_loan_id=memory.first_loan_id)
        except DatabaseError:  # told by whoever reads the figures
            connection.close()

    def _all_settled(self, figures: "Figures", scene: "Scene", since: datetime, *, loans: int | None) -> bool:
        from vault.running import money_in

        topups, payments = money_in.due(loans=loans, seconds=0)
        if len(self.approved) != loans or not figures.all_settled:
            return False
        return scene.money.payments >= payments and money_in.settled(
            topups=topups, payments=payments, since=since
        )

    def _read(self, memory: "Memory", since: datetime) -> "Figures | None":
        """Ask the database; it may be down for a moment, and the show goes on."""
        from django.db import DatabaseError, connection

        from vault.running import figures, scene

        try:
            return figures.read(
                hosts=scene.HOSTS,
                first_loan_id=memory.first_loan_id,
                since=since,
                approved=len(self.approved),
            )
        except DatabaseError as exc:
            connection.close()
            self._tell(f"The database cannot be asked at the moment ({type(exc).__name__})")
            return None

    def _judge(self, memory: "Memory", since: datetime, *, seconds: float) -> int:
        """Compare the books, print the summary, and return the exit code."""
        from vault.running import figures, money_agreement, money_in, money_rows, remembered
        from vault.running.scene import HOSTS

        books = self.outside.get("books")
        paid = [payout["originator_conversation_id"] for payout in books["daraja"]["payouts"]]
        ours = remembered.our_payouts(memory.first_loan_id, hosts=HOSTS, known=paid)
        books = remembered.without_earlier_loans(books, memory.first_loan_id)
        left = figures.stuck(hosts=HOSTS, first_loan_id=memory.first_loan_id, approved=self.approved)
        left += money_rows.under_way(since=since)
        found = differences(books, ours, must_be_paid=self.approved)
        found += money_agreement.differences(
            books, money_rows.read(books, since=since), paybills=money_in.PAYBILLS.values()
        )
        found += money_rows.unsound()
        last = self._read(memory, since)
        self.say(
            f"After {seconds:.0f} s: {figures.as_line(last) if last else 'the database cannot be asked'}"
        )
        self._list("Not settled:", left)
        self._list("The sandbox's books and ours differ:", found)
        if left or found:
            return 1
        self.say(
            f"The sandbox's books agree with ours: {len(self.approved)} loans, each paid once, to the right phone, "
            "in the right amount, active in Mifos with our receipt, and told to the client; each shilling that "
            "came in is in one wallet, one Mifos account or in suspense, and float is bought where the bank paid."
        )
        return 0

    def _list(self, heading: str, lines: list[str]) -> None:
        for line in [heading, *(f"  - {line}" for line in lines)] if lines else []:
            self.say(line)

    @staticmethod
    def _now() -> datetime:
        from django.utils import timezone

        return timezone.now()


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{text}\n")
