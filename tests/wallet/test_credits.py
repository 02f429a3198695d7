"""Money that came in is booked once, whichever channel tells of it first, second and third."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from partners.models import Partner
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_bank import account, told, total_of, wallet_of
from wallet import crediting, proof
from wallet.bank_models import BankAccount, BankCredit, BankCreditEvent, BankDebit, Channel, CreditStatus
from wallet.models import PartnerWallet, Transfer, WalletTransaction

pytestmark = pytest.mark.django_db
PAYBILL, ACCOUNT, STATEMENT = Channel.PAYBILL, Channel.ACCOUNT, Channel.STATEMENT
LATER = make.NOW + timedelta(minutes=3)


@pytest.fixture
def bank() -> BankAccount:
    return account()


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def take(bank: BankAccount, channel: Channel = PAYBILL, **fields: Any) -> str:
    return crediting.take_credit(account=bank, told=told(channel, **fields), at=make.NOW)


def the_credit() -> BankCredit:
    return BankCredit.objects.get()


def test_a_payment_is_in_the_wallet_with_its_moment_line_and_message(bank, kilimo) -> None:
    at = make.NOW + timedelta(seconds=2)
    said = crediting.take_credit(account=bank, told=told(), at=at)
    assert said == "KES 5,000 booked for kilimo"
    line, wallet = WalletTransaction.objects.get(), PartnerWallet.objects.get()
    assert (line.transaction_type, line.amount, line.reference) == ("topup", 5000, "FT26154ABCDE")
    assert (line.event_at, line.created_at, line.sms_sent) == (make.NOW, at, True)
    assert (wallet.current_balance, wallet.last_topup_amount, wallet.last_topup_date) == (
        5000,
        5000,
        make.NOW,
    )
    sms = SmsNotification.objects.get()
    assert (sms.message_type, sms.partner) == ("topup_confirmation", kilimo)
    assert "KES 5,000" in sms.message_content
    assert "FT26154ABCDE" in sms.message_content
    assert total_of("bank") == -5000
    assert proof.prove().differences == ()


@pytest.mark.parametrize("order", list(permutations([PAYBILL, ACCOUNT, STATEMENT])))
def test_three_channels_tell_of_one_payment_in_any_order(bank, kilimo, order) -> None:
    for channel in (*order, *order):
        take(bank, channel)
    row = the_credit()
    assert (row.status, row.source, set(row.told_by)) == (CreditStatus.BOOKED, order[0], {*order})
    assert (row.core_reference, row.receipt) == ("FT26154ABCDE", "RKL51ZDR4F")
    assert wallet_of(kilimo) == 5000
    assert (Transfer.objects.count(), SmsNotification.objects.count()) == (1, 1)


def test_two_payments_of_one_amount_at_one_time_are_two(bank, kilimo) -> None:
    for number in (1, 2):
        for channel in (PAYBILL, ACCOUNT, STATEMENT):
            receipt = f"RKL{number}" if channel == PAYBILL else ""
            take(bank, channel, core_reference=f"FT{number}", receipt=receipt)
    assert wallet_of(kilimo) == 10_000
    assert BankCredit.objects.filter(status=CreditStatus.BOOKED).count() == 2


def test_a_partner_that_wants_no_messages_gets_none(bank, kilimo) -> None:
    PartnerWallet.objects.create(partner=kilimo, sms_notifications_enabled=False)
    take(bank)
    assert wallet_of(kilimo) == 5000
    assert not SmsNotification.objects.exists()


@pytest.mark.parametrize("channel", [PAYBILL, ACCOUNT, STATEMENT])
def test_a_reference_with_another_amount_books_nothing_and_asks_for_a_person(bank, kilimo, channel) -> None:
    take(bank)
    take(bank, channel, amount=9000)
    assert wallet_of(kilimo) == 5000
    assert "KES 9,000" in the_credit().attention
    take(bank, channel, amount=9000)
    assert BankCreditEvent.objects.count() == 2


def test_a_receipt_under_another_reference_books_nothing_and_asks_for_a_person(bank, kilimo) -> None:
    take(bank)
    take(bank, core_reference="FT2")
    take(bank, receipt="OTHER")
    assert wallet_of(kilimo) == 5000
    assert the_credit().attention


def test_a_receipt_without_core_reference_is_booked_and_learns_it_later(bank, kilimo) -> None:
    take(bank, core_reference="")
    assert (the_credit().reference, wallet_of(kilimo)) == ("RKL51ZDR4F", 5000)
    take(bank)
    take(bank, ACCOUNT)
    assert (the_credit().core_reference, wallet_of(kilimo)) == ("FT26154ABCDE", 5000)


def test_an_account_line_that_names_the_receipt_is_the_same_money(bank, kilimo) -> None:
    take(bank, core_reference="")
    take(bank, ACCOUNT, narrative="123456 KILIMO RKL51ZDR4F")
    assert (the_credit().core_reference, wallet_of(kilimo)) == ("FT26154ABCDE", 5000)


def test_a_line_that_names_a_receipt_of_other_money_is_money_of_its_own(bank, kilimo) -> None:
    take(bank)
    take(bank, ACCOUNT, core_reference="FT2", narrative="123456 KILIMO refund of RKL51ZDR4F")
    assert wallet_of(kilimo) == 10_000


ORDERS = [(PAYBILL, ACCOUNT), (ACCOUNT, PAYBILL), (PAYBILL, STATEMENT), (STATEMENT, PAYBILL)]


@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_without_core_reference_the_second_channel_is_a_possible_duplicate(
    bank, kilimo, first, second
) -> None:
    for channel in (first, second):
        take(bank, channel, **({"core_reference": ""} if channel == PAYBILL else {}), event_at=LATER)
    waiting = BankCredit.objects.get(status=CreditStatus.POSSIBLE_DUPLICATE)
    assert (waiting.source, waiting.suspected.source) == (second, first)
    assert waiting.attention
    assert wallet_of(kilimo) == 5000


def test_a_possible_duplicate_is_settled_by_a_line_that_names_both(bank, kilimo) -> None:
    take(bank, core_reference="")
    take(bank, ACCOUNT)
    crediting.take_credit(account=bank, told=told(STATEMENT, others=("RKL51ZDR4F",)), at=LATER)
    row = BankCredit.objects.get(core_reference="FT26154ABCDE")
    assert (row.status, row.attention, wallet_of(kilimo)) == (CreditStatus.IGNORED, "", 5000)


def test_an_unnamed_line_near_a_payment_without_reference_is_a_possible_duplicate(bank, kilimo) -> None:
    take(bank, ACCOUNT, narrative="MPESA")
    take(bank, core_reference="")
    assert BankCredit.objects.filter(status=CreditStatus.POSSIBLE_DUPLICATE).count() == 1
    assert wallet_of(kilimo) == 0


FAR = [
    {"event_at": make.NOW + timedelta(minutes=11)},
    {"amount": 5001},
    {"narrative": "123456 JAMII"},
]


@pytest.mark.parametrize("other", FAR)
def test_another_time_amount_or_partner_is_other_money(bank, kilimo, other) -> None:
    make.partner("jamii")
    take(bank, core_reference="")
    take(bank, ACCOUNT, **other)
    assert BankCredit.objects.filter(status=CreditStatus.BOOKED).count() == 2


def test_two_receipts_without_references_are_two_payments(bank, kilimo) -> None:
    take(bank, core_reference="")
    take(bank, core_reference="", receipt="RKL51ZDR4G")
    assert wallet_of(kilimo) == 10_000


def test_money_of_nobody_is_in_suspense_and_asks_for_a_person(bank, kilimo) -> None:
    said = take(bank, bill_reference="123456 RENT", narrative="RENT")
    row = the_credit()
    assert said == "KES 5,000 in suspense"
    assert (row.status, row.partner, bool(row.attention)) == (CreditStatus.SUSPENSE, None, True)
    assert (total_of("suspense"), wallet_of(kilimo)) == (5000, 0)
    assert not SmsNotification.objects.exists()
    assert proof.prove().differences == ()


def test_a_later_channel_that_names_the_owner_takes_it_out_of_suspense(bank, kilimo) -> None:
    take(bank, ACCOUNT, narrative="MPESA C2B")
    assert the_credit().status == CreditStatus.SUSPENSE
    take(bank)
    row = the_credit()
    assert (row.status, row.partner, row.attention) == (CreditStatus.BOOKED, kilimo, "")
    assert (wallet_of(kilimo), total_of("suspense"), total_of("bank")) == (5000, 0, -5000)
    assert [event.new for event in row.events.all()] == ["suspense", "suspense", "booked"]


def test_cents_are_booked_exactly(bank, kilimo) -> None:
    crediting.take_credit(account=bank, told=_cents(), at=make.NOW)
    assert wallet_of(kilimo) == Decimal("5000.37")


def _cents() -> crediting.Told:
    return crediting.Told(
        channel=ACCOUNT,
        core_reference="FT1",
        amount=Decimal("5000.37"),
        event_at=make.NOW,
        narrative="123456 KILIMO",
    )


def test_money_that_left_is_kept_as_evidence_once_per_line(bank) -> None:
    for channel in (ACCOUNT, STATEMENT):
        out = told(channel, narrative="FLOAT TOPUP PV260603A1B2")
        crediting.take_debit(account=bank, told=out, at=make.NOW)
    crediting.take_debit(
        account=bank, told=told(ACCOUNT, amount=30, narrative="CHARGE FT26154ABCDE"), at=make.NOW
    )
    order, fee = BankDebit.objects.order_by("-amount")
    assert (order.amount, order.is_fee, order.next_step_at) == (5000, False, make.NOW)
    assert (fee.amount, fee.is_fee) == (30, True)
    assert "PV260603A1B2" in order.narrative
    assert not Transfer.objects.exists()


def test_the_history_of_a_credit_cannot_be_changed(bank, kilimo) -> None:
    take(bank)
    with pytest.raises(IntegrityError), transaction.atomic():
        BankCreditEvent.objects.update(note="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        BankCreditEvent.objects.all().delete()
