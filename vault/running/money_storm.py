"""A storm of money under a seed: what partners, people and customers do, and what befalls us meanwhile."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, connection
from django.utils import timezone

from common.changes import By
from partners.models import Partner
from vault.running import harm
from vault.running.ground import Ground
from vault.running.money_ground import ACCOUNT, TILL
from wallet import asking, topups
from wallet.operations import InsufficientFunds

PAYER = "254711000001"
# system, operation, kind, share of the calls, parameters
FAULTS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("ncba", "token", "html", 0.05, {}),
    ("ncba", "float_purchase", "lost", 0.12, {}),
    ("ncba", "float_purchase", "html", 0.06, {}),
    ("ncba", "float_purchase", "html_after", 0.1, {}),
    ("ncba", "float_purchase", "empty", 0.05, {}),
    ("ncba", "float_purchase", "slow_after", 0.1, {"seconds": 3}),
    ("ncba", "float_purchase", "success_missing", 0.12, {}),
    ("ncba", "float_purchase", "success_false", 0.1, {}),
    ("ncba", "stk_push", "lost", 0.15, {}),
    ("ncba", "stk_push", "html", 0.1, {}),
    ("ncba", "stk_push", "refused", 0.1, {}),
    ("ncba", "stk_query", "query_failed", 0.3, {}),
    ("ncba", "stk", "stk_failed", 0.15, {}),
    ("ncba", "statement", "html", 0.1, {}),
    ("ncba", "push_b", "push_lost", 0.15, {}),
    ("ncba", "push_b", "push_twice", 0.2, {}),
    ("ncba", "push_b", "push_wrong_hash", 0.1, {}),
    ("ncba", "push_c", "push_lost", 0.15, {}),
    ("ncba", "push_c", "push_twice", 0.2, {}),
    ("ncba", "push_c", "push_late", 0.1, {"seconds": 4}),
    ("ncba", "push_c", "push_before_answer", 0.1, {}),
    ("daraja", "b2c", "lost", 0.08, {}),
    ("daraja", "b2c", "html_after", 0.05, {}),
    ("daraja", "b2c", "html", 0.05, {}),
    ("daraja", "b2c", "result_lost", 0.1, {}),
    ("daraja", "b2c", "result_twice", 0.1, {}),
    ("daraja", "b2c", "result_late", 0.06, {"seconds": 4}),
    ("daraja", "b2c", "result_before_answer", 0.06, {}),
    ("daraja", "status", "lost", 0.05, {}),
)
SURELY = ("html", "lost", "success_missing", "empty")
SWITCHES = {"ncba.push_retry_seconds": 3, "ncba.push_retries": 3}
LATENCIES = {"ncba.stk": (500, 1500), "ncba.float_arrival": (300, 1200), "daraja.b2c_result": (200, 800)}
BLOWS = ("worker-mifos", "worker-payouts", "worker-mifos", "web")


@dataclass(kw_only=True)
class MoneyStorm:
    """Plays it; what it counts is what a person outside would have counted."""

    ground: Ground
    people: tuple[AbstractBaseUser, AbstractBaseUser]
    seed: int
    lends: bool = True
    rejected: list[str] = field(default_factory=list)  # wishes that were refused in words, and had no effect
    done: dict[str, int] = field(default_factory=dict)

    def begin(self, *, only: str = "") -> None:
        """Let the faults of the seed begin, those of one system or all."""
        self.dice = random.Random(self.seed)  # noqa: S311 - to be repeated, not to be secret
        self.ground.outside.put("latency", {k: {"p50_ms": a, "p95_ms": b} for k, (a, b) in LATENCIES.items()})
        self.ground.outside.put("switches", SWITCHES)
        self.ground.outside.post("daraja/phones", phone=PAYER, balance="100000000")
        for kind in SURELY:  # each once, whatever the dice say
            self.ground.fault("ncba", "float_purchase", kind, times=1)
        for system, operation, kind, share, params in FAULTS:
            if only not in ("", system):
                continue
            self.ground.fault(system, operation, kind, rate=share, params=params, seed=self.seed)

    def play(self, steps: int, *, blow_every: int) -> None:
        """Let so many things happen, with a `kill -9` now and then."""
        for number in range(steps):
            self.act()
            if number % blow_every == blow_every - 1:
                harm.kill(self.ground, BLOWS[number // blow_every % len(BLOWS)])
            self.ground.supervisor.pause(self.dice.uniform(0.05, 0.3))

    def act(self) -> None:
        """Let one thing happen."""
        acts = [self.push_stk, self.pay_till, self.transfer, self.repeat_notice, self.buy]
        self._try(self.dice.choice(acts + [self.lend] * 2 * self.lends))

    def _try(self, act: Callable[[str], None]) -> None:
        try:
            act(self.dice.choice(list(self.ground.codes())))
        except (asking.CannotBuy, InsufficientFunds, topups.CannotTopUp) as exc:
            self.rejected.append(str(exc))
        except DatabaseError:
            connection.close()
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def push_stk(self, code: str) -> None:
        """Ask a phone for a top-up; sometimes the partner's software asks twice."""
        partner, key, amount = Partner.objects.get(code=code), str(uuid4()), self._amount(1, 40)
        for _ in range(self.dice.choice((1, 1, 2))):
            topups.ask_topup(
                partner_id=partner.pk, phone=PAYER, amount=amount, client_key=key, at=timezone.now()
            )

    def pay_till(self, code: str) -> None:
        """Pay the till, one time in four with a name that nobody has."""
        named = "NOBODY" if self.done.get("pay_till", 0) % 4 == 1 else code.upper()
        self.ground.outside.post(
            "ncba/pay", till=TILL, code=named, phone=PAYER, amount=str(self._amount(1, 60))
        )

    def transfer(self, code: str) -> None:
        """Send money from another bank: told by the account notice and the statement only."""
        narrative = f"{TILL}#{code.upper()}"
        amount = str(self._amount(10, 90))
        self.ground.outside.post("ncba/transfer-in", account=ACCOUNT, amount=amount, narrative=narrative)

    def repeat_notice(self, code: str) -> None:
        """The bank sends an old notice once more."""
        if pushes := self.ground.outside.get("ncba/books")["pushes"]:
            self.ground.outside.post(f"ncba/pushes/{self.dice.choice(pushes)['id']}/send", times=2)

    def buy(self, code: str) -> None:
        """A person asks for float, and a second one agrees (`FLOAT_PURCHASE_CONFIRM`)."""
        partner, (first, second) = Partner.objects.get(code=code), self.people
        wish = asking.Wish(partner_id=partner.pk, amount=self._amount(1, 30), request_id=str(uuid4()))
        for _ in range(2):  # the browser sends it twice
            row = asking.ask(wish=wish, by=By(actor=first), at=timezone.now())
        asking.confirm_as_second(purchase_id=row.pk, by=second, at=timezone.now())

    def lend(self, code: str) -> None:
        """Approve a few loans."""
        count, principal = self.dice.choice((1, 2, 3)), self.dice.randrange(1000, 16000, 100)
        self.ground.approve(code, count=count, principal=principal)

    def rescue(self) -> None:
        """After the storm each partner tops up enough for whatever still waits for money."""
        for code in self.ground.codes():
            self.ground.outside.post(
                "ncba/transfer-in", account=ACCOUNT, amount="2000000", narrative=f"{TILL}#{code.upper()}"
            )

    def _amount(self, low: int, high: int) -> Decimal:
        return Decimal(self.dice.randrange(low * 1000, high * 1000, 50))
