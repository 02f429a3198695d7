"""`make chaos`: hundreds of loans and payments through all that can go wrong; then the books must agree."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vault import embedded
from vault.running import harm, storm
from vault.running.ground import OPENING, Ground, Lender
from vault.running.money_ground import MoneyGround
from vault.running.outside import Refused
from vault.running.paybill_ground import Paybill, PaybillGround
from vault.running.processes import CannotStart, Say, Supervisor

if TYPE_CHECKING:  # these need Django's settings, which need the services to run
    from vault.running.money_chaos import MoneyChaos
    from vault.running.paybill_chaos import PaybillChaos
    from vault.running.verdict import Verdict

# Float is bought as soon as a few loans are paid.
RULE = {"below": OPENING["opening_float"] - 50_000, "buy": 200_000, "max_per_day": 100_000_000}
WALLET = OPENING | {"auto_float": RULE}
LENDERS = (
    Lender(code="kilimo", first_phone=254710000000, wallet=WALLET),
    Lender(code="pwani", first_phone=254720000000, release="develop", own_shortcode="600200", wallet=WALLET),
    Lender(code="mlima", first_phone=254724000000, release="develop", wallet=WALLET),
    Lender(code="ziwa", first_phone=254790000000, own_shortcode="600300", wallet=WALLET),
)
PAYBILLS = {
    "kilimo": Paybill(number="600510", rule={"refuse_unknown": True, "prefer": "loan"}),
    "pwani": Paybill(number="600520", version="v1", validates=False, rule={"excess": "savings"}),
    "mlima": Paybill(number="600530", version="v1", rule={"by_payer": True}),
    "ziwa": Paybill(number="600540", validates=False, pulls=False, rule={"excess": "post", "prefer": "loan"}),
}
LOANS, PAYMENTS = 300, 300
LONGEST_CALM = 900.0  # seconds; the longest gap between two tries of something that failed often is 5 minutes
LONGEST_STORM = 240.0  # after the last approval
STORM_SHARE = 0.95  # of the loans that were sent at least once before the faults end
LOOK_SECONDS = 2.0
FINAL = ("Completed", "Cancelled", "Declined", "Expired")
SHOWN = 40


@dataclass(kw_only=True)
class ChaosGround(MoneyGround, PaybillGround):
    """All processes, with customers who pay and a bank."""


@dataclass(kw_only=True)
class Chaos:
    """One run; `run` does everything."""

    ground: "ChaosGround"
    seed: int
    loans: int
    payments: int
    say: Say
    paying: "PaybillChaos" = field(init=False)
    money: "MoneyChaos" = field(init=False)
    kills: list[str] = field(default_factory=list)
    lifted: list[str] = field(default_factory=list)  # why the platform had paused something

    def run(self) -> int:
        """Play the storm, wait for the calm, judge, and return the exit code."""
        self.say("Starting everything …")
        self.ground.start()
        use_django(self.ground.platform.environment)
        from vault.running.money_chaos import MoneyChaos  # these need Django's settings
        from vault.running.paybill_chaos import PaybillChaos

        self.paying = PaybillChaos(ground=self.ground, seed=self.seed, payments=self.payments)
        self.money = MoneyChaos(ground=self.ground, seed=self.seed)
        drawn = storm.draw(self.seed, loans=self.loans, lenders=list(self.ground.codes()))
        self._register_hooks()
        begun = time.monotonic()
        self._play(drawn)
        played = self.ground.end_faults()
        self.say(
            f"The storm is over after {time.monotonic() - begun:.0f} s: {played} faults, {len(self.kills)} blows."
        )
        settled_seconds = self._settle()
        return self._report(played, settled_seconds)

    def _register_hooks(self) -> None:
        from mifos import operations as mifos
        from mifos.models import MifosPartner

        for host in MifosPartner.objects.all():
            mifos.register_webhook(mifos_partner_id=host.pk)

    def _play(self, drawn: storm.Storm) -> None:
        dice = random.Random(self.seed)  # noqa: S311 - to be repeated, not to be secret
        latencies = {name: {"p50_ms": p50, "p95_ms": p95} for name, (p50, p95) in storm.LATENCIES.items()}
        self.ground.outside.put("latency", latencies)
        self.ground.outside.put("switches", drawn.switches)
        for rule in drawn.faults:
            self.ground.outside.post("faults", **rule)
        self.paying.begin()
        self.money.begin()
        for step in drawn.steps:
            self.ground.approve(step.lender, count=step.loans, principal=step.principal, charge=step.charge)
            self.money.step()
            self.paying.pay(-(-self.payments // len(drawn.steps)))
            if step.harm:
                self.kills.append(step.harm)
                _harms(self.ground, dice)[step.harm]()
            self.ground.supervisor.pause(step.pause)
        self.paying.pay_the_rest()
        self._until_most_are_sent()

    def _until_most_are_sent(self) -> None:
        """Let the faults go on while the loans that were approved in the storm are being paid."""
        begun = time.monotonic()
        while self._sent() < self.loans * STORM_SHARE and time.monotonic() - begun < LONGEST_STORM:
            self.ground.supervisor.pause(LOOK_SECONDS)

    def _sent(self) -> int:
        from disbursements.models import Attempt

        return int(self._asked(Attempt.objects.count) or 0)

    def _settle(self) -> float:
        """Wait until all has ended, and say how long that took; M-Pesa speaks again of what it was silent about."""
        begun = time.monotonic()
        self._break_silence()
        self._lift_pauses()
        last = begun
        while not self._settled() and time.monotonic() - begun < LONGEST_CALM:
            if time.monotonic() - last > 30:
                last = time.monotonic()
                self.say(f"{last - begun:.0f} s after the storm: {self._left()} are not settled yet.")
            self.ground.supervisor.pause(LOOK_SECONDS)
        return round(time.monotonic() - begun, 1)

    def _break_silence(self) -> None:
        for payout in self.ground.outside.get("daraja/books")["payouts"]:
            if payout["status"] not in FINAL:
                self.ground.outside.post(f"daraja/payouts/{payout['originator_conversation_id']}/result")

    def _lift_pauses(self) -> None:
        """Do what an operator does after trouble: lift what the platform has paused by itself."""
        from django.contrib.auth import get_user_model
        from django.utils import timezone

        from partners import pausing

        operator, _ = get_user_model()._default_manager.get_or_create(username="operator")
        for dial in pausing.active():
            pausing.lift(dial_id=dial.pk, by=operator, at=timezone.now(), reason="The storm is over.")
            self.lifted.append(dial.reason)

    def _settled(self) -> bool:
        from vault.running.verdict import settled

        self._asked(self.paying.search)
        if not self._asked(self.money.settled):
            return False
        return bool(self._asked(lambda: self.paying.settled() and settled(self.ground.approved)))

    def _left(self) -> str:
        from vault.running.verdict import stuck

        loans = self._asked(lambda: len(stuck(self.ground.approved))) or 0
        return f"{loans} loans and {self._asked(self.paying.left) or 0} payments"

    def _asked(self, question: Callable[[], Any]) -> Any:
        """Ask the database, which may just be starting again."""
        from django.db import DatabaseError, connection

        try:
            return question()
        except DatabaseError:
            connection.close()
            return None

    def _report(self, played: int, settled_seconds: float) -> int:
        from vault.running.verdict import judge

        books = self.ground.outside.get("books")
        loans = judge(books, self.ground.approved, utilities={})  # float was bought: the whole is compared
        verdict = loans.joined(self.paying.judge(books)).joined(self.money.judge(books))
        figures = self._figures(verdict, self.paying.made(books), played, settled_seconds)
        path = write(figures)
        for line in verdict.lines()[:SHOWN]:
            self.say(f"  - {line}")
        self.say(json.dumps({name: value for name, value in figures.items() if name != "findings"}))
        self.say(f"Written to {path}. " + ("All agrees." if verdict.good else "IT DOES NOT AGREE."))
        return 0 if verdict.good else 1

    def _figures(
        self, verdict: "Verdict", payments: int, played: int, settled_seconds: float
    ) -> dict[str, Any]:
        from vault.running import paybill_chaos

        return {
            "seed": self.seed,
            "loans": len(self.ground.approved),
            "payments": payments,
            **self.money.made(),
            "faults_played": played,
            "kills": len(self.kills),
            "paid_twice": len(verdict.paid_twice),
            "lost": len(verdict.lost),
            "stuck": len(verdict.stuck),
            "book_difference": len(verdict.book_difference),
            "settled_seconds": settled_seconds,
            "blows": {name: self.kills.count(name) for name in storm.HARMS if name in self.kills},
            "pauses_lifted": self.lifted,
            "statuses": statuses(),
            "payment_statuses": paybill_chaos.statuses(),
            "payments_found_later": paybill_chaos.found_later(),
            "findings": verdict.lines(),
        }


def _harms(ground: Ground, dice: random.Random) -> Mapping[str, Callable[[], None]]:
    return {
        "kill worker-payouts": lambda: harm.kill(ground, "worker-payouts"),
        "kill worker-mifos": lambda: harm.kill(ground, "worker-mifos"),
        "kill web": lambda: harm.kill(ground, "web"),
        "kill beat": lambda: harm.kill(ground, "beat"),
        "kill a web worker": lambda: harm.kill_web_worker(ground, dice),
        "kill redis": lambda: harm.kill_redis(ground),
        "flush redis": lambda: harm.flush_redis(ground),
        "restart postgres": lambda: harm.restart_postgres(ground),
    }


def use_django(environment: Mapping[str, str]) -> None:
    """Make Django usable in this process, on the ground's database."""
    os.environ.update(dict(environment) | {"LOG_LEVEL": "WARNING"})
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vault.settings")
    import django

    django.setup()


def statuses() -> dict[str, int]:
    """Count our disbursements by status."""
    from django.db.models import Count

    from disbursements.models import Disbursement

    counted = Disbursement.objects.order_by().values_list("status").annotate(Count("pk"))
    return dict(counted)


def write(figures: Mapping[str, Any]) -> Path:
    """Write the figures where programs look for them."""
    path = embedded.RUN_DIR / "chaos.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    return path


def run(*, seed: int, loans: int, payments: int, say: Say) -> int:
    """Play one storm in a run directory of its own, so that nobody else's servers are hurt.

    :raises AlreadyRunning: another chaos run is under way here
    :raises CannotStart: a part did not start
    """
    with Supervisor(embedded.RUN_DIR / "chaos", say=say) as supervisor:
        ground = ChaosGround(supervisor=supervisor, lenders=LENDERS, seed=seed, paybills=PAYBILLS)
        try:
            return Chaos(ground=ground, seed=seed, loans=loans, payments=payments, say=say).run()
        except (Refused, OSError) as exc:
            raise CannotStart(f"The sandbox does not play any more: {exc}") from exc
