"""Fault rules: whom they meet, how often, and that a seed repeats them."""

import random

import pytest

from sandbox.faults import Faults


def make_faults(*rules: dict[str, object], seed: int = 1) -> Faults:
    faults = Faults(random.Random(seed))
    faults.register("daraja", "result_lost")
    for rule in rules:
        faults.add({"system": "daraja", "operation": "b2c", "kind": "result_lost"} | rule)
    return faults


def test_a_rule_meets_only_its_operation() -> None:
    faults = make_faults({})
    assert faults.pick("daraja", "status") is None
    assert faults.pick("fineract", "b2c") is None
    assert faults.pick("daraja", "b2c") is not None


def test_times_limits_how_often_it_is_played_and_the_count_shows_it() -> None:
    faults = make_faults({"times": 2})
    played = [faults.pick("daraja", "b2c") is not None for _ in range(4)]
    assert played == [True, True, False, False]
    assert faults.rules()[0]["played"] == 2


def test_match_looks_at_the_subject() -> None:
    faults = make_faults({"match": {"phone": "254712000001"}})
    assert faults.pick("daraja", "b2c", {"phone": "254712000002"}) is None
    assert faults.pick("daraja", "b2c", {"phone": 254712000001}) is not None


def test_the_same_seed_plays_the_same_faults() -> None:
    def draw(seed: int) -> list[bool]:
        faults = make_faults({"rate": 0.3}, seed=seed)
        return [faults.pick("daraja", "b2c") is not None for _ in range(200)]

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert 30 < sum(draw(7)) < 90


def test_generic_and_own_kinds_are_drawn_apart() -> None:
    faults = make_faults({"kind": "lost"})
    assert faults.pick("daraja", "b2c") is None
    assert faults.pick("daraja", "b2c", generic=True) is not None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "explode"}, "kind: one of"),
        ({"system": "swift"}, "system: one of"),
        ({"rate": 2}, "rate: a number from 0 to 1"),
        ({"rate": "often"}, "rate: a number from 0 to 1"),
        ({"times": 0}, "times: a whole number"),
        ({"match": "254"}, "match: an object"),
    ],
)
def test_a_wrong_rule_is_refused_in_words(rule: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_faults(rule)
