"""A top-up that is asked for: the phone is asked at most once, and only the bank's notice books it."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.models import AuditLine
from common.moves import ForbiddenMove, LostRace
from common.phone import sha256
from partners.models import Partner
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told, wallet_of
from wallet import bank, crediting, tasks, topups
from wallet.bank_models import TOPUP_NEXT, BankAccount, Channel, TopUp, TopUpEvent, TopUpStatus
from wallet.ncba_shapes import Hint, StatusHint, StkPush, StkTaken
from wallet.operations import Contradiction

pytestmark = pytest.mark.django_db
NOW = make.NOW
AFTER = NOW + timedelta(seconds=900)


@dataclass
class Till:
    """Takes pushes and questions; `plan` holds what to answer next."""

    plan: deque[Any] = field(default_factory=deque)
    pushes: list[StkPush] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    on_push: Any = None

    def push(self, push: StkPush) -> StkTaken:
        self.pushes.append(push)
        if self.on_push:
            self.on_push()
        answer = self.plan.popleft() if self.plan else StkTaken(transaction_id="T1", reference_id="R1")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(self, transaction_id: str) -> StatusHint:
        self.questions.append(transaction_id)
        answer = self.plan.popleft()
        if isinstance(answer, Exception):
            raise answer
        return StatusHint(hint=answer, words=f"it is {answer}")


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    fake = Till()
    monkeypatch.setattr(bank, "till", lambda account: fake)
    monkeypatch.setattr("wallet.topups.timezone.now", lambda: NOW)
    return fake


@pytest.fixture
def account() -> BankAccount:
    return make_bank.account()


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def ask(kilimo: Partner, **changes: Any) -> TopUp:
    wish = {"phone": "0708 374 149", "amount": Decimal(5000), "client_key": "key-1", "at": NOW}
    return topups.ask_topup(partner_id=kilimo.pk, **wish | changes)


def prompted(kilimo: Partner) -> TopUp:
    row = ask(kilimo)
    topups.step(topup_id=row.pk, at=NOW)
    return fresh(row)


def fresh(row: TopUp) -> TopUp:
    return TopUp.objects.get(pk=row.pk)


def test_asking_writes_a_row_and_speaks_to_nobody(account, kilimo, till) -> None:
    amina = User.objects.create_user("amina")
    row = ask(kilimo, by=amina)
    assert (row.status, row.phone, row.reference) == ("asked", make.JANE, "123456#KILIMO")
    assert (fresh(row).next_step_at, till.pushes) == (NOW, [])
    assert AuditLine.objects.get().actor == amina


def test_the_same_key_is_the_same_top_up(account, kilimo, till) -> None:
    assert ask(kilimo) == ask(kilimo)
    assert ask(kilimo, client_key="key-2") != ask(kilimo)
    assert ask(make.partner("jamii")).pk not in (ask(kilimo).pk,)
    for other in ({"amount": Decimal(6000)}, {"phone": "0712000001"}):
        with pytest.raises(Contradiction):
            ask(kilimo, **other)
    assert TopUp.objects.count() == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Decimal(0)},
        {"amount": Decimal(-5)},
        {"amount": Decimal("10.50")},
        {"amount": Decimal(250_001)},
        {"phone": "0202222222"},
        {"phone": ""},
        {"client_key": ""},
        {"client_key": "x" * 101},
    ],
)
def test_what_no_phone_can_be_asked_is_refused_in_words(account, kilimo, till, wrong) -> None:
    with pytest.raises(topups.CannotTopUp):
        ask(kilimo, **wrong)
    assert not TopUp.objects.exists()


def test_without_a_till_or_for_a_partner_that_is_off_nobody_is_asked(kilimo, till) -> None:
    with pytest.raises(topups.CannotTopUp, match="not set up"):
        ask(kilimo)
    make_bank.account(till_password="")
    with pytest.raises(topups.CannotTopUp, match="not set up"):
        ask(kilimo)
    BankAccount.objects.update(is_active=False)
    make_bank.account(account="1000000002")
    Partner.objects.update(is_active=False)
    with pytest.raises(topups.CannotTopUp, match="switched off"):
        ask(kilimo)


def test_the_phone_is_asked_and_its_payment_ends_it(account, kilimo, till) -> None:
    row = prompted(kilimo)
    assert till.pushes == [StkPush(phone=make.JANE, amount=Decimal(5000), account="123456#KILIMO")]
    assert (row.status, row.transaction_id) == ("prompted", "T1")
    crediting.take_credit(account=account, told=told(phone=make.JANE), at=NOW)
    row = fresh(row)
    assert (row.status, row.credit.reference, row.next_step_at) == ("credited", "FT26154ABCDE", None)
    assert [event.new for event in row.events.all()] == ["asked", "sending", "prompted", "credited"]
    assert wallet_of(kilimo) == 5000


@pytest.mark.django_db(transaction=True)
def test_the_payment_may_come_before_the_answer(account, kilimo, till) -> None:
    till.on_push = lambda: crediting.take_credit(account=account, told=told(), at=NOW)
    assert prompted(kilimo).status == "credited"


ANSWERS = [
    (Rejected("No till", code="1"), "failed", None),
    (Retryable("could not be reached"), "asked", NOW + timedelta(seconds=2)),
    (OutcomeUnknown("did not answer"), "unknown", AFTER),
]


@pytest.mark.parametrize(("error", "status", "next_step_at"), ANSWERS)
def test_each_error_leads_to_its_own_status(account, kilimo, till, error, status, next_step_at) -> None:
    till.plan.append(error)
    row = prompted(kilimo)
    assert (row.status, row.next_step_at) == (status, next_step_at)
    assert error.message in row.reason


def test_what_never_left_is_asked_again_until_its_time_is_over(account, kilimo, till) -> None:
    till.plan.extend([Retryable("down")] * 3)
    row = ask(kilimo)
    for _ in range(3):
        topups.step(topup_id=row.pk, at=NOW)
    topups.step(topup_id=row.pk, at=AFTER)
    assert (fresh(row).status, len(till.pushes)) == ("expired", 3)


def test_a_push_whose_answer_was_lost_is_never_sent_again(account, kilimo, till) -> None:
    till.plan.append(OutcomeUnknown("lost"))
    row = prompted(kilimo)
    topups.step(topup_id=row.pk, at=NOW)
    topups.step(topup_id=row.pk, at=AFTER)
    assert (fresh(row).status, len(till.pushes)) == ("expired", 1)


def test_a_worker_that_died_while_asking_leaves_an_unknown_and_no_second_push(account, kilimo, till) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    till.on_push = die
    row = ask(kilimo)
    with pytest.raises(KeyboardInterrupt):
        topups.step(topup_id=row.pk, at=NOW)
    assert fresh(row).status == "sending"
    topups.step(topup_id=row.pk, at=NOW + topups.LEASE)
    assert (fresh(row).status, len(till.pushes)) == ("unknown", 1)


def test_the_status_query_books_nothing_whatever_it_says(account, kilimo, till) -> None:
    row = prompted(kilimo)
    till.plan.extend([Hint.NOT_DONE, Retryable("html"), Hint.DONE])
    for seconds in (20, 40, 60):
        topups.step(topup_id=row.pk, at=NOW + timedelta(seconds=seconds))
    row = fresh(row)
    assert (row.status, row.hint, row.asks, till.questions) == ("prompted", "done", 3, ["T1"] * 3)
    assert wallet_of(kilimo) == 0


def test_a_hint_of_payment_wakes_the_statement_and_in_the_end_a_person(account, kilimo, till) -> None:
    BankAccount.objects.update(next_step_at=AFTER)
    row = prompted(kilimo)
    till.plan.append(Hint.DONE)
    topups.step(topup_id=row.pk, at=NOW + timedelta(seconds=20))
    assert BankAccount.objects.get().next_step_at == NOW + timedelta(seconds=20)
    topups.step(topup_id=row.pk, at=AFTER)
    assert (fresh(row).status, bool(fresh(row).attention)) == ("unknown", True)
    crediting.take_credit(account=account, told=told(), at=AFTER)
    assert (fresh(row).status, fresh(row).attention) == ("credited", "")


def test_nobody_paid_in_time_and_a_late_payment_is_still_its_own(account, kilimo, till) -> None:
    row = prompted(kilimo)
    till.plan.append(Hint.NOT_DONE)
    topups.step(topup_id=row.pk, at=NOW + timedelta(seconds=20))
    topups.step(topup_id=row.pk, at=AFTER)
    assert fresh(row).status == "expired"
    crediting.take_credit(account=account, told=told(event_at=AFTER), at=AFTER)
    assert fresh(row).status == "credited"


OTHERS = [
    {"amount": 6000},
    {"phone": "254712000001"},
    {"phone": sha256("254712000001")},
    {"event_at": NOW - timedelta(hours=1)},
    {"event_at": NOW + timedelta(hours=25)},
]


@pytest.mark.parametrize("other", OTHERS)
def test_another_amount_phone_or_time_is_another_payment(account, kilimo, till, other) -> None:
    row = prompted(kilimo)
    crediting.take_credit(account=account, told=told(**other), at=NOW)
    assert (fresh(row).status, wallet_of(kilimo)) == ("prompted", other.get("amount", 5000))


@pytest.mark.parametrize("phone", [make.JANE, sha256(make.JANE), "0708374149", "", "1000000001"])
def test_the_phone_fits_plain_hashed_or_not_at_all(account, kilimo, till, phone) -> None:
    row = prompted(kilimo)
    crediting.take_credit(account=account, told=told(Channel.ACCOUNT, phone=phone), at=NOW)
    assert fresh(row).status == "credited"


def test_one_payment_ends_one_top_up_the_oldest(account, kilimo, till) -> None:
    first, second = prompted(kilimo), ask(kilimo, client_key="key-2", at=NOW + timedelta(seconds=1))
    topups.step(topup_id=second.pk, at=NOW + timedelta(seconds=1))
    crediting.take_credit(account=account, told=told(), at=NOW)
    assert (fresh(first).status, fresh(second).status) == ("credited", "prompted")


def test_the_sweep_takes_each_step_that_is_due(account, kilimo, till, monkeypatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("wallet.tasks.nudge.send", lambda task, row_id: sent.append((task.name, row_id)))
    row = ask(kilimo)
    tasks.sweep_money_in()
    tasks.sweep_money_in()
    assert [one for one in sent if "topup" in one[0]] == [("wallet.tasks.step_topup", row.pk)]
    tasks.step_topup(str(row.pk))
    assert fresh(row).status == "prompted"


@pytest.mark.parametrize(("old", "new"), list(product(TopUpStatus.values, repeat=2)))
def test_a_move_that_the_table_does_not_allow_changes_nothing(account, kilimo, old, new) -> None:
    if new in TOPUP_NEXT[old] or "credited" in (old, new):
        return
    row = ask(kilimo)
    TopUp.objects.filter(pk=row.pk).update(status=old)
    row = fresh(row)
    with pytest.raises(ForbiddenMove):
        row.move(new, at=NOW, note="x")
    assert (fresh(row).status, TopUpEvent.objects.count()) == (old, 1)


def test_of_two_who_move_one_row_the_second_loses(account, kilimo) -> None:
    one = ask(kilimo)
    other = fresh(one)
    one.move("sending", at=NOW, note="first")
    with pytest.raises(LostRace):
        other.move("sending", at=NOW, note="second")
