"""B2C v3 without faults: what is taken, what is refused, and where the money goes."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import PHONE, Daraja, values


def test_a_payout_is_accepted_in_the_portals_shape(daraja: Daraja) -> None:
    body = daraja.pay(OriginatorConversationID="600992_a").json()
    assert re.fullmatch(r"AG_\d{8}_[0-9a-f]{20}", body.pop("ConversationID"))
    assert body == {
        "OriginatorConversationID": "600992_a",
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def test_a_paid_result_has_the_portals_shape(daraja: Daraja) -> None:
    accepted = daraja.pay().json()
    result = daraja.results()[0]
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["ConversationID"] == accepted["ConversationID"]
    assert result["OriginatorConversationID"] == accepted["OriginatorConversationID"]
    assert re.fullmatch(r"[A-Z0-9]{10}", result["TransactionID"])
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    told = values(result)
    assert told["TransactionReceipt"] == result["TransactionID"]
    assert told["TransactionAmount"] == 1500
    assert told["ReceiverPartyPublicName"].startswith(f"{PHONE} - ")
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", told["TransactionCompletedDateTime"])
    assert told["B2CUtilityAccountAvailableFunds"] == 998500.0
    assert told["B2CChargesPaidAccountAvailableFunds"] == -5.0


def test_money_leaves_utility_once_and_arrives_once(daraja: Daraja) -> None:
    daraja.pay()
    daraja.results()
    shortcode = daraja.books()["shortcodes"]["600992"]
    assert (shortcode["utility"], shortcode["charges_paid"]) == ("998500.00", "-5.00")
    assert daraja.balance() == 1500


def test_the_same_id_is_refused_and_pays_once(daraja: Daraja) -> None:
    daraja.pay(OriginatorConversationID="once")
    answer = daraja.pay(OriginatorConversationID="once", Amount="99")
    assert answer.status_code == 500
    assert answer.json()["errorCode"] == "500.002.1001"
    assert answer.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    daraja.results()
    assert daraja.balance() == 1500


def test_by_switch_a_duplicate_is_told_as_result_15(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__duplicate_as="result")
    daraja.pay(OriginatorConversationID="once")
    assert daraja.pay(OriginatorConversationID="once").json()["ResponseCode"] == "0"
    assert sorted(result["ResultCode"] for result in daraja.results(2)) == [0, 15]
    assert daraja.balance() == 1500


def test_by_switch_ids_are_forgotten_after_days(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__dedupe_days="2", daraja__invalidate_previous_token="off")
    daraja.pay(OriginatorConversationID="old")
    daraja.results()
    sandbox.control("POST", "clock", {"shift_seconds": 3 * 86400})
    daraja.token = daraja.fetch_token().json()["access_token"]
    assert daraja.pay(OriginatorConversationID="old").status_code == 200
    daraja.results(2)
    assert daraja.balance() == 3000
    assert len(daraja.books()["payouts"]) == 2


@pytest.mark.parametrize(("consumes", "second"), [("off", 200), ("on", 500)])
def test_whether_a_refusal_uses_up_the_id_is_a_switch(
    daraja: Daraja, sandbox: Sandbox, consumes: str, second: int
) -> None:
    sandbox.switch(daraja__refusal_consumes_id=consumes)
    assert daraja.pay(OriginatorConversationID="id", Amount="x").status_code == 400
    assert daraja.pay(OriginatorConversationID="id").status_code == second


WRONG: list[tuple[str, Any]] = [
    ("OriginatorConversationID", None),
    ("InitiatorName", None),
    ("SecurityCredential", ""),
    ("CommandID", "BusinessPayBill"),
    ("Amount", "10.00"),
    ("Amount", 10.5),
    ("Amount", "0"),
    ("Amount", True),
    ("PartyA", "6009"),
    ("PartyA", "600111"),
    ("PartyB", "+254712000001"),
    ("PartyB", "0712000001"),
    ("Remarks", ""),
    ("Remarks", "x" * 101),
    ("Occassion", "x" * 101),
    ("ResultURL", "nowhere"),
    ("QueueTimeOutURL", None),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_missing_or_wrong_field_is_named(daraja: Daraja, field: str, value: Any) -> None:
    answer = daraja.pay(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert daraja.books()["payouts"] == []


def test_initiator_is_not_the_name_of_the_field(daraja: Daraja) -> None:
    answer = daraja.pay(InitiatorName=None, Initiator="testapi")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid InitiatorName"


def test_numbers_and_unknown_keys_are_taken(daraja: Daraja) -> None:
    answer = daraja.pay(Amount=200, PartyA=600992, PartyB=int(PHONE), Occasion="x", Occassion=None)
    assert answer.status_code == 200


@pytest.mark.parametrize("word", ["mpesa", "M-PESA", "Safaricom", "exe", "cmd", "SQL", "query"])
def test_forbidden_words_in_our_addresses_are_refused(daraja: Daraja, word: str) -> None:
    answer = daraja.pay(ResultURL=f"https://vault.example/callbacks/{word}/result")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid ResultURL"


def test_bodies_that_are_no_json_are_refused(daraja: Daraja, sandbox: Sandbox) -> None:
    path, token = "/daraja/mpesa/b2c/v3/paymentrequest", {"Authorization": f"Bearer {daraja.token}"}
    form = sandbox.post(path, data={"Amount": "1"}, headers=token)
    assert form.json()["errorMessage"] == "Bad Request - Invalid OriginatorConversationID"
    broken = sandbox.post(path, data="{", headers=token | {"Content-Type": "application/json"})
    assert broken.json()["errorCode"] == "400.002.05"


def outcome(daraja: Daraja, **changes: Any) -> Any:
    daraja.pay(**changes)
    result = daraja.results()[0]
    assert "ResultParameters" not in result
    assert daraja.utility() == 1_000_000
    return result["ResultCode"]


def test_a_wrong_password_is_told_asynchronously(daraja: Daraja) -> None:
    assert outcome(daraja, SecurityCredential=daraja.seal("wrong")) == 2001


def test_a_credential_that_is_not_encrypted_is_a_wrong_one(daraja: Daraja) -> None:
    assert outcome(daraja, SecurityCredential="Safe#1") == 2001


def test_three_wrong_passwords_lock_the_operator(daraja: Daraja) -> None:
    wrong = daraja.seal("wrong")
    for count in range(1, 4):
        daraja.pay(SecurityCredential=wrong)
        daraja.results(count)
    daraja.pay()
    assert daraja.results(4)[3]["ResultCode"] == 8006


@pytest.mark.parametrize(("amount", "code"), [("9", 2), ("250001", 3), ("2000", 0)])
def test_amount_limits(daraja: Daraja, amount: str, code: int) -> None:
    daraja.pay(Amount=amount)
    assert daraja.results()[0]["ResultCode"] == code


def test_the_phone_holds_at_most_half_a_million(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/phones", {"phone": PHONE, "balance": "499999"})
    assert outcome(daraja, Amount="10") == 8


def test_the_phone_takes_at_most_half_a_million_a_day(daraja: Daraja, sandbox: Sandbox) -> None:
    for count in (1, 2):
        daraja.pay(Amount="250000")
        assert daraja.results(count)[-1]["ResultCode"] == 0
        sandbox.control("POST", "daraja/phones", {"phone": PHONE, "balance": "0"})
    daraja.pay(Amount="10")
    assert daraja.results(3)[2]["ResultCode"] == 4


@pytest.mark.parametrize(
    ("state", "code"),
    [({"registered": False}, 2040), ({"exists": False}, "SFC_IC0003"), ({"active": False}, "SFC_IC0003")],
)
def test_receivers_who_cannot_take_money(
    daraja: Daraja, sandbox: Sandbox, state: dict[str, bool], code: object
) -> None:
    sandbox.control("POST", "daraja/phones", {"phone": PHONE} | state)
    assert outcome(daraja) == code


def test_a_fixed_line_has_no_wallet_but_a_ported_number_has(daraja: Daraja) -> None:
    daraja.pay(PartyB="254202345678")
    assert daraja.results()[0]["ResultCode"] == "SFC_IC0003"
    daraja.pay(PartyB="254733000001")
    assert daraja.results(2)[1]["ResultCode"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"utility": "1499", "working": "900000"}, 1),
        ({"state": "invalid"}, 11),
        ({"state": "restricted"}, 2006),
        ({"roles": ["status"]}, 21),
        ({"initiator": "other"}, 2001),
    ],
)
def test_the_organisation_must_be_able_to_pay(
    daraja: Daraja, sandbox: Sandbox, change: dict[str, Any], code: int
) -> None:
    sandbox.control("POST", "daraja/shortcodes", {"number": "600992"} | change)
    daraja.pay()
    assert daraja.results()[0]["ResultCode"] == code
    assert daraja.balance() == 0


def test_operator_comes_before_receiver_before_limits_before_funds(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/shortcodes", {"number": "600992", "utility": "0"})
    sandbox.control("POST", "daraja/phones", {"phone": PHONE, "registered": False})
    daraja.pay(SecurityCredential=daraja.seal("wrong"), Amount="300000")
    daraja.pay(Amount="300000")
    daraja.results(2)
    sandbox.control("POST", "daraja/phones", {"phone": PHONE, "registered": True})
    daraja.pay(Amount="300000")
    daraja.results(3)
    daraja.pay(Amount="100")
    assert [result["ResultCode"] for result in daraja.results(4)] == [2001, 2040, 3, 1]


def test_another_apps_key_may_not_use_the_shortcode(daraja: Daraja, sandbox: Sandbox) -> None:
    other = {"number": "600777", "consumer_key": "other", "consumer_secret": "s", "kind": "b2c"}
    sandbox.control("POST", "daraja/shortcodes", other)
    daraja.token = daraja.fetch_token("other", "s").json()["access_token"]
    assert outcome(daraja) == 2028


def test_an_app_for_collections_has_no_payout_product(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/shortcodes", {"number": "600992", "kind": "c2b"})
    assert daraja.pay().json()["errorCode"] == "401.003.01"


@pytest.mark.parametrize(
    ("amount", "fee"), [("100", "0"), ("101", "5"), ("1501", "9"), ("5001", "11"), ("250000", "13")]
)
def test_the_fee_follows_the_tariff(daraja: Daraja, amount: str, fee: str) -> None:
    daraja.pay(Amount=amount)
    daraja.results()
    assert daraja.books()["payouts"][0]["charge"] == f"{fee}.00"


def test_a_newer_tariff_holds_from_its_day_on(daraja: Daraja, sandbox: Sandbox) -> None:
    tomorrow = (sandbox.world.daraja.today() + timedelta(days=1)).isoformat()
    sandbox.control("POST", "daraja/tariff", {"from": tomorrow, "bands": [[100, 0], [250000, 20]]})
    sandbox.switch(daraja__invalidate_previous_token="off")
    daraja.pay()
    daraja.results()
    sandbox.control("POST", "clock", {"shift_seconds": 86400})
    daraja.token = daraja.fetch_token().json()["access_token"]
    daraja.pay()
    daraja.results(2)
    assert [payout["charge"] for payout in daraja.books()["payouts"]] == ["5.00", "20.00"]
