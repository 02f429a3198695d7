"""Warn a partner before its loans wait, and while they do; once in a quiet time, and go on after the top-up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from disbursements import checking, paying, watching
from disbursements.models import Disbursement
from disbursements.statuses import Cause, Status
from sms.models import SmsNotification
from tests import make
from tests.disbursements.outside import World
from wallet import operations as wallet
from wallet.models import Account, PartnerWallet

QUIET = timedelta(hours=12)


def leave(world: World, *, in_wallet: int | None = None, in_float: int | None = None) -> None:
    """Take money away until so much is left."""
    for kind, left, shortcode in (
        ("wallet", in_wallet, None),
        ("float", in_float, world.shortcode.pk),
    ):
        if left is None:
            continue
        account = Account.objects.named(kind, partner_id=world.partner.pk, shortcode_id=shortcode)
        wallet.transfer(
            type="correction",
            reference=f"{kind}-{left}",
            from_account=account.pk,
            to_account=wallet.platform_account("opening"),
            amount=account.balance - left,
            at=make.NOW,
        )


def waits(world: World, *loans: int) -> list[Disbursement]:
    """Approve loans that cannot be paid for want of money."""
    rows = []
    for loan in loans:
        world.approve(loan)
        row = world.take(loan)
        if checking.check(disbursement_id=row.pk, at=make.NOW):
            paying.pay(disbursement_id=row.pk, at=make.NOW)
        row.refresh_from_db()
        rows.append(row)
    return rows


def alerts(kind: str = "balance_alert") -> list[str]:
    rows = SmsNotification.objects.filter(message_type=kind).order_by("created_at")
    return list(rows.values_list("message_content", flat=True))


def tell(*, after: timedelta = timedelta()) -> None:
    watching.tell_low_wallets(at=make.NOW + after, quiet=QUIET)
    watching.tell_low_floats(at=make.NOW + after, quiet=QUIET)


@pytest.mark.parametrize(("threshold", "told"), [(999, False), (1000, True), (1001, True), (None, False)])
def test_at_the_threshold(world: World, threshold: int | None, told: bool) -> None:
    PartnerWallet.objects.update(low_balance_threshold=threshold)
    tell()
    assert bool(alerts()) == told


def test_it_is_not_repeated_within_the_quiet_time(world: World) -> None:
    PartnerWallet.objects.update(low_balance_threshold=5000)
    for hours in (0, 1, 11.9):
        tell(after=timedelta(hours=hours))
    assert len(alerts()) == 1
    tell(after=timedelta(hours=12, seconds=1))
    assert len(alerts()) == 2


def test_when_the_charges_of_the_loans_that_wait_are_more_than_there_is(world: World) -> None:
    leave(world, in_wallet=10)
    rows = waits(world, 12, 13, 14)
    assert {row.hold_cause for row in rows} == {Cause.WALLET_FUNDS}
    tell()
    (text,) = alerts()
    assert "KES 10 (alert at KES 75)" in text  # three times KES 25 for KES 9,500


def test_not_for_loans_that_the_wallet_can_pay_meanwhile(world: World) -> None:
    leave(world, in_wallet=10)
    waits(world, 12, 13)
    wallet.transfer(
        type="topup",
        reference="FT1",
        from_account=wallet.platform_account("bank"),
        to_account=Account.objects.named("wallet", partner_id=world.partner.pk).pk,
        amount=Decimal(500),
        at=make.NOW,
    )
    tell()
    assert not alerts()


def test_when_the_loans_that_wait_need_more_float_than_there_is(world: World) -> None:
    leave(world, in_float=100)
    rows = waits(world, 12, 13)
    assert {row.hold_cause for row in rows} == {Cause.FLOAT_FUNDS}
    for minutes in (0, 1, 60):
        tell(after=timedelta(minutes=minutes))
    (text,) = alerts("system_error")
    assert "2 loans of KES 19,000 wait for float; there is KES 100" in text


def test_silence_where_the_partner_wants_none(world: World) -> None:
    PartnerWallet.objects.update(low_balance_threshold=5000, sms_notifications_enabled=False)
    tell()
    assert not alerts()


def test_after_the_top_up_they_go_on_oldest_first_skipping_one_that_does_not_fit(world: World) -> None:
    leave(world, in_float=100)
    rows = [*waits(world, 12, 13)]
    Disbursement.objects.filter(pk=rows[0].pk).update(amount=Decimal(90_000))
    wallet.transfer(
        type="correction",
        reference="bought",
        from_account=wallet.platform_account("opening"),
        to_account=Account.objects.named(
            "float", partner_id=world.partner.pk, shortcode_id=world.shortcode.pk
        ).pk,
        amount=Decimal(10_000),
        at=make.NOW,
    )
    after: list[Any] = []
    for row in rows:
        if checking.check(disbursement_id=row.pk, at=make.NOW + timedelta(minutes=2)):
            paying.pay(disbursement_id=row.pk, at=make.NOW + timedelta(minutes=2))
        row.refresh_from_db()
        after.append(row.status)
    assert after[1] == Status.ACCEPTED
