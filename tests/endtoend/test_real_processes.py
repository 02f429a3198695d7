"""The whole platform as it runs, against a sandbox that misbehaves, with parts of it killed: no loan is paid twice."""

import json
import time
import urllib.error
import urllib.request

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from common.models import InboundMessage
from disbursements.models import Attempt, Disbursement, Event
from disbursements.sweeping import IN_HAND
from mifos import operations as mifos
from mifos.models import MifosPartner
from tests.endtoend.platform import assert_the_books_agree, completed, disbursement, eventually
from vault.running import harm
from vault.running.agreement import LoanKey
from vault.running.ground import Ground

pytestmark = pytest.mark.processes

# Each is played once or a few times, in this order; `daraja.b2c` needs about as many loans as there are lines.
OUTSIDE = [
    ("daraja", "token", "lost", 1, {}),
    ("daraja", "b2c", "lost", 2, {}),
    ("daraja", "b2c", "html", 1, {}),
    ("daraja", "b2c", "html_after", 2, {}),
    ("daraja", "b2c", "dropped", 1, {}),
    ("daraja", "b2c", "error_500", 1, {}),
    ("daraja", "b2c", "result_lost", 2, {}),
    ("daraja", "b2c", "result_twice", 2, {}),
    ("daraja", "b2c", "result_before_answer", 2, {}),
    ("daraja", "b2c", "result_late", 2, {"seconds": 8}),
    ("daraja", "b2c", "queue_timeout", 1, {"then": "result", "seconds": 1}),
    ("daraja", "b2c", "queue_timeout", 1, {"then": "lost"}),
    ("daraja", "b2c", "queue_timeout", 1, {"then": "never"}),
    ("daraja", "b2c", "result_garbage", 1, {"body": "html"}),
    ("daraja", "b2c", "result_code", 1, {"code": 17, "paid": True}),
    ("daraja", "status", "lost", 2, {}),
    ("daraja", "status", "status_not_found", 3, {}),
    ("daraja", "status", "result_twice", 2, {}),
    ("fineract", "loans", "html", 1, {}),
    ("fineract", "disburse", "lost", 2, {}),
    ("fineract", "disburse", "html_after", 2, {}),
    ("fineract", "disburse", "slow_processing", 2, {"seconds": 4}),
    ("fineract", "disburse", "conflict", 2, {}),
    ("fineract", "disburse", "cob_lock", 2, {}),
]


def test_a_worker_killed_while_sending_pays_nobody_twice_and_forgets_nobody(ground: Ground) -> None:
    # Before and after M-Pesa has taken the request; more often than there are loans, since a token may be renewed.
    ground.fault("daraja", "b2c", "slow", times=4, params={"seconds": 10})
    ground.fault("daraja", "b2c", "slow_after", times=20, params={"seconds": 10})
    ground.approve("kilimo", count=4)
    ground.approve("pwani", count=4, charge=100)
    eventually(lambda: _sending().count() >= 4, "four requests are on their way")
    caught = list(_sending().values_list("pk", flat=True))

    harm.kill(ground, "worker-payouts")

    left = set(_sending().values_list("pk", flat=True)) & set(caught)
    assert len(left) >= 3, "committed before a byte left, and nobody noted an answer"
    assert_the_books_agree(ground)
    assert completed(ground.approved)
    assert set(Attempt.objects.filter(pk__in=caught).values_list("status", flat=True)) == {"paid"}


def test_whatever_goes_wrong_outside_and_inside_each_loan_is_paid_once(ground: Ground) -> None:
    for system, operation, kind, times, params in OUTSIDE:
        ground.fault(system, operation, kind, times=times, params=params)
    for code in ("kilimo", "pwani"):
        ground.approve(code, count=8)
    eventually(lambda: Attempt.objects.exclude(status="paid").exists(), "payments are under way")
    harm.flush_redis(ground)
    ground.approve("kilimo", count=4, charge=50)
    harm.restart_postgres(ground)
    ground.approve("pwani", count=4)
    harm.kill(ground, "worker-mifos")
    harm.kill(ground, "web")

    assert_the_books_agree(ground)

    failed = Disbursement.objects.filter(status="failed")
    assert [row.attention != "" for row in failed] == [True]  # the one whose queue timed out for good
    assert {rule["kind"] for rule in ground.outside.get("faults") if not rule["played"]} == set()


def test_an_approval_wakes_the_poll_and_a_stranger_does_not(ground: Ground) -> None:
    ground.outside.post("fineract/hosts", host="mlima", first_loan_id=500_001)
    host = MifosPartner.objects.get(partner__code="mlima")
    mifos.register_webhook(mifos_partner_id=host.pk)
    assert host.last_poll_at, "the first poll was at the start; the next is an hour away"

    [woken] = ground.approve("mlima")
    eventually(lambda: completed([woken]), "the hook woke us", seconds=20)

    ground.fault("fineract", "hook", "not_delivered")
    [silent] = ground.approve("mlima")
    assert _post_hook(mifos.webhook_address(host).replace("/mifos/", "/mifos/0"), silent[1]) == 404
    stranger = MifosPartner.objects.get(partner__code="pwani")
    assert _post_hook(mifos.webhook_address(stranger), silent[1]) == 200
    message = InboundMessage.objects.filter(subject_id=stranger.pk, body__contains=str(silent[1]))
    eventually(lambda: message.filter(applied_at__isnull=False).exists(), "the stranger's hook is looked at")
    assert "Mifos does not show it" in message.get().outcome
    assert not Disbursement.objects.filter(mifos_loan_id=silent[1]).exists()

    assert _post_hook(mifos.webhook_address(host), silent[1]) == 200
    eventually(lambda: completed([silent]), "the right hook woke us", seconds=20)
    assert_the_books_agree(ground)


def test_a_host_that_hangs_does_not_delay_another(ground: Ground) -> None:
    ground.fault("fineract", "*", "slow", match={"host": "ziwa"}, params={"seconds": 30})
    ground.approve("ziwa", count=60)
    time.sleep(3)  # the host's slots are taken, and its rows come back again and again

    [single] = ground.approve("kilimo")

    took = eventually(lambda: completed([single]), "the other partner's loan is completed", seconds=60)
    assert took < 10, story(single)


def test_a_partner_with_300_loans_lets_another_pass(ground: Ground) -> None:
    ground.approve("pwani", count=300)
    eventually(lambda: _of("pwani").count() >= 150, "the crowd is seen")
    since = timezone.now()

    [single] = ground.approve("kilimo")

    eventually(lambda: completed([single]), "the other partner's loan is completed", seconds=60)
    # Both its check and its write-back wait behind what may be in the workers' hands, not behind the crowd.
    row = disbursement(single)
    crowd = Event.objects.filter(disbursement__in=_of("pwani"), at__gte=since)
    checks = crowd.filter(new="ready", at__lte=row.checked_at).count()
    assert checks <= 2 * IN_HAND, f"{checks} of 300 were checked first; {story(single)}"
    written = crowd.filter(new="completed", at__gte=row.settled_at, at__lte=row.completed_at).count()
    assert written <= 2 * IN_HAND, f"{written} of 300 were written back first; {story(single)}"


def story(key: LoanKey) -> str:
    row = disbursement(key)
    return f"seen {row.detected_at}, checked {row.checked_at}, paid {row.settled_at}, done {row.completed_at}"


def _of(code: str) -> "QuerySet[Disbursement]":
    return Disbursement.objects.filter(mifos_partner__partner__code=code)


def _sending() -> "QuerySet[Attempt]":
    return Attempt.objects.filter(status="sending")


def _post_hook(address: str, loan_id: int) -> int:
    body = {"entityName": "LOAN", "actionName": "APPROVE", "response": {"loanId": loan_id}}
    request = urllib.request.Request(
        address, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code
