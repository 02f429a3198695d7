import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa.callbacks import (
    Result,
    State,
    balance_result,
    parse,
    payout_result,
    status_result,
)
from mpesa.codes import Kind
from tests.mpesa.make_mpesa import result, sample


def read(body: str) -> Result:
    found = parse(body)
    assert found is not None
    return found


def test_a_paid_result_is_read_whole() -> None:
    posted = read(sample("payout_paid"))
    assert posted.originator_conversation_id == "53e3-4aa8-9fe0-8fb5e4092cdd3533373"
    assert posted.conversation_id == "AG_20240706_2010364430d9bbdaf872"
    paid = payout_result(posted)
    assert paid.verdict.kind == Kind.PAID
    assert (paid.receipt, paid.amount) == ("SG632NMUAB", Decimal("10.00"))
    assert (paid.recipient_phone, paid.recipient_name) == ("254708374149", "JOHN DOE")
    assert paid.completed_at == datetime(2024, 7, 6, 19, 48, 52, tzinfo=UTC)
    assert paid.completed_at_raw == "06.07.2024 22:48:52"
    assert paid.utility_balance == Decimal("8959269.60")
    assert paid.working_balance == Decimal("1199371.00")
    assert paid.charges_paid_balance == Decimal("-1980.00")


def test_a_refused_result_has_its_reason_and_no_receipt() -> None:
    refused = payout_result(read(sample("payout_refused")))
    assert refused.verdict.kind == Kind.CONFIGURATION
    assert refused.receipt == ""
    assert (refused.amount, refused.completed_at, refused.utility_balance) == (None, None, None)


def test_a_finished_transfer_is_read_like_a_payout() -> None:
    done = payout_result(read(sample("transfer_done")))
    assert (done.verdict.kind, done.receipt, done.amount) == (Kind.PAID, "RKA81JJPRF", Decimal("190.00"))
    assert done.completed_at == datetime(2022, 11, 10, 8, 7, 17, tzinfo=UTC)


def test_a_single_parameter_may_be_an_object_and_not_a_list() -> None:
    refused = read(sample("transfer_refused"))
    assert refused.parameters == {"BOCompletedTime": "20200120164825"}
    assert payout_result(refused).verdict.kind == Kind.CONFIGURATION


@pytest.mark.parametrize(
    ("code", "fields", "kind"),
    [
        (0, {"TransactionReceipt": "SG632NMUAB"}, Kind.PAID),
        ("0", {"TransactionReceipt": "SG632NMUAB"}, Kind.PAID),
        (0, {}, Kind.UNKNOWN),
        (0, {"TransactionReceipt": "SKE0000000"}, Kind.UNKNOWN),
        (0, {"TransactionReceipt": ""}, Kind.UNKNOWN),
        (0.0, {"TransactionReceipt": "SG632NMUAB"}, Kind.UNKNOWN),
        (None, {"TransactionReceipt": "SG632NMUAB"}, Kind.UNKNOWN),
        (False, {"TransactionReceipt": "SG632NMUAB"}, Kind.UNKNOWN),
        (1, {"TransactionReceipt": "SG632NMUAB"}, Kind.NO_FLOAT),
        ("SFC_IC0003", {}, Kind.FAILED),
        (31337, {}, Kind.UNKNOWN),
    ],
)
def test_paid_needs_a_success_and_a_receipt(code: object, fields: dict[str, Any], kind: Kind) -> None:
    judged = payout_result(read(result(code, **fields)))
    assert judged.verdict.kind == kind
    assert bool(judged.receipt) == (kind == Kind.PAID)


@pytest.mark.parametrize("waiting", [1, "1"])
def test_a_result_that_announces_further_messages_decides_nothing(waiting: object) -> None:
    body = json.loads(sample("payout_paid"))
    body["Result"]["ResultType"] = waiting
    judged = payout_result(read(json.dumps(body)))
    assert (judged.verdict.kind, judged.receipt) == (Kind.UNKNOWN, "")


def test_the_order_of_parameters_does_not_matter() -> None:
    body = json.loads(sample("payout_paid"))
    body["Result"]["ResultParameters"]["ResultParameter"].reverse()
    assert payout_result(read(json.dumps(body))) == payout_result(read(sample("payout_paid")))


@pytest.mark.parametrize(
    "key", ["OriginatorConversationID", "OriginatorCoversationID", "OriginatorConverstionID"]
)
def test_our_id_is_found_under_each_of_its_spellings(key: str) -> None:
    assert read(json.dumps({"Result": {key: "ours"}})).originator_conversation_id == "ours"


@pytest.mark.parametrize(
    ("name", "phone", "person"),
    [
        ("254708374149 - JOHN DOE", "254708374149", "JOHN DOE"),
        ("254708374149 - ANNE - MARIE", "254708374149", "ANNE - MARIE"),
        ("254708374149", "254708374149", ""),
        ("JOHN DOE", "", "JOHN DOE"),
        (254708374149, "254708374149", ""),
        ("", "", ""),
        (None, "", ""),
    ],
)
def test_a_recipient_is_split_into_phone_and_name(name: object, phone: str, person: str) -> None:
    read_back = payout_result(read(result(ReceiverPartyPublicName=name)))
    assert (read_back.recipient_phone, read_back.recipient_name) == (phone, person)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(10, "10.00"), (1.00, "1.00"), ("5.00", "5.00"), ("300", "300.00"), ("ten", None), ("1e999", None)],
)
def test_amounts_come_in_every_type(amount: object, expected: str | None) -> None:
    found = payout_result(read(result(TransactionAmount=amount))).amount
    assert found == (Decimal(expected) if expected else None)


def test_a_completed_status_is_read_whole() -> None:
    status = status_result(read(sample("status_completed")))
    assert (status.state, status.verdict.kind) == (State.COMPLETED, Kind.PAID)
    assert status.originator_conversation_id == "3211-416020-3"
    assert status.conversation_id == "AG_20180223_000041b09c22e613d6c9"
    assert (status.receipt, status.amount) == ("MBN31H462N", Decimal("300.00"))
    assert (status.phone, status.name) == ("254708374149", "John Doe")
    assert status.charges == Decimal("22.40")
    assert status.finalised_at == datetime(2018, 2, 23, 2, 41, 12, tzinfo=UTC)


STATES: list[tuple[object, dict[str, Any], str, State, Kind]] = [
    # the query's code, its parameters, its text, the state, what is proved
    (0, {"TransactionStatus": "Completed"}, "", State.COMPLETED, Kind.PAID),
    (0, {"TransactionStatus": " completed "}, "", State.COMPLETED, Kind.PAID),
    (0, {"TransactionStatus": "Declined"}, "", State.DECLINED, Kind.FAILED),
    (0, {"TransactionStatus": "Cancelled"}, "", State.CANCELLED, Kind.FAILED),
    (0, {"TransactionStatus": "Expired"}, "", State.EXPIRED, Kind.FAILED),
    (0, {"TransactionStatus": "Initiated"}, "", State.PENDING, Kind.UNKNOWN),
    (0, {"TransactionStatus": "Authorized"}, "", State.PENDING, Kind.UNKNOWN),
    (0, {"TransactionStatus": "Pending Authorized"}, "", State.PENDING, Kind.UNKNOWN),
    (0, {"TransactionStatus": "Reversed"}, "", State.QUERY_FAILED, Kind.UNKNOWN),
    (0, {}, "The service request is processed successfully.", State.QUERY_FAILED, Kind.UNKNOWN),
    ("2032", {}, "The transaction receipt number does not exist.", State.NOT_FOUND, Kind.UNKNOWN),
    (9, {}, "The transaction receipt number does not exist.", State.NOT_FOUND, Kind.UNKNOWN),
    (9, {}, "Transaction not found", State.NOT_FOUND, Kind.UNKNOWN),
    ("SFC_IC0003", {}, "The operator does not exist.", State.QUERY_FAILED, Kind.UNKNOWN),
    (25, {}, "The format of parameter null is invalid.", State.QUERY_FAILED, Kind.UNKNOWN),
    (2001, {}, "The initiator information is invalid.", State.QUERY_FAILED, Kind.UNKNOWN),
    (2001, {"TransactionStatus": "Declined"}, "x", State.QUERY_FAILED, Kind.UNKNOWN),
]


@pytest.mark.parametrize(("code", "fields", "text", "state", "kind"), STATES)
def test_only_the_transaction_status_decides(
    code: object, fields: dict[str, Any], text: str, state: State, kind: Kind
) -> None:
    status = status_result(read(result(code, text=text, **fields)))
    assert (status.state, status.verdict.kind, status.code) == (state, kind, str(code))
    assert status.receipt == ""


def test_a_declined_payment_tells_why() -> None:
    text = "The balance is insufficient for the transaction."
    status = status_result(read(result(TransactionStatus="Declined", TransactionReason=text)))
    assert (status.reason, status.verdict.kind) == (text, Kind.NO_FLOAT)


def test_a_refused_repetition_proves_nothing_about_the_first_request() -> None:
    status = status_result(read(result(TransactionStatus="Declined", TransactionReason="Duplicate Detected")))
    assert (status.state, status.verdict.kind) == (State.QUERY_FAILED, Kind.UNKNOWN)


def test_a_payment_that_was_not_made_has_no_receipt_even_if_an_id_is_given() -> None:
    assert status_result(read(result(TransactionStatus="Declined", ReceiptNo="MBN31H462N"))).receipt == ""


def test_a_key_with_a_blank_in_it_is_found() -> None:
    body = result(
        **{"Conversation ID": "AG_1", "Transaction Status": "Completed", "Receipt No": "MBN31H462N"}
    )
    status = status_result(read(body))
    assert (status.conversation_id, status.receipt) == ("AG_1", "MBN31H462N")


@pytest.mark.parametrize(
    ("fields", "charges"),
    [
        ({"DebitPartyCharges": "Fee For B2C Payment|KES|22.40"}, Decimal("22.40")),
        ({"DebitPartyCharges": "Fee|KES|13.00&Levy|KES|1.50"}, Decimal("14.50")),
        ({"DebitPartyCharges": ""}, Decimal("0.00")),
        ({"DebitPartyCharges": "none"}, None),
        ({}, None),
    ],
)
def test_charges_are_read_where_there_are_any(fields: dict[str, Any], charges: Decimal | None) -> None:
    assert status_result(read(result(**fields))).charges == charges


def test_balances_are_what_can_be_paid_out() -> None:
    balances = balance_result(read(sample("balance")))
    assert balances is not None
    assert (balances.utility, balances.working) == (Decimal("228037.00"), Decimal("700000.00"))
    assert balances.charges_paid == Decimal("-1540.00")
    assert balances.at == datetime(2020, 1, 9, 9, 57, 10, tzinfo=UTC)
    assert list(balances.accounts)[-1] == "Organization Settlement Account"


def test_reserved_and_uncleared_money_does_not_count() -> None:
    text = "Working Account|KES|346568.83|6186.83|340382.00|0.00"
    balances = balance_result(read(result(AccountBalance=text)))
    assert balances is not None
    assert (balances.working, balances.utility) == (Decimal("6186.83"), None)
    assert balances.accounts["Working Account"].current == Decimal("346568.83")


def test_a_till_has_a_merchant_account_instead() -> None:
    balances = balance_result(read(result(AccountBalance="Merchant Account|KES|5.00|4.00|1.00|0.00")))
    assert balances is not None
    assert balances.utility == Decimal("4.00")


@pytest.mark.parametrize(
    "body",
    [
        result(2001, AccountBalance="Utility Account|KES|1|1|0|0"),
        result(),
        result(AccountBalance=""),
        result(AccountBalance="&&||"),
        result(AccountBalance="Utility Account|KES|1.00"),
        result(AccountBalance="Utility Account|KES|a|b|c|d"),
        result(AccountBalance="Utility Account|USD|1|1|0|0"),
    ],
)
def test_a_balance_that_cannot_be_read_is_none(body: str) -> None:
    assert balance_result(read(body)) is None


GARBAGE = [
    "", " ", "null", "0", '"Result"', "[]", "[{}]", "{}", '{"Result": null}', '{"Result": []}', '{"result": {}}',
    "<html></html>", "{", "\x00", "NaN", "[" * 100_000, '{"Result":' * 50_000, "1" * 5000, sample("timeout_notice"),
]  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE)
def test_what_holds_no_result_is_none(body: str) -> None:
    assert parse(body) is None
    assert parse(body.encode()) is None


def test_bytes_may_begin_with_a_mark_and_hold_what_is_no_text() -> None:
    assert parse(b"\xef\xbb\xbf" + sample("payout_paid").encode()) == parse(sample("payout_paid"))
    assert parse(b"\xff\xfe\x00{") is None


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999999999", "1" * 5000, "[[1]]", '{"a":1}', "null", "true"]
)
def test_an_odd_value_is_read_without_complaint(value: str) -> None:
    body = sample("payout_paid").replace(": 10 }", f": {value} }}").replace("8959269.60", value)
    paid = payout_result(read(body))
    assert (paid.verdict.kind, paid.amount, paid.utility_balance) == (Kind.PAID, None, None)


def test_text_is_such_that_a_database_takes_it() -> None:
    posted = read('{"Result": {"ResultDesc": "a\\u0000b\\ud800c"}}')
    assert posted.description == "ab?c"


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0", "Completed"])
)
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "Key": st.sampled_from(
            ["TransactionAmount", "TransactionReceipt", "ReceiverPartyPublicName", "AccountBalance",
             "TransactionCompletedDateTime", "TransactionStatus", "FinalisedTime", "DebitPartyCharges"]
        ) | NESTED,
        "Value": NESTED | st.text(alphabet="0123456789.-:|&KES TZ+e_", max_size=25),
    },
)  # fmt: skip
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "ResultType": NESTED,
        "ResultCode": NESTED,
        "ResultDesc": NESTED,
        "TransactionID": NESTED,
        "ResultParameters": NESTED
        | st.fixed_dictionaries({"ResultParameter": NESTED | ITEMS | st.lists(ITEMS, max_size=6)}),
    },
)


@given(body=st.binary() | st.text())
def test_no_body_makes_the_parser_raise(body: str | bytes) -> None:
    parse(body)


@given(envelope=ENVELOPES | NESTED)
def test_no_result_makes_a_reader_raise(envelope: object) -> None:
    posted = parse(json.dumps({"Result": envelope}))
    if posted is not None:
        judged = payout_result(posted)
        assert bool(judged.receipt) == (judged.verdict.kind == Kind.PAID)
        status_result(posted)
        balance_result(posted)
