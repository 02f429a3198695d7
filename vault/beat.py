"""What beats, as data: which task is woken how often, and by which queue each kind of waiting is taken.

A beat only wakes; what is due stands in PostgreSQL. A wake-up that nobody took in time is dropped (`expires`),
so that none pile up while the workers are away.
"""

from typing import Any, Protocol

SHORTEST_EXPIRY = 10.0

# Task -> seconds, for those that have a pace of their own.
STEADY: dict[str, float] = {
    "c2b.tasks.note_receipts_sent": 30.0,
    "disbursements.tasks.watch": 60.0,
    "wallet.tasks.sweep_money_in": 1.0,
    "wallet.float_tasks.sweep_purchases": 2.0,
    "wallet.float_tasks.follow_rules": 15.0,
    "wallet.float_tasks.sweep_balances": 15.0,
    "wallet.float_tasks.charge_sms": 60.0,
    "wallet.float_tasks.prove_nightly": 600.0,  # due once a night
    "partners.tasks.note_key_use": 60.0,
    "partners.tasks.purge_idempotency_keys": 3600.0,
    "sms.tasks.sweep": 2.0,
    "sms.tasks.apply_reports": 1.0,
    "sms.tasks.poll_delivery_reports": 15.0,
    "sms.tasks.check_credit": 600.0,
    "vault.tasks.publish_events": 1.0,
    "vault.tasks.note_minute": 30.0,  # so that no minute is missed; one is counted once
    "vault.tasks.close_days": 900.0,  # writes a day once
    "vault.tasks.prune_entrance": 3600.0,  # of a day, but a beat that is restarted every day must not miss it
    "vault.tasks.tell_of_disabled_endpoints": 60.0,
    "partners.events.tasks.sweep": 2.0,
}
# Those that go at SWEEP_INTERVAL_SECONDS.
SWEEPS = ("disbursements.tasks.sweep_due", "disbursements.tasks.sweep_hosts", "c2b.tasks.sweep")

# What is not named here goes to `default`. (A queue on the task itself is on its way out of Celery.)
QUEUES: dict[str, tuple[str, ...]] = {
    "payouts": (
        "disbursements.tasks.pay",
        "disbursements.tasks.recover",
        "disbursements.tasks.ask",
        "disbursements.tasks.apply_message",
        "disbursements.tasks.try_again",
    ),
    "recording": ("disbursements.tasks.record",),  # what is paid does not queue behind what is to be checked
    "mifos": (
        "disbursements.tasks.check",
        "disbursements.tasks.poll_host",
        "disbursements.tasks.watch_tranches",
        "disbursements.tasks.apply_hook",
    ),
    "collections": (  # they wait for the bank or M-Pesa, and hold up no payout
        "wallet.tasks.step_topup",
        "wallet.tasks.apply_notice",
        "wallet.tasks.read_statement",
        "wallet.float_tasks.buy",
        "wallet.float_tasks.recover",
        "wallet.float_tasks.look",
        "wallet.float_tasks.ask_balance",
        "c2b.tasks.match",
        "c2b.tasks.give_back",
        "c2b.tasks.apply_reversal",
        "c2b.tasks.post",
        "c2b.tasks.apply_prompt",
        "c2b.tasks.ask_prompt",
        "c2b.tasks.pull",
    ),
    "sms": ("sms.tasks.*",),
    "webhooks": ("partners.events.tasks.drain",),  # partners' own servers, which nobody else waits for
}


class Paces(Protocol):
    """The settings that the schedule depends on."""

    SWEEP_INTERVAL_SECONDS: float


def schedule(settings: Paces) -> dict[str, dict[str, Any]]:
    """Return the schedule in Celery's form."""
    paces = STEADY | dict.fromkeys(SWEEPS, settings.SWEEP_INTERVAL_SECONDS)
    return {
        task: {"task": task, "schedule": seconds, "options": {"expires": max(SHORTEST_EXPIRY, 2 * seconds)}}
        for task, seconds in paces.items()
    }


def routes() -> dict[str, dict[str, str]]:
    """Return the queue of each task in Celery's form."""
    return {task: {"queue": queue} for queue, tasks in QUEUES.items() for task in tasks}
