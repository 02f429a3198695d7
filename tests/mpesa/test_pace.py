from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
import redis
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from mpesa.pace import Pace

NO_REDIS = "redis://127.0.0.1:1/0"
NUMBER = "600992"


@dataclass
class Clock:
    now: float = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[True, False], ids=["with redis", "without"])
def pace(request: pytest.FixtureRequest, clock: Clock) -> Pace:
    return Pace(settings.REDIS_URL if request.param else NO_REDIS, clock=clock)


def gone_in(pace: Pace, clock: Clock, seconds: float, *, rate: float) -> int:
    """Count the requests that go within a time, each asking again when it is told to."""
    end, count = clock.now + seconds, 0
    while clock.now < end - 1e-6:
        wait = pace.take(NUMBER, rate)
        count += wait == 0
        clock.now += wait
    return count


def test_the_first_goes_at_once_and_the_next_waits_its_turn(pace: Pace, clock: Clock) -> None:
    assert pace.take(NUMBER, Decimal("5.00")) == 0
    assert pace.take(NUMBER, Decimal("5.00")) == pytest.approx(0.2, abs=1e-5)
    clock.now += 0.1
    assert pace.take(NUMBER, Decimal("5.00")) == pytest.approx(0.1, abs=1e-5)
    clock.now += 0.1
    assert pace.take(NUMBER, Decimal("5.00")) == 0


@pytest.mark.parametrize(("rate", "in_ten_seconds"), [(5, 50), (0.5, 5), (0.1, 1), (50, 509)])
def test_no_more_go_than_the_setting_allows(
    pace: Pace, clock: Clock, rate: float, in_ten_seconds: int
) -> None:
    assert gone_in(pace, clock, 10, rate=rate) == pytest.approx(in_ten_seconds, abs=1)


def test_a_rest_saves_nothing_up(pace: Pace, clock: Clock) -> None:
    pace.take(NUMBER, 5)
    clock.now += 3600
    assert gone_in(pace, clock, 1, rate=5) == 5


def test_shortcodes_do_not_wait_for_each_other(pace: Pace) -> None:
    pace.take(NUMBER, 1)
    assert pace.take("600100", 1) == 0


def test_an_arrest_halves_the_pace(pace: Pace, clock: Clock) -> None:
    pace.slow_down(NUMBER)
    assert gone_in(pace, clock, 20, rate=4) == pytest.approx(40, abs=1)


def test_requests_arrested_together_count_as_one(pace: Pace, clock: Clock) -> None:
    for _ in range(8):
        pace.slow_down(NUMBER)
        clock.now += 0.1
    assert gone_in(pace, clock, 20, rate=4) == pytest.approx(40, abs=1)


def test_a_pace_has_a_floor_and_never_passes_the_setting(pace: Pace, clock: Clock) -> None:
    for _ in range(20):
        pace.slow_down(NUMBER)
        clock.now += 2
    assert gone_in(pace, clock, 25, rate=5) == pytest.approx(5, abs=1)
    assert gone_in(pace, clock, 20, rate=0.1) == pytest.approx(2, abs=1)


def test_the_pace_recovers_in_steps_and_not_beyond(pace: Pace, clock: Clock) -> None:
    pace.slow_down(NUMBER)
    per_second = [gone_in(pace, clock, 30, rate=10) / 30 for _ in range(8)]
    assert per_second == pytest.approx([5, 6, 7, 8, 9, 10, 10, 10], abs=0.15)


def test_an_arrest_on_the_way_up_halves_what_was_reached(pace: Pace, clock: Clock) -> None:
    pace.slow_down(NUMBER)
    gone_in(pace, clock, 65, rate=10)  # up to 7 by now
    pace.slow_down(NUMBER)
    assert gone_in(pace, clock, 20, rate=10) == pytest.approx(70, abs=2)


def test_a_rate_of_nothing_is_refused(pace: Pace) -> None:
    with pytest.raises(ValueError, match="above zero"):
        pace.take(NUMBER, 0)


def test_processes_share_one_bucket() -> None:
    assert Pace(settings.REDIS_URL).take(NUMBER, Decimal(1)) == 0
    assert 0.9 < Pace(settings.REDIS_URL).take(NUMBER, Decimal(1)) <= 1


def test_an_emptied_redis_begins_anew(clock: Clock) -> None:
    pace = Pace(settings.REDIS_URL, clock=clock)
    pace.take(NUMBER, 1)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    assert pace.take(NUMBER, 1) == 0


STEPS: st.SearchStrategy[list[tuple[float, bool]]] = st.lists(
    st.tuples(st.floats(0, 70), st.booleans()), max_size=30
)


@given(steps=STEPS, rate=st.sampled_from([0.1, 1.0, 5.0, 40.0]))
def test_both_buckets_do_the_same(steps: list[tuple[float, bool]], rate: float) -> None:
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    clock = Clock()
    both: list[Pace] = [Pace(settings.REDIS_URL, clock=clock), Pace(NO_REDIS, clock=clock)]
    act: Callable[[Pace], object]
    for passed, arrested in [(0.0, False), *steps]:
        clock.now += passed
        act = (lambda one: one.slow_down(NUMBER)) if arrested else (lambda one: one.take(NUMBER, rate))
        shared, local = (act(one) for one in both)
        assert shared == pytest.approx(local, abs=1e-5) if not arrested else shared is local
