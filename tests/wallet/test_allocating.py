"""Suspense and possible duplicates are settled by people: with a reason, and above a limit by two."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from common.models import AuditLine
from partners.models import Partner
from sms.models import SmsNotification
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told, total_of, wallet_of
from wallet import allocating, crediting, proof
from wallet.allocating import CannotAllocate
from wallet.bank_models import CREDIT_NEXT, BankAccount, BankCredit, Channel, CreditStatus
from wallet.models import PartnerWallet

pytestmark = pytest.mark.django_db
WHY = "the payer called"


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


@pytest.fixture
def bank(kilimo: Partner) -> BankAccount:
    return make_bank.account()


@pytest.fixture
def amina() -> User:
    return User.objects.create_user("amina")


@pytest.fixture
def juma() -> User:
    return User.objects.create_user("juma")


def unnamed(bank: BankAccount, amount: int = 5000) -> BankCredit:
    lost = told(amount=amount, bill_reference="123456 RENT", narrative="RENT")
    crediting.take_credit(account=bank, told=lost, at=make.NOW)
    return BankCredit.objects.get()


def doubtful(bank: BankAccount) -> BankCredit:
    crediting.take_credit(account=bank, told=told(core_reference=""), at=make.NOW)
    crediting.take_credit(account=bank, told=told(Channel.ACCOUNT), at=make.NOW)
    return BankCredit.objects.get(status=CreditStatus.POSSIBLE_DUPLICATE)


def give(row: BankCredit, partner: Partner, by: User, reason: str = WHY) -> BankCredit:
    return allocating.allocate(credit_id=row.pk, partner_id=partner.pk, by=by, reason=reason, at=make.NOW)


def test_one_person_gives_a_small_amount_to_its_owner(bank, kilimo, amina) -> None:
    row = give(unnamed(bank), kilimo, amina)
    assert (row.status, row.partner, row.decided_by, row.attention) == ("allocated", kilimo, amina, "")
    assert (wallet_of(kilimo), total_of("suspense"), total_of("bank")) == (5000, 0, -5000)
    assert PartnerWallet.objects.get().last_topup_amount == 5000
    assert SmsNotification.objects.get().message_type == "topup_confirmation"
    line = AuditLine.objects.get()
    assert (line.actor, line.action, WHY in line.reason) == (amina, "allocated", True)
    assert proof.prove().differences == ()


@override_settings(SUSPENSE_ALLOCATION_LIMIT=Decimal(5000))
def test_the_limit_itself_is_still_for_one_person(bank, kilimo, amina) -> None:
    assert give(unnamed(bank), kilimo, amina).status == "allocated"


def test_above_the_limit_another_person_agrees(bank, kilimo, amina, juma) -> None:
    row = give(unnamed(bank, 50_001), kilimo, amina)
    assert (row.status, wallet_of(kilimo)) == ("suspense", 0)
    assert "amina" in row.attention
    with pytest.raises(CannotAllocate, match="Another person"):
        allocating.agree(credit_id=row.pk, by=amina, at=make.NOW)
    with pytest.raises(CannotAllocate, match="proposed it already"):
        give(row, kilimo, juma)
    row = allocating.agree(credit_id=row.pk, by=juma, at=make.NOW)
    assert (row.status, wallet_of(kilimo), row.proposed_by, row.decided_by) == (
        "allocated",
        50_001,
        amina,
        juma,
    )
    assert AuditLine.objects.count() == 2


def test_a_proposal_may_be_declined_and_made_again(bank, kilimo, amina, juma) -> None:
    row = give(unnamed(bank, 60_000), kilimo, amina)
    allocating.decline(credit_id=row.pk, by=juma, reason="it is another's", at=make.NOW)
    with pytest.raises(CannotAllocate, match="Nothing is proposed"):
        allocating.agree(credit_id=row.pk, by=juma, at=make.NOW)
    assert give(row, make.partner("jamii"), juma).proposed_partner.code == "jamii"


def test_while_people_decide_a_later_notice_does_not_book_it(bank, kilimo, amina) -> None:
    give(unnamed(bank, 60_000), kilimo, amina)
    crediting.take_credit(account=bank, told=told(Channel.STATEMENT, amount=60_000), at=make.NOW)
    assert wallet_of(kilimo) == 0


def test_the_same_money_is_not_booked_again(bank, kilimo, amina) -> None:
    row = allocating.same_money(credit_id=doubtful(bank).pk, by=amina, reason=WHY, at=make.NOW)
    assert (row.status, row.attention, wallet_of(kilimo)) == ("ignored", "", 5000)
    crediting.take_credit(account=bank, told=told(Channel.STATEMENT), at=make.NOW)
    assert (BankCredit.objects.count(), wallet_of(kilimo)) == (2, 5000)


def test_other_money_is_booked_from_the_bank(bank, kilimo, amina) -> None:
    give(doubtful(bank), kilimo, amina)
    assert (wallet_of(kilimo), total_of("bank"), total_of("suspense")) == (10_000, -10_000, 0)
    assert proof.prove().differences == ()


def test_once_settled_a_pair_suspects_nobody_else(bank, kilimo, amina) -> None:
    allocating.same_money(credit_id=doubtful(bank).pk, by=amina, reason=WHY, at=make.NOW)
    crediting.take_credit(account=bank, told=told(Channel.ACCOUNT, core_reference="FT2"), at=make.NOW)
    assert wallet_of(kilimo) == 10_000


@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_is_decided_without_a_reason(bank, kilimo, amina, reason) -> None:
    row = doubtful(bank)
    with pytest.raises(CannotAllocate, match="reason"):
        give(row, kilimo, amina, reason)
    with pytest.raises(CannotAllocate, match="reason"):
        allocating.same_money(credit_id=row.pk, by=amina, reason=reason, at=make.NOW)
    with pytest.raises(CannotAllocate, match="reason"):
        allocating.decline(credit_id=row.pk, by=amina, reason=reason, at=make.NOW)


SETTLED = [CreditStatus.BOOKED, CreditStatus.ALLOCATED, CreditStatus.IGNORED]


@pytest.mark.parametrize("status", SETTLED)
def test_what_is_settled_is_not_decided_again(bank, kilimo, amina, status) -> None:
    row = unnamed(bank)
    BankCredit.objects.update(status=status, partner=kilimo, booked_at=make.NOW)
    assert CREDIT_NEXT[status] == frozenset()
    for decide in (
        lambda: give(row, kilimo, amina),
        lambda: allocating.same_money(credit_id=row.pk, by=amina, reason=WHY, at=make.NOW),
        lambda: allocating.agree(credit_id=row.pk, by=amina, at=make.NOW),
    ):
        with pytest.raises(CannotAllocate, match="settled already"):
            decide()
    assert wallet_of(kilimo) == 0


def test_money_in_suspense_is_no_duplicate(bank, amina) -> None:
    with pytest.raises(CannotAllocate, match="no possible duplicate"):
        allocating.same_money(credit_id=unnamed(bank).pk, by=amina, reason=WHY, at=make.NOW)
