"""Whatever NCBA may call differently can be set by the environment."""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from wallet.ncba_settings import NcbaSettings, read


def test_without_an_environment_the_contracts_defaults_hold() -> None:
    found = read({})
    assert found == NcbaSettings()
    assert found.reject_codes == ("051", "014", "013")
    assert (found.transfer_country, found.status_country, found.token_seconds) == ("Kenya", "KE", 900)


def test_the_environment_says_otherwise() -> None:
    found = read(
        {
            "NCBA_REJECT_CODES": "051, 099",
            "NCBA_TOKEN_SECONDS": "600",
            "NCBA_TOPUP_MAXIMUM": "150000",
            "NCBA_FLOAT_COUNTRY": "KENYA",
            "NCBA_STK_PATH": "  ",
        }
    )
    assert found.reject_codes == ("051", "099")
    assert (found.token_seconds, found.topup_maximum) == (600, Decimal(150_000))
    assert (found.float_country, found.stk_path) == ("KENYA", NcbaSettings().stk_path)


@pytest.mark.parametrize("name", ["NCBA_TOKEN_SECONDS", "NCBA_TOPUP_MAXIMUM"])
def test_a_number_that_is_none_is_refused_by_name(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read({name: "soon"})


def test_every_setting_is_in_the_example_of_the_environment() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    missing = [field.name for field in fields(NcbaSettings) if f"NCBA_{field.name.upper()}=" not in example]
    assert missing == []
