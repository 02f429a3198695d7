"""What a text costs on the air."""

import pytest

from sms.segments import BASIC, EXTENSION, measure, transliterate


@pytest.mark.parametrize(
    ("length", "parts"),
    [(0, 1), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (320, 3), (459, 3), (460, 4)],
)
def test_plain_text_takes_160_alone_and_153_in_parts(length: int, parts: int) -> None:
    size = measure("a" * length)
    assert (size.encoding, size.units, size.segments) == ("gsm7", length, parts)


@pytest.mark.parametrize(
    ("length", "parts"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
)
def test_one_strange_character_halves_the_room(length: int, parts: int) -> None:
    size = measure("ж" * length)
    assert (size.encoding, size.units, size.segments) == ("ucs2", length, parts)


@pytest.mark.parametrize("char", sorted(EXTENSION))
def test_an_extension_character_counts_twice(char: str) -> None:
    assert measure(char * 80).segments == 1
    assert measure(char * 80 + "a").segments == 2
    assert measure(char).units == 2


def test_a_pair_is_not_split_over_two_parts() -> None:
    assert measure("a" * 152 + "€" + "a" * 151).segments == 2  # 152 + (2 + 151)
    assert measure("a" * 152 + "€" + "a" * 152).segments == 3  # 306 septets that do not fit into two parts
    assert measure("a" * 151 + "€" + "a" * 153).segments == 2


def test_an_emoji_is_two_units_that_stay_together() -> None:
    assert measure("😀" * 35).segments == 1
    assert measure("😀").units == 2
    assert measure("😀" * 66).segments == 2  # 33 to a part, one unit unused
    assert measure("😀" * 67).segments == 3


def test_the_basic_table_is_whole() -> None:
    assert len(BASIC) == 127  # 128 places, one of them the escape
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("“Asha’s” loan – KES\u00a05,000…", '"Asha\'s" loan - KES 5,000...'),
        ("Wanjĩkũ Çelik ç", "Wanjiku Çelik c"),
        ("`code`\ttab\u200b", "'code' tab"),
        ("a\r\nb\x00\x07c", "a\nbc"),
        ("José é à ñ ü", "José é à ñ ü".replace("é", "é")),
        ("№ 5 ½ ™", "No 5 1/2 TM"),
    ],
)
def test_typography_and_accents_become_gsm7(typed: str, sent: str) -> None:
    assert transliterate(typed) == sent
    assert measure(transliterate(typed)).encoding == "gsm7"


def test_what_has_no_plain_form_stays_and_is_counted_as_it_is() -> None:
    assert transliterate("مرحبا 😀") == "مرحبا 😀"
    assert measure(transliterate("Asante 😀")).encoding == "ucs2"
