"""Look into the running platform's database, wait for what should come true, and let time pass."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import unquote

import environ
from django.db import DatabaseError, connections
from django.utils import timezone

from common.models import InboundMessage
from disbursements.models import Disbursement
from mifos.models import MifosPartner
from sms.models import SmsNotification
from vault.running import verdict
from vault.running.agreement import LoanKey
from vault.running.ground import Ground
from vault.running.verdict import TELLING

SETTLES_WITHIN = 120.0


@contextmanager
def platform_database(url: str) -> Iterator[None]:
    """Let the default connection lead to the platform's database."""
    usual = connections["default"]
    config = environ.Env.db_url_config(url)
    config["HOST"] = unquote(config["HOST"])
    other = type(usual)({**usual.settings_dict, **config}, alias="default")
    connections["default"] = other
    try:
        yield
    finally:
        other.close()
        connections["default"] = usual


def eventually(fact: Callable[[], object], what: str, seconds: float = 30.0) -> float:
    """Wait until it is true, and return the seconds that this took."""
    begun = time.monotonic()
    while not asked(fact):
        assert time.monotonic() - begun < seconds, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - begun


def asked(fact: Callable[[], object]) -> object:
    try:
        return fact()
    except DatabaseError:  # PostgreSQL is just starting again
        connections["default"].close()
        return False


def disbursement(key: LoanKey) -> Disbursement:
    return Disbursement.objects.get(mifos_partner__partner__code=key[0], mifos_loan_id=key[1])


def completed(keys: Collection[LoanKey]) -> bool:
    """Whether all of these are completed."""
    rows = Disbursement.objects.filter(status="completed")
    done = set(rows.values_list("mifos_partner__partner__code", "mifos_loan_id"))
    return done >= set(keys)


def hurry(keys: Collection[LoanKey]) -> bool:
    """Let the waiting time of whatever waits be over, as if it had passed; say whether all is settled.

    What never would be taken up again (no next step) stays as it is, and so shows as stuck.
    """
    now = timezone.now()
    soon = now + timedelta(seconds=3)
    quiet = Disbursement.objects.filter(moved_at__lt=now - timedelta(seconds=4))
    quiet.filter(next_step_at__gt=soon).update(next_step_at=now, queued_at=None)
    InboundMessage.objects.filter(applied_at__isnull=True, next_step_at__gt=soon).update(next_step_at=now)
    told = SmsNotification.objects.filter(status__in=TELLING, moved_at__lt=now - timedelta(seconds=4))
    told.filter(next_step_at__gt=soon).update(next_step_at=now)
    MifosPartner.objects.filter(retry_at__gt=now).update(retry_at=None)
    often = MifosPartner.objects.filter(poll_seconds__lt=60, next_step_at__gt=soon)
    often.update(next_step_at=now)
    return verdict.settled(keys)


def assert_the_books_agree(ground: Ground) -> None:
    """Let everything end, then hold our books against the sandbox's."""
    begun = time.monotonic()
    while not asked(lambda: hurry(ground.approved)):
        if time.monotonic() - begun > SETTLES_WITHIN:
            break
        time.sleep(0.5)
    found = verdict.judge(ground.outside.get("books"), ground.approved, utilities=ground.utilities())
    assert found.good, "\n".join(found.lines())
