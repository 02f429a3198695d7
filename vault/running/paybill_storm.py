"""What customers pay in a storm, what they type, and what becomes of M-Pesa's notices: drawn from the seed alone."""

import random
from dataclasses import dataclass, field
from typing import Any

from vault.running.paybill_ground import Borrower

# system, operation, kind, share of the calls, parameters
FAULTS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("daraja", "c2b_validation", "validation_lost", 0.05, {}),
    ("daraja", "c2b_validation", "validation_twice", 0.08, {}),
    ("daraja", "c2b_validation", "confirmation_early", 0.05, {}),
    ("daraja", "c2b_confirmation", "confirmation_lost", 0.08, {}),
    ("daraja", "c2b_confirmation", "confirmation_twice", 0.1, {}),
    ("daraja", "c2b_confirmation", "confirmation_late", 0.05, {"seconds": 12}),
    ("daraja", "c2b_confirmation", "confirmation_out_of_order", 0.06, {"after": 2, "seconds": 10}),
    ("daraja", "c2b_confirmation", "confirmation_garbage", 0.03, {}),
    ("daraja", "c2b_confirmation", "confirmation_forged", 0.02, {"TransAmount": "1.00", "after": True}),
    ("daraja", "pull", "html", 0.1, {}),
    ("daraja", "pull", "lost", 0.1, {}),
    ("fineract", "search", "html", 0.03, {}),
    ("fineract", "search", "error_500", 0.03, {}),
    ("fineract", "search", "slow", 0.03, {"seconds": 2}),
    ("fineract", "transaction", "error_500", 0.03, {}),
    ("fineract", "savings", "dropped", 0.03, {}),
    *(
        ("fineract", operation, kind, share, params)
        for operation in ("repayment", "deposit")
        for kind, share, params in (
            ("lost", 0.06, {}),
            ("html_after", 0.03, {}),
            ("html", 0.03, {}),
            ("dropped", 0.03, {}),
            ("slow_after", 0.03, {"seconds": 3}),
            ("slow_processing", 0.02, {"seconds": 2}),
            ("booked_error", 0.03, {}),
            ("conflict", 0.03, {}),
            ("cob_lock", 0.03, {}),
        )
    ),
)
SWITCHES = {
    "daraja.msisdn_form": (
        "by_version",
        "plain",
        "masked",
        "masked_spaces",
        "sha256",
        "half_masked",
        "mixed",
    ),
    "daraja.c2b_names": ("by_version", "full", "first", "first_alone", "empty", "missing"),
    "daraja.c2b_amount": ("two_places", "whole", "mixed"),
    "daraja.pull_method": ("both", "post"),
    "daraja.pull_shape": ("list", "text"),
    "daraja.pull_none": ("text", "list"),
    "daraja.pull_status_key": ("ResponseStatus", "Response Status"),
    "daraja.pull_msisdn": ("short", "full", "form"),
    "daraja.statement_dates": ("dashed", "iso"),
    "daraja.statement_heading": ("off", "on"),
    "daraja.statement_commas": ("off", "on"),
}
LATENCIES = {"daraja.c2b_confirmation": (200, 1500)}  # milliseconds: half of them, 95 of 100
HABITS = {  # what customers type, and how many in a hundred
    "the loan": 45,
    "the loan, with our prefix": 15,
    "the loan, written as it pleases": 10,
    "the savings": 10,
    "the phone": 5,
    "nothing": 5,
    "letters for digits": 5,
    "something else": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    """One customer who pays: which borrower of which partner, how much, and by what habit the account is typed."""

    lender: str
    borrower: int
    amount: int
    habit: str

    def typed(self, who: Borrower) -> str:
        number = f"{who.loan_id:09d}"
        match self.habit:
            case "the loan":
                return number
            case "the loan, with our prefix":
                return f"L{number}"
            case "the loan, written as it pleases":
                return f"l - {number}"
            case "the savings":
                return f"S{who.savings_id:09d}" if who.savings_id else f"L{number}"
            case "the phone":
                return f"0{who.phone[3:]}"
            case "letters for digits":
                return number.replace("0", "O")
            case "something else":
                return "kwa mama"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaybillStorm:
    """All that a seed decides about payments."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    switches: dict[str, str] = field(default_factory=dict)
    payments: list[Paying] = field(default_factory=list)


def draw(seed: int, *, payments: int, lenders: list[str], borrowers: int) -> PaybillStorm:
    """Draw what happens to so many payments; the loans' storm of the same seed stays what it is without them."""
    dice = random.Random(f"paybill {seed}")  # noqa: S311 - to be repeated, not to be secret
    names = ("system", "operation", "kind", "rate", "params")
    faults = [
        dict(zip(names, (*what, round(share * dice.uniform(0.3, 1.7), 4), params), strict=True))
        | {"seed": seed}
        for *what, share, params in FAULTS
    ]
    drawn = [
        Paying(
            lender=dice.choice(lenders),
            borrower=dice.randrange(borrowers),
            amount=dice.randrange(50, 3000, 10),
            habit=dice.choices(list(HABITS), list(HABITS.values()))[0],
        )
        for _ in range(payments)
    ]
    switches = {name: dice.choice(choices) for name, choices in SWITCHES.items()}
    return PaybillStorm(faults=faults, switches=switches, payments=drawn)
