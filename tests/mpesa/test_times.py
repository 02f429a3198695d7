from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa.times import read_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("06.07.2024 22:48:52", datetime(2024, 7, 6, 19, 48, 52, tzinfo=UTC)),
        ("20180223054112", datetime(2018, 2, 23, 2, 41, 12, tzinfo=UTC)),
        ("20240101020000", datetime(2023, 12, 31, 23, 0, tzinfo=UTC)),
        ("2020-08-05T10:13:00Z", datetime(2020, 8, 5, 7, 13, tzinfo=UTC)),
        ("2020-08-05 10:13:00.5", datetime(2020, 8, 5, 7, 13, 0, 500000, tzinfo=UTC)),
        ("2020-08-05T10:13:00+01:00", datetime(2020, 8, 5, 9, 13, tzinfo=UTC)),
        (" 20180223054112 ", datetime(2018, 2, 23, 2, 41, 12, tzinfo=UTC)),
    ],
)
def test_each_of_the_three_formats_is_nairobi_time(text: str, moment: datetime) -> None:
    assert read_time(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "today", "2018022305411", "201802230541120", "20180231054112", "00010101000000", "31.02.2024 10:00:00",
     "2020-08-05", "1.5.2024 1:2:3", "2020-13-05T10:13:00Z", "٢٠١٨٠٢٢٣٠٥٤١١٢"],
)  # fmt: skip
def test_anything_else_is_no_moment(text: str) -> None:
    assert read_time(text) is None


@given(st.text() | st.text(alphabet="0123456789.:-TZ+ ", min_size=10, max_size=25))
def test_no_text_makes_it_raise(text: str) -> None:
    read_time(text)
