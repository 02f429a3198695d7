"""Whether a partner is ready to pay: its six steps, each with a sentence about what is and what to do next.

The facts of many partners are read at once, so that a list costs as many queries as one partner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.tones import Tone
from partners.models import Partner
from vault.wizard import judging
from vault.wizard.facts import Facts, read
from vault.wizard.judging import Finding

STEPS: tuple[tuple[str, str], ...] = (
    ("partner", "Partner"),
    ("mifos", "Mifos"),
    ("shortcodes", "Shortcodes"),
    ("wallet", "Wallet and tariff"),
    ("sms", "SMS"),
    ("keys", "Keys and users"),
)
NEEDED = frozenset({"partner", "mifos", "shortcodes", "wallet"})
PROVED = frozenset({"mifos", "shortcodes", "sms"})  # green by what somebody outside said


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: how it stands, and what would bring it further. `needed`: nothing is paid without it."""

    number: int
    slug: str
    title: str
    tone: Tone
    words: str
    todo: str = ""
    needed: bool = False

    @property
    def green(self) -> bool:
        return self.tone == Tone.SETTLED

    @property
    def state(self) -> str:
        """The tone in a word, since colour never stands alone."""
        return "done" if self.green and self.slug not in PROVED else _STATES[self.tone]


_STATES = {
    Tone.SETTLED: "proved",
    Tone.MOVING: "under way",
    Tone.WAITING: "not proved",
    Tone.UNKNOWN: "unknown",
    Tone.PERSON: "does not work",
    Tone.OFF: "to do",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How far a partner is. `hindrance` is what keeps a partner that is set up from paying right now."""

    partner: Partner
    steps: tuple[Step, ...]
    hindrance: Finding | None

    @property
    def green(self) -> int:
        return sum(step.green for step in self.steps)

    @property
    def set_up(self) -> bool:
        """Whether every step that paying needs is proved."""
        return all(step.green for step in self.steps if step.needed)

    @property
    def ready(self) -> bool:
        """Whether a partner may be called ready: all six steps are green, and nothing hinders it."""
        return self.next_step is None and self.hindrance is None

    @property
    def next_step(self) -> Step | None:
        """The first step that is not green, those that paying needs before the others."""
        undone = [step for step in self.steps if not step.green]
        return next((step for step in undone if step.needed), undone[0] if undone else None)

    @property
    def tone(self) -> Tone:
        if not self.set_up:
            step = self.next_step
            return step.tone if step else Tone.OFF
        if self.hindrance:
            return self.hindrance.tone
        return Tone.WAITING if self.next_step else Tone.SETTLED

    @property
    def sentence(self) -> str:
        """Say in one sentence how the partner is, and what to do next."""
        step = self.next_step
        if not self.set_up and step:
            return f"Not ready to pay. {step.title}: {step.words} {step.todo}".strip()
        if self.hindrance:
            return f"Set up, but cannot pay now: {self.hindrance.words} {self.hindrance.todo}".strip()
        if step:
            return f"Loans are paid, but the set-up is not finished. {step.title}: {step.words} {step.todo}".strip()
        return "Ready to pay; all six steps are green."

    @property
    def progress(self) -> str:
        return f"Set-up: {self.green} of {len(self.steps)} green"


def of_partner(partner: Partner, *, at: datetime) -> Readiness:
    """Say how far one partner is."""
    return of_partners([partner], at=at)[partner.pk]


def of_partners(partners: Sequence[Partner], *, at: datetime) -> dict[UUID, Readiness]:
    """Say of each partner how far it is, with a constant number of queries."""
    found = read(partners, at=at)
    return {partner.pk: _judge(found[partner.pk]) for partner in partners}


def _judge(facts: Facts) -> Readiness:
    return Readiness(
        partner=facts.partner,
        steps=tuple(
            _step(number, slug, title, judging.JUDGES[slug](facts))
            for number, (slug, title) in enumerate(STEPS, start=1)
        ),
        hindrance=judging.hindrance(facts),
    )


def _step(number: int, slug: str, title: str, found: Finding) -> Step:
    return Step(
        number=number,
        slug=slug,
        title=title,
        tone=found.tone,
        words=found.words,
        todo=found.todo,
        needed=slug in NEEDED,
    )
