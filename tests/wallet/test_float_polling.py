"""Ask M-Pesa what each shortcode holds, keep it, and say when it is not what our book says."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.gateway import Rejected, Retryable
from partners import pausing
from partners.models import PauseDial, Shortcode
from sms.models import SmsNotification
from tests import make
from tests.partners.make_partners import certificate
from tests.wallet import make_float
from tests.wallet.make_float import Scene
from wallet import balances, polling
from wallet.models import Transfer
from wallet.observations import FloatWatch
from wallet.proof import prove

MINUTE = timedelta(minutes=1)


@pytest.fixture
def watch(scene: Scene, settings: Any) -> FloatWatch:
    settings.OPERATOR_PHONES = ["254722000001", "254722000002"]
    Shortcode.objects.update(certificate=certificate())
    polling.watch_all(at=make.NOW)
    return FloatWatch.objects.get()


def said(scene: Scene, utility: int, *, minutes: float) -> Any:
    at = make.NOW + timedelta(minutes=minutes)
    balances.observe(
        shortcode_id=scene.books.shortcode.pk, utility=Decimal(utility), working=Decimal(0), at=at
    )
    watch = FloatWatch.objects.get()
    polling.look(watch_id=watch.pk, at=at)
    watch.refresh_from_db()
    return watch


def alarms() -> list[str]:
    return list(
        SmsNotification.objects.filter(message_type="operator_alarm").values_list(
            "message_content", flat=True
        )
    )


def test_every_shortcode_that_pays_out_is_watched_once(scene: Scene, watch: FloatWatch) -> None:
    make.shortcode("600100", kind="c2b")
    make.shortcode("600101", kind="both")
    make.shortcode("600102", is_active=False)
    for _ in range(2):
        polling.watch_all(at=make.NOW)
    assert set(FloatWatch.objects.values_list("shortcode__number", flat=True)) == {"600992", "600101"}


def test_it_is_asked_with_an_address_of_its_own_and_again_after_a_while(
    scene: Scene, watch: FloatWatch
) -> None:
    polling.ask(watch_id=watch.pk, at=make.NOW)
    (question,) = scene.mpesa.asked
    assert "/callbacks/balance/" in question["result_url"]
    watch.refresh_from_db()
    assert watch.next_step_at == make.NOW + timedelta(seconds=300)


def test_a_question_that_is_not_taken_is_asked_in_growing_gaps(scene: Scene, watch: FloatWatch) -> None:
    scene.mpesa.plan.extend([Retryable("503")] * 9)
    gaps = []
    for _ in range(6):
        polling.ask(watch_id=watch.pk, at=make.NOW)
        watch.refresh_from_db()
        gaps.append((watch.next_step_at - make.NOW).total_seconds())
    assert gaps == [600, 1200, 2400, 4800, 4800, 4800]
    assert (watch.failures, watch.last_words) == (6, "503")


def test_refused_credentials_pause_the_shortcode_and_are_told_once(scene: Scene, watch: FloatWatch) -> None:
    scene.mpesa.plan.append(Rejected("Initiator information is invalid", code="2001", stop=True))
    for _ in range(3):
        polling.ask(watch_id=watch.pk, at=make.NOW)
    assert len(scene.mpesa.asked) == 1  # a repeated wrong password locks the operator
    assert PauseDial.objects.get().by_platform
    assert len(alarms()) == 2  # one for each phone


def test_a_shortcode_without_credentials_or_on_pause_is_not_asked(scene: Scene, watch: FloatWatch) -> None:
    pausing.pause(
        scope="shortcode", target_id=scene.books.shortcode.pk, reason="x", by=scene.asker, at=make.NOW
    )
    polling.ask(watch_id=watch.pk, at=make.NOW)
    PauseDial.objects.all().delete()
    Shortcode.objects.update(certificate="")
    polling.ask(watch_id=watch.pk, at=make.NOW)
    assert scene.mpesa.asked == []


def test_a_fresh_figure_makes_a_question_needless_unless_float_is_awaited(
    scene: Scene, watch: FloatWatch
) -> None:
    said(scene, 0, minutes=0)
    polling.ask(watch_id=watch.pk, at=make.NOW + MINUTE)
    assert scene.mpesa.asked == []
    scene.buy()
    polling.ask(watch_id=watch.pk, at=make.NOW + MINUTE)
    assert len(scene.mpesa.asked) == 1


def test_a_figure_that_agrees_is_no_drift(scene: Scene, watch: FloatWatch) -> None:
    watch = said(scene, 0, minutes=0)
    assert (watch.drift, watch.drift_since, alarms()) == (0, None, [])


def test_a_drift_that_stays_is_shown_and_told_once_in_a_quiet_time(scene: Scene, watch: FloatWatch) -> None:
    for minutes in (0, 5, 14):
        watch = said(scene, 700, minutes=minutes)
        assert (watch.drift, watch.attention) == (700, "")
    for minutes in (15, 20, 100):
        watch = said(scene, 700, minutes=minutes)
    assert "KES 700 more at M-Pesa than our book says" in watch.attention
    assert len(alarms()) == 2
    said(scene, 700, minutes=6 * 60 + 16)
    assert len(alarms()) == 4
    watch = said(scene, 0, minutes=6 * 60 + 20)
    assert (watch.drift, watch.attention) == (0, "")


def test_a_drift_that_passes_is_not_told(scene: Scene, watch: FloatWatch) -> None:
    for minutes, utility in ((0, -3), (10, 0), (20, -3), (30, 0)):
        said(scene, utility, minutes=minutes)
    assert alarms() == []


def test_float_that_is_bought_and_on_its_way_is_no_drift(scene: Scene, watch: FloatWatch) -> None:
    said(scene, 0, minutes=-3)
    row = scene.buy()
    watch = said(scene, 0, minutes=2)
    assert watch.drift == 0
    scene.debit(row)
    assert said(scene, 0, minutes=20).drift == 0
    assert said(scene, 50_000, minutes=40).drift == 0
    assert said(scene, 0, minutes=250).drift == -50_000  # four hours: it is missing


def test_a_shared_shortcode_is_never_corrected_by_itself(scene: Scene, watch: FloatWatch) -> None:
    for minutes in (0, 20, 40):
        said(scene, 700, minutes=minutes)
    assert scene.books.money()[2] == 0
    assert not Transfer.objects.filter(type="float_adjustment").exists()


def test_a_partners_own_shortcode_follows_mpesa_when_it_is_quiet(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    scene = make_float.scene(monkeypatch, own=True)
    polling.watch_all(at=make.NOW)
    watch = said(scene, 700, minutes=5)
    assert (scene.books.money()[2], watch.drift) == (700, 0)
    scene.books.hold(principal=Decimal(100), charge=Decimal(0), at=make.NOW + 6 * MINUTE)
    said(scene, 300, minutes=10)
    assert scene.books.money()[2:] == (600, 100)  # a payout is under way: nothing is explained away
    assert not [one for one in prove().differences if "balance" in one.check]


def test_an_own_shortcode_is_not_followed_while_float_is_awaited(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    scene = make_float.scene(monkeypatch, own=True)
    polling.watch_all(at=make.NOW)
    said(scene, 0, minutes=-5)
    row = scene.buy()
    said(scene, 50_000, minutes=5)
    assert (scene.seen(row).status, scene.books.money()) == ("bought", (150_000, 0, 50_000, 0))
    assert not Transfer.objects.filter(type="float_adjustment").exists()


def test_only_what_mpesa_has_spoken_of_anew_is_looked_at(scene: Scene, watch: FloatWatch) -> None:
    assert polling.with_news() == []  # it has never spoken
    balances.observe(shortcode_id=scene.books.shortcode.pk, utility=Decimal(0), working=None, at=make.NOW)
    assert polling.with_news() == [watch.pk]
    said(scene, 0, minutes=1)
    assert polling.with_news() == []


def test_bought_float_that_is_on_its_way_is_not_explained_away(scene: Scene) -> None:
    scene.debit(scene.buy())
    scene.books.shortcode.partner = scene.books.partner
    scene.books.shortcode.save()
    observed_at = make.NOW + timedelta(minutes=30)
    balances.observe(shortcode_id=scene.books.shortcode.pk, utility=Decimal(0), working=None, at=observed_at)
    assert balances.follow_observed(shortcode_id=scene.books.shortcode.pk, at=observed_at) is None
    assert scene.books.money()[2] == make_float.MONEY
