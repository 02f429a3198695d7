"""The shapes in which results were seen, each behind a switch."""

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import Daraja, values

REFUSED = "254799990033"


@pytest.mark.parametrize(("kind", "code"), [("portal", 0), ("int", 0), ("string", "0")])
def test_the_result_code_is_a_number_or_text(
    daraja: Daraja, sandbox: Sandbox, kind: str, code: object
) -> None:
    sandbox.switch(daraja__result_code_type=kind)
    daraja.pay()
    assert daraja.results()[0]["ResultCode"] == code


def test_the_result_may_carry_an_id_of_the_gateway(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__result_id="gateway")
    accepted = daraja.pay(OriginatorConversationID="ours").json()
    result = daraja.results()[0]
    assert accepted["OriginatorConversationID"] == "ours"
    assert result["OriginatorConversationID"] != "ours"
    assert result["ConversationID"] == accepted["ConversationID"]


def test_a_failed_result_may_carry_one_parameter_as_an_object(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__failure_parameters="object")
    daraja.pay(PartyB=REFUSED)
    parameter = daraja.results()[0]["ResultParameters"]["ResultParameter"]
    assert parameter["Key"] == "BOCompletedTime"


@pytest.mark.parametrize(("kind", "generic"), [("real", False), ("generic", True)])
def test_a_failed_result_names_a_real_looking_or_a_generic_transaction(
    daraja: Daraja, sandbox: Sandbox, kind: str, generic: bool
) -> None:
    sandbox.switch(daraja__failed_transaction_id=kind)
    daraja.pay(PartyB=REFUSED)
    named = daraja.results()[0]["TransactionID"]
    assert len(named) == 10
    assert named.endswith("0000000") is generic


def test_a_value_may_be_missing(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__missing_value="on")
    daraja.pay()
    parameters = daraja.results()[0]["ResultParameters"]["ResultParameter"]
    assert parameters[-1] == {"Key": "B2CChargesPaidAccountAvailableFunds"}


def test_keys_may_come_in_another_order(daraja: Daraja, sandbox: Sandbox) -> None:
    daraja.pay()
    sandbox.switch(daraja__key_order="shuffled")
    daraja.pay()
    first, second = (list(values(result)) for result in daraja.results(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_the_reference_may_be_a_list(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__reference_item="list")
    daraja.pay()
    assert daraja.results()[0]["ReferenceData"]["ReferenceItem"][0]["Key"] == "QueueTimeoutURL"
