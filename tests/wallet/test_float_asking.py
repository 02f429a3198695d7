"""Who may set a float purchase going: a code that the partner has, or a second person."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.changes import By
from common.models import AuditLine
from partners import pausing
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_float import Scene
from wallet import asking
from wallet.asking import CannotBuy, WrongCode
from wallet.models import Hold
from wallet.operations import InsufficientFunds
from wallet.purchases import FloatPurchase

SOON = make.NOW + timedelta(minutes=1)


def confirm(scene: Scene, row: FloatPurchase, code: str, *, at: Any = SOON) -> FloatPurchase:
    return asking.confirm_code(purchase_id=row.pk, code=code, by=By(actor=scene.asker), at=at)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_goes_to_the_partner_and_no_money_moves(scene: Scene) -> None:
    row = scene.ask()
    sent = SmsNotification.objects.get(message_type="one_time_code")
    assert (row.status, sent.recipient_phone) == ("asked", "254711000001")
    assert sent.expires_at == make.NOW + timedelta(minutes=5)
    assert "KES 50,000" in sent.message_content
    assert not Hold.objects.exists()
    assert not scene.bank.orders


def test_only_a_hash_of_the_code_is_kept(scene: Scene) -> None:
    row = scene.ask()
    stored = FloatPurchase.objects.filter(pk=row.pk).values().get()
    assert scene.code(row) not in " ".join(str(value) for value in stored.values())
    assert scene.code(row) not in " ".join(str(line.detail) for line in AuditLine.objects.all())
    assert len(row.code_digest) == 64


def test_the_right_code_confirms_and_is_good_once(scene: Scene) -> None:
    row = scene.ask()
    confirmed = confirm(scene, row, scene.code(row))
    assert (confirmed.status, confirmed.confirmed_by, confirmed.code_digest) == ("confirmed", scene.asker, "")
    with pytest.raises(CannotBuy, match="confirmed already"):
        confirm(scene, row, scene.code(row))


def test_a_wrong_code_is_counted_and_the_right_one_still_works(scene: Scene) -> None:
    row = scene.ask()
    with pytest.raises(WrongCode, match="4 tries left"):
        confirm(scene, row, wrong(scene.code(row)))
    assert scene.seen(row).wrong_codes == 1
    assert confirm(scene, row, f" {scene.code(row)} ").status == "confirmed"


def test_the_fifth_wrong_code_cancels(scene: Scene) -> None:
    row = scene.ask()
    for _ in range(5):
        with pytest.raises(WrongCode):
            confirm(scene, row, wrong(scene.code(row)))
    assert scene.seen(row).status == "cancelled"
    with pytest.raises(CannotBuy):
        confirm(scene, row, scene.code(row))


def test_wrong_tries_count_over_all_codes(scene: Scene) -> None:
    row = scene.ask()
    for turn in range(5):
        if turn in (2, 4):
            row = asking.send_code(purchase_id=row.pk, by=By(actor=scene.asker), at=make.NOW)
        with pytest.raises(WrongCode):
            confirm(scene, row, wrong(scene.code(row)))
    assert scene.seen(row).status == "cancelled"


def test_a_code_lives_five_minutes(scene: Scene) -> None:
    row = scene.ask()
    with pytest.raises(WrongCode, match="too old"):
        confirm(scene, row, scene.code(row), at=make.NOW + timedelta(minutes=5, seconds=1))
    assert scene.seen(row).status == "asked"


def test_a_new_code_voids_the_one_before(scene: Scene) -> None:
    row = scene.ask()
    first = scene.code(row)
    again = asking.send_code(purchase_id=row.pk, by=By(actor=scene.asker), at=make.NOW)
    if first != scene.code(again):
        with pytest.raises(WrongCode):
            confirm(scene, row, first)
    assert confirm(scene, again, scene.code(again)).status == "confirmed"


def test_a_fourth_code_is_refused(scene: Scene) -> None:
    row = scene.ask()
    for _ in range(2):
        asking.send_code(purchase_id=row.pk, by=By(actor=scene.asker), at=make.NOW)
    with pytest.raises(CannotBuy, match="3 codes"):
        asking.send_code(purchase_id=row.pk, by=By(actor=scene.asker), at=make.NOW)


def test_what_nobody_confirms_is_cancelled(scene: Scene) -> None:
    row = scene.ask()
    asking.expire(purchase_id=row.pk, at=make.NOW + timedelta(minutes=14))
    assert scene.seen(row).status == "asked"
    asking.expire(purchase_id=row.pk, at=make.NOW + timedelta(minutes=15))
    assert scene.seen(row).status == "cancelled"


def test_a_partner_without_a_phone_cannot_get_a_code(scene: Scene) -> None:
    scene.books.partner.phones = []
    scene.books.partner.save()
    with pytest.raises(CannotBuy, match="no phone"):
        scene.ask()
    assert not FloatPurchase.objects.exists()


def test_a_second_person_confirms_and_never_the_first(scene: Scene, settings: Any) -> None:
    settings.FLOAT_PURCHASE_CONFIRM = "second_person"
    row = scene.ask()
    with pytest.raises(CannotBuy, match="another person"):
        asking.confirm_as_second(purchase_id=row.pk, by=scene.asker, at=SOON)
    confirmed = asking.confirm_as_second(purchase_id=row.pk, by=scene.second, at=SOON)
    assert (confirmed.status, confirmed.confirmed_by) == ("confirmed", scene.second)


def test_a_code_is_no_answer_where_a_second_person_is_asked_for(scene: Scene, settings: Any) -> None:
    settings.FLOAT_PURCHASE_CONFIRM = "second_person"
    with pytest.raises(CannotBuy, match="another kind"):
        confirm(scene, scene.ask(), "123456")
    assert not SmsNotification.objects.exists()


def test_no_confirmation_where_the_setting_asks_for_none(scene: Scene, settings: Any) -> None:
    settings.FLOAT_PURCHASE_CONFIRM = "none"
    assert scene.ask().status == "confirmed"


def test_the_same_request_is_the_same_purchase(scene: Scene) -> None:
    row = scene.ask(request_id="abc")
    assert scene.ask(request_id="abc").pk == row.pk
    with pytest.raises(CannotBuy, match="used before"):
        scene.ask(60_000, request_id="abc")
    assert FloatPurchase.objects.count() == 1


@pytest.mark.parametrize("amount", [Decimal("50000.50"), Decimal(49), Decimal(0), Decimal(-1)])
def test_amounts_that_no_bank_moves_are_refused(scene: Scene, amount: Decimal) -> None:
    with pytest.raises(CannotBuy):
        scene.ask(amount)


def test_more_than_the_wallet_has_is_refused_before_anybody_is_troubled(scene: Scene) -> None:
    with pytest.raises(InsufficientFunds):
        scene.ask(200_001)
    assert not SmsNotification.objects.exists()


def test_nothing_is_bought_while_the_partner_is_paused(scene: Scene) -> None:
    pausing.pause(
        scope="partner", target_id=scene.books.partner.pk, reason="audit", by=scene.asker, at=make.NOW
    )
    with pytest.raises(CannotBuy, match="audit"):
        scene.ask()


def test_a_person_calls_it_off_before_it_is_sent(scene: Scene) -> None:
    row = scene.ask()
    asking.cancel(purchase_id=row.pk, by=By(actor=scene.asker, reason="wrong amount"), at=SOON)
    assert "wrong amount" in scene.notes(row)
    bought = scene.buy()
    with pytest.raises(CannotBuy, match="only evidence"):
        asking.cancel(purchase_id=bought.pk, by=By(actor=scene.asker), at=SOON)
