"""The metrics' days are written once, minutes are counted once, and a spark needs something to draw."""

from datetime import date, timedelta

import pytest

from disbursements import measures
from disbursements.measures import UPTIME, Measure
from tests.make import NOW
from vault import measuring, readiness
from vault.measuring import MeasuredDay

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
TODAY = date(2026, 6, 3)


def late_work(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(readiness, "due_ages", lambda *, at: {"disbursements": seconds})


def test_a_minute_is_counted_once_however_often_it_is_looked_at() -> None:
    for seconds in (0, 20, 40, 60):
        measuring.note_minute(at=NOW + timedelta(seconds=seconds))
    assert MeasuredDay.objects.get(key="uptime").good == 2


def test_a_minute_with_overdue_work_and_one_that_nobody_wrote_are_no_uptime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measuring.note_minute(at=NOW)
    late_work(monkeypatch, 301)
    measuring.note_minute(at=NOW + MINUTE)
    late_work(monkeypatch, 299)
    measuring.note_minute(at=NOW + 3 * MINUTE)
    found = measuring.uptime(at=NOW + 3 * MINUTE)
    assert (found.detail, found.value) == ("2 of 4 minutes", "50.0 %")


def test_the_minutes_before_counting_began_are_nobodys_fault() -> None:
    measuring.note_minute(at=NOW - timedelta(hours=20))
    found = measuring.uptime(at=NOW - timedelta(hours=20))
    assert (found.detail, found.value) == ("1 of 1 minutes", "100 %")


def test_without_a_minute_uptime_is_not_known() -> None:
    assert measuring.uptime(at=NOW).value == UPTIME.value


def test_each_day_that_is_over_is_written_once() -> None:
    measuring.close_days(at=NOW)
    measuring.close_days(at=NOW)
    days = MeasuredDay.objects.filter(key="automation").values_list("day", flat=True)
    assert sorted(days) == [TODAY - timedelta(days=back) for back in range(30, 0, -1)]
    assert set(MeasuredDay.objects.values_list("key", flat=True)) == {
        "automation",
        "accuracy",
        "time",
        "sms",
        "ncba",
    }


def measured(number: float | None) -> Measure:
    return Measure(name="x", key="x", definition="", target="", value="", goal=0.5, number=number)


def test_a_spark_draws_known_days_and_the_present_within_its_box() -> None:
    days = [(TODAY - timedelta(days=3), 0.25), (TODAY - timedelta(days=2), None), (TODAY, 1.0)]
    spark = measuring.spark(measured(0.75), days)
    assert spark is not None
    places = [tuple(map(float, point.split(","))) for point in spark.points.split()]
    assert [x for x, _ in places] == [0.0, 60.0, 120.0]
    assert all(0 <= y <= measuring.HEIGHT for _, y in [*places, (0, spark.goal_y or 0)])
    assert places[1][1] < places[2][1] < places[0][1], "higher is further up"
    assert measuring.spark(measured(0.75), []) is None


def test_the_overview_asks_for_all_six() -> None:
    assert [one.key for one, _ in measuring.all_measures(at=NOW)] == [
        one.key for one in measures.all_measures(at=NOW)
    ]
