"""The first page: honest without data, right with data, and there when the outside is not."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from common.gateway import OutcomeUnknown
from disbursements import checking, measures, recording
from disbursements.models import Attempt, Disbursement
from mifos.models import MifosPartner
from partners.models import Shortcode
from sms.models import SmsNotification
from tests import make
from tests.disbursements import outside
from tests.disbursements.outside import World, post_result, result
from tests.make import JANE, NOW
from vault import chart, overview, systems
from vault.chart import money_by_hour
from wallet.models import PartnerWallet

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(minutes=5)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return outside.world(monkeypatch)


def login(*rights: str) -> Client:
    user = get_user_model().objects.create_user("mary", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def page(pages: Client) -> str:
    answer = pages.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


def paid_at(world: World, loan_id: int, at: datetime) -> None:
    """Pay a loan of KES 9,500 and date its end."""
    row = world.sent(loan_id)
    post_result(row, result(receipt=f"SG632NM{loan_id:03}"))
    Disbursement.objects.filter(pk=row.pk).update(settled_at=at, detected_at=at - timedelta(seconds=4))


def line(name: str) -> systems.Line:
    return next(one for one in systems.sentences(at=SOON) if one.name == name)


def test_without_data_the_page_says_how_to_make_some_appear() -> None:
    said = page(login("view_disbursement"))
    for words in (
        "There is no partner yet",
        "No payment today",
        "No payment in 24 hours",
        "No SMS in 24 hours",
        "No minute written down yet",
        "No account is set up, so nobody is told",
        "Not set up yet",
        "No float yet",
        "There is no wallet yet",
    ):
        assert words in said, words


def test_whoever_has_no_role_sees_no_figures(world: World) -> None:
    paid_at(world, 1, NOW)
    said = page(login())
    assert "You have no role yet" in said
    assert "KES 9,500" not in said


def test_the_page_comes_while_redis_and_mifos_are_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = login("view_disbursement")
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    MifosPartner.objects.update(
        failing_since=NOW, failures=9, failure_note="The connection was refused", last_poll_at=NOW
    )
    said = page(pages)
    assert "The connection was refused" in said
    assert "Redis, our queue" in said
    assert "Nothing is lost: work goes on with the sweep" in said


def test_paid_out_today_is_compared_with_the_same_weekday_by_now(world: World) -> None:
    paid_at(world, 1, NOW - timedelta(hours=1))
    paid_at(world, 2, NOW - timedelta(weeks=1, hours=1))
    paid_at(world, 3, NOW - timedelta(weeks=1) + timedelta(hours=5))  # later in that day
    paid_at(world, 5, NOW - timedelta(weeks=1) + timedelta(minutes=1))  # later in that hour
    paid_at(world, 4, NOW - timedelta(days=2))  # another weekday
    found = money_by_hour(at=NOW)
    assert (found.total, found.payments, found.usual) == (Decimal(9500), 1, Decimal(9500))
    assert found.weekday == "Wednesday"


def test_a_payment_after_midnight_in_nairobi_is_of_today(world: World) -> None:
    midnight = NOW.replace(hour=21) - timedelta(days=1)
    paid_at(world, 1, midnight + timedelta(minutes=1))
    paid_at(world, 2, midnight - timedelta(minutes=1))
    found = money_by_hour(at=NOW)
    assert found.payments == 1
    assert [bar.hour for bar in found.bars if bar.height] == [0]


def test_bars_stay_within_the_chart(world: World) -> None:
    for number in range(1, 4):
        paid_at(world, number, NOW - timedelta(hours=number % 2))
    for bar in money_by_hour(at=NOW).bars:
        assert chart.TOP <= bar.y <= bar.y + bar.height <= chart.HEIGHT - chart.BOTTOM + 0.2


def test_tiles_count_by_the_questions_of_the_list(world: World) -> None:
    world.ready(1)
    world.daraja.plan.append(OutcomeUnknown("the answer was lost"))
    world.sent(2)
    world.approve(3, phone="")
    checking.check(disbursement_id=world.take(3).pk, at=NOW)
    tiles = {tile.label: tile for tile in overview.tiles(money_by_hour(at=SOON), at=SOON)}
    assert {name: tile.figure for name, tile in tiles.items()} == {
        "Paid out today": "KES 0",
        "Collected today": "KES 0",
        "On the way": "2",
        "Needs a person": "1",
    }
    [unknown] = overview.unknown(at=SOON)
    assert (unknown["count"], unknown["link"].endswith("?view=unknown")) == (1, True)


def test_what_needs_a_person_is_grouped_by_reason_and_leads_to_its_rows(world: World) -> None:
    for loan_id in (1, 2):
        world.approve(loan_id, phone="")
        checking.check(disbursement_id=world.take(loan_id).pk, at=NOW)
    post_result(world.sent(3), result(2040))
    groups = {one["why"]: one for one in overview.needs_a_person(at=SOON)}
    assert {why: one["count"] for why, one in groups.items()} == {
        "Phone number cannot be used": 2,
        "M-Pesa refused": 1,
    }
    pages = login("view_disbursement")
    answer = pages.get(groups["Phone number cannot be used"]["link"])
    assert sorted(row.mifos_loan_id for row in answer.context["cl"].result_list) == [1, 2]


def test_automation_counts_what_people_touched(world: World) -> None:
    for number in range(1, 5):
        paid_at(world, number, NOW)
    Disbursement.objects.filter(mifos_loan_id=1).update(touched_by_person=True)
    assert measures.automation(at=SOON).value == "75.0 %"


def test_accuracy_tells_first_try_and_at_all_apart(world: World) -> None:
    for number in range(1, 4):
        paid_at(world, number, NOW)
    for number, tries in ((1, 1), (2, 3)):
        row = Disbursement.objects.get(mifos_loan_id=number)
        recording.record(disbursement_id=row.pk, at=SOON)
        Disbursement.objects.filter(pk=row.pk).update(record_tries=tries)
    found = measures.accuracy(at=SOON)
    assert (found.value, found.detail) == ("66.7 %", "33.3 % at the first try, 1 missing")


def test_a_loan_paid_this_minute_is_not_missing_yet(world: World) -> None:
    paid_at(world, 1, SOON - timedelta(seconds=20))
    assert measures.accuracy(at=SOON).value == measures.NO_PAYMENT


def test_processing_time_tells_the_outside_apart(world: World) -> None:
    paid_at(world, 1, NOW)
    Disbursement.objects.update(outside_ms=3000)
    found = measures.processing_time(at=SOON)
    assert (found.value, found.detail) == ("4.0 s, p95 4.0 s", "p95: ours 1.0 s, outside 3.0 s")


@pytest.mark.parametrize(
    ("part", "whole", "shown"), [(3, 3, "100 %"), (99_999, 100_000, "99.9 %"), (0, 7, "0.0 %")]
)
def test_a_share_is_never_whole_while_one_is_missing(part: int, whole: int, shown: str) -> None:
    assert measures.share(part, whole) == shown


def test_sms_that_failed_or_are_in_doubt_count_against_us(world: World) -> None:
    now = paid_now(world)
    SmsNotification.objects.filter(recipient_phone=JANE).update(status="failed")
    SmsNotification.objects.exclude(recipient_phone=JANE).update(status="sent")
    assert measures.sms_delivery(at=now).value == "50.0 %"
    SmsNotification.objects.exclude(recipient_phone=JANE).update(unconfirmed=True)
    assert measures.sms_delivery(at=now).value == "0.0 %"


def paid_now(world: World) -> datetime:
    """Pay a loan, of which client and partner are told, and return the real now: keys carry it."""
    world.paid()
    return timezone.now()


def test_a_host_says_since_when_it_fails_and_what_waits_for_it(world: World) -> None:
    world.paid()
    assert "1 paid loan to be written back" in line("Mifos of Kilimo SACCO").words
    MifosPartner.objects.update(failing_since=NOW, failure_note="Timed out", last_poll_at=NOW)
    found = line("Mifos of Kilimo SACCO")
    assert found.words.startswith("Failing since 10:00:00: Timed out. Last polled 5 min ago")
    assert found.tone == "person"


def test_a_shortcode_tells_how_long_results_take(world: World) -> None:
    at = paid_now(world)
    Attempt.objects.update(last_sent_at=at - timedelta(seconds=8), settled_at=at - timedelta(seconds=4))
    words = next(one for one in systems.sentences(at=at) if one.name == "M-Pesa 600992").words
    assert words == "Results in 4.0 s (p95 of 1 in the last hour), the last one 4 s ago."


def test_a_shortcode_without_payouts_says_so(world: World) -> None:
    assert line("M-Pesa 600992").words == "No payout in 24 hours."


def test_wallets_below_their_threshold_are_named(world: World) -> None:
    PartnerWallet.objects.update(low_balance_threshold=Decimal(5000))
    (low,) = overview.low_wallets()["rows"]
    assert (low["balance"], low["threshold"]) == ("KES 1,000", "KES 5,000")
    PartnerWallet.objects.update(low_balance_threshold=Decimal(500))
    assert overview.low_wallets()["words"] == "No wallet is below it; 1 of 1 have a threshold."


def test_float_is_shown_by_our_ledger_and_by_mpesa(world: World) -> None:
    world.sent()
    Shortcode.objects.update(utility_balance=Decimal(90500), balance_at=NOW)
    (one,) = overview.floats(at=SOON)
    assert (one["free"], one["held"], one["told"], one["told_when"]) == (
        "KES 90,500",
        "KES 9,500",
        "KES 90,500",
        "5 min ago",
    )


def test_the_number_of_queries_does_not_grow_with_the_partners(
    world: World, django_assert_max_num_queries: Any
) -> None:
    overview.picture(at=SOON)
    with django_assert_max_num_queries(36) as few:
        overview.picture(at=SOON)
    for number in range(5):
        partner = make.partner(f"partner-{number}")
        make.shortcode(f"70000{number}", partner=partner)
        MifosPartner.objects.create(
            partner=partner,
            mifos_host_url=f"https://p{number}.example",
            mifos_username="u",
            mifos_password="p",
        )
    with django_assert_max_num_queries(len(few)):
        overview.picture(at=SOON)
