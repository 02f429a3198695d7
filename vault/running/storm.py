"""What goes wrong in a chaos run, and when: drawn from the seed alone, so that a run can be repeated."""

import random
from dataclasses import dataclass, field
from typing import Any

# system, operation, kind, share of the calls, parameters
FAULTS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("daraja", "b2c", "lost", 0.05, {}),
    ("daraja", "b2c", "html_after", 0.03, {}),
    ("daraja", "b2c", "html", 0.03, {}),
    ("daraja", "b2c", "refuse", 0.02, {}),
    ("daraja", "b2c", "error_500", 0.02, {}),
    ("daraja", "b2c", "empty", 0.02, {}),
    ("daraja", "b2c", "dropped", 0.03, {}),
    ("daraja", "b2c", "slow", 0.04, {"seconds": 3}),
    ("daraja", "b2c", "slow_after", 0.04, {"seconds": 3}),
    ("daraja", "b2c", "spike_arrest", 0.01, {}),
    ("daraja", "b2c", "maintenance", 0.01, {}),
    ("daraja", "b2c", "apigee_fault", 0.01, {}),
    ("daraja", "b2c", "incapsula_html", 0.01, {}),
    ("daraja", "b2c", "html_200", 0.02, {}),
    ("daraja", "b2c", "error_200", 0.01, {}),
    ("daraja", "b2c", "token_404", 0.01, {}),
    ("daraja", "b2c", "duplicate_text_as_internal_error", 0.02, {"accepted": True}),
    ("daraja", "b2c", "duplicate_text_as_internal_error", 0.02, {}),
    ("daraja", "b2c", "result_lost", 0.05, {}),
    ("daraja", "b2c", "result_twice", 0.05, {}),
    ("daraja", "b2c", "result_late", 0.04, {"seconds": 12}),
    ("daraja", "b2c", "result_before_answer", 0.05, {}),
    ("daraja", "b2c", "result_contradicting", 0.01, {}),
    ("daraja", "b2c", "result_forged", 0.01, {"TransactionAmount": 1}),
    ("daraja", "b2c", "result_garbage", 0.02, {"body": "broken"}),
    ("daraja", "b2c", "result_code", 0.01, {"code": 17, "paid": True}),
    ("daraja", "b2c", "queue_timeout", 0.02, {"then": "result", "seconds": 2}),
    ("daraja", "b2c", "queue_timeout", 0.02, {"then": "lost"}),
    ("daraja", "b2c", "queue_timeout", 0.01, {"then": "never"}),
    ("daraja", "b2c", "silent", 0.01, {}),
    ("daraja", "token", "lost", 0.05, {}),
    ("daraja", "token", "html", 0.05, {}),
    ("daraja", "status", "lost", 0.05, {}),
    ("daraja", "status", "html", 0.05, {}),
    ("daraja", "status", "status_not_found", 0.08, {}),
    ("daraja", "status", "status_value", 0.03, {"value": "Initiated"}),
    ("daraja", "status", "result_lost", 0.05, {}),
    ("daraja", "status", "result_twice", 0.05, {}),
    ("daraja", "status", "queue_timeout", 0.03, {"then": "never"}),
    ("fineract", "loans", "html", 0.02, {}),
    ("fineract", "loans", "dropped", 0.02, {}),
    ("fineract", "loan", "error_500", 0.01, {}),
    ("fineract", "loan", "empty", 0.01, {}),
    ("fineract", "client", "slow", 0.02, {"seconds": 2}),
    ("fineract", "disburse", "lost", 0.05, {}),
    ("fineract", "disburse", "html_after", 0.03, {}),
    ("fineract", "disburse", "html", 0.03, {}),
    ("fineract", "disburse", "dropped", 0.03, {}),
    ("fineract", "disburse", "slow_after", 0.03, {"seconds": 3}),
    ("fineract", "disburse", "slow_processing", 0.02, {"seconds": 2}),
    ("fineract", "disburse", "booked_error", 0.03, {}),
    ("fineract", "disburse", "conflict", 0.03, {}),
    ("fineract", "disburse", "cob_lock", 0.03, {}),
    ("fineract", "hook", "double", 0.1, {}),
    ("fineract", "hook", "not_delivered", 0.1, {}),
    ("damza", "send", "lost", 0.03, {}),
    ("damza", "send", "html", 0.03, {}),
    ("damza", "send", "refuse", 0.03, {}),
)
# In milliseconds: half of the calls, 95 of 100.
LATENCIES = {
    "daraja.*": (120, 400),
    "daraja.b2c_result": (800, 2500),
    "fineract.*": (40, 150),
    "damza.*": (80, 250),
}
HARMS = (
    "kill worker-payouts",
    "kill worker-mifos",
    "kill a web worker",
    "flush redis",
    "restart postgres",
    "kill web",
    "kill redis",
    "kill beat",
)
WEIGHTS = (6, 5, 4, 4, 3, 2, 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of the storm: loans to approve, and perhaps something that befalls us."""

    lender: str
    loans: int
    principal: int
    charge: int
    pause: float  # seconds, before the next step
    harm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """All that a seed decides."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    switches: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


SWITCHES = {
    "daraja.duplicate_as": ("gateway", "result"),
    "daraja.result_id": ("echo", "gateway"),
    "daraja.result_code_type": ("portal", "int", "string"),
    "daraja.failed_transaction_id": ("real", "generic", "mixed"),
    "daraja.timeout_body": ("flat", "result", "code", "empty"),
    "daraja.reference_item": ("portal", "object", "list"),
    "daraja.key_order": ("portal", "shuffled"),
    "fineract.key_awaiting": ("under_processing", "replay"),
    "fineract.page_shape": ("page_impl", "paged_model"),
    "fineract.total_records": ("right", "zero", "page"),
}


def draw(seed: int, *, loans: int, lenders: list[str]) -> Storm:
    """Draw a storm.

    :param loans: how many are approved in it
    """
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    faults = [
        {
            "system": system,
            "operation": operation,
            "kind": kind,
            "rate": round(share * dice.uniform(0.3, 1.7), 4),
            "params": params,
            "seed": seed,
        }
        for system, operation, kind, share, params in FAULTS
    ]
    switches = {name: dice.choice(choices) for name, choices in SWITCHES.items()}
    return Storm(faults=faults, switches=switches, steps=_steps(dice, loans, lenders))


def _steps(dice: random.Random, loans: int, lenders: list[str]) -> list[Step]:
    steps: list[Step] = []
    left, since_harm = loans, 0
    while left > 0:
        count = min(left, dice.choice((1, 2, 3, 5, 8, 20)))
        principal = dice.randrange(1000, 40000, 100)
        since_harm += 1
        harmed = since_harm >= 3 or dice.random() < 0.2
        steps.append(
            Step(
                lender=dice.choice(lenders),
                loans=count,
                principal=principal,
                charge=dice.choice((0, 0, principal // 100 * 2)),
                pause=round(dice.uniform(0.3, 2.5), 2),
                harm=dice.choices(HARMS, WEIGHTS)[0] if harmed else "",
            )
        )
        since_harm = 0 if harmed else since_harm
        left -= count
    return steps
