"""The proof of every night, with what it found."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sms.models import SmsNotification
from tests.wallet.make_wallet import capture, funded
from tests.wallet.test_prove_ledger import plant
from wallet import proving
from wallet.observations import LedgerProof

pytestmark = pytest.mark.django_db
TWO_AT_NIGHT = datetime(2026, 6, 3, 23, 0, tzinfo=UTC)  # 02:00 in Nairobi, of the 4th


def test_a_sound_ledger_leaves_a_row_without_differences() -> None:
    capture(funded().hold(), mpesa_cost=Decimal(11))
    row = proving.prove_and_keep(at=TWO_AT_NIGHT)
    assert (row.difference_count, row.differences, row.holds) == (0, [], 1)


def test_differences_are_kept_with_their_lines_and_told(settings) -> None:
    settings.OPERATOR_PHONES = ["254722000001"]
    capture(funded().hold())
    plant("update ledger_accounts set balance = balance + 7 where kind = 'float'")
    row = proving.prove_and_keep(at=TWO_AT_NIGHT)
    assert row.difference_count == 2
    lines = [line for difference in row.differences for line in difference["lines"]]
    assert any("float_hold" in line for line in lines)
    told = SmsNotification.objects.get(message_type="operator_alarm")
    assert (told.recipient_phone, "2 differences" in told.message_content) == ("254722000001", True)


def test_once_a_night() -> None:
    funded()
    moments = [timedelta(hours=-1), timedelta(), timedelta(minutes=10), timedelta(hours=23)]
    made = [proving.prove_and_keep_if_due(at=TWO_AT_NIGHT + moment) for moment in moments]
    assert [bool(row) for row in made] == [True, True, False, False]
    assert proving.prove_and_keep_if_due(at=TWO_AT_NIGHT + timedelta(hours=24))
    assert LedgerProof.objects.count() == 3
