"""Books made by hand: the comparison finds each kind of difference, and nothing where there is none."""

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.make import JANE
from vault.running.agreement import OurPayout, differences

ATTEMPT = "01890000-0000-7000-8000-000000000001"
RECEIPT = "UFA1AB0001"
KEY = ("kilimo", 7)
OURS = OurPayout(
    host="kilimo",
    loan_id=7,
    phone=JANE,
    amount=Decimal("9500.00"),
    gross_amount=Decimal("10000.00"),
    status="completed",
    receipt=RECEIPT,
    attempts=frozenset({ATTEMPT}),
)


def payment(**fields: Any) -> dict[str, Any]:
    paid = {
        "originator_conversation_id": ATTEMPT,
        "receipt": RECEIPT,
        "phone": JANE,
        "amount": "9500",
        "status": "Completed",
    }
    return paid | fields


def record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "disbursement",
        "amount": "10000.00",
        "receipt": RECEIPT,
        "reversed": False,
    } | fields


def loan(**fields: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "status": 300,
        "principal": "10000.00",
        "net_disbursal_amount": "9500.00",
        "mobile_no": "0708374149",
        "transactions": [record()],
    } | fields


def books(
    payments: list[Any] | None = None, loans: list[Any] | None = None, texts: list[str] | None = None
) -> Any:
    messages = [f"Receipt {RECEIPT}."] if texts is None else texts
    return {
        "daraja": {"payouts": [payment()] if payments is None else payments},
        "fineract": {"hosts": {"kilimo": {"loans": [loan()] if loans is None else loans}}},
        "damza": {"messages": [{"to": JANE, "text": text} for text in messages]},
    }


TWICE = replace(OURS, attempts=frozenset({ATTEMPT, "second"}))
UNRECORDED = "no disbursement with our receipt"
SECOND = payment(originator_conversation_id="second", receipt="UFA1AB0002")

CASES: list[tuple[str, Any, list[OurPayout], str]] = [
    ("paid twice", books([payment(), SECOND]), [TWICE], "PAID 2 TIMES"),
    ("paid, we say failed", books(), [replace(OURS, status="failed")], "M-Pesa paid it .* we say failed"),
    ("we say paid, it is not", books([]), [OURS], "M-Pesa has no such payment"),
    ("refused is not paid", books([payment(status="Failed")]), [OURS], "M-Pesa has no such payment"),
    ("wrong phone", books([payment(phone="254711000009")]), [OURS], r"paid to …009, we say …149"),
    ("wrong amount", books([payment(amount="950")]), [OURS], "M-Pesa paid 950, we say 9500.00"),
    ("wrong receipt", books([payment(receipt="UFA1ZZ9999")]), [OURS], "M-Pesa's receipt is UFA1ZZ9999"),
    ("no SMS", books(texts=[]), [OURS], "the client got no SMS"),
    ("an SMS about something else", books(texts=["Receipt UFA1XX0000"]), [OURS], "the client got no SMS"),
    ("no such loan", books(loans=[]), [OURS], "Mifos has no such loan"),
    ("another client's phone", books(loans=[loan(mobile_no="0711000009")]), [OURS], "client's phone is …009"),
    ("gross paid instead of net", books(loans=[loan(net_disbursal_amount="9000.00")]), [OURS], "should get 9000.00"),
    ("Mifos not active", books(loans=[loan(status=200)]), [OURS], "does not show it active"),
    ("without our receipt", books(loans=[loan(transactions=[record(receipt="X")])]), [OURS], UNRECORDED),
    ("record taken back", books(loans=[loan(transactions=[record(reversed=True)])]), [OURS], UNRECORDED),
    ("wrong amount recorded", books(loans=[loan(transactions=[record(amount="9500.00")])]), [OURS], "recorded 9500.00"),
    ("recorded twice", books(loans=[loan(transactions=[record(), record()])]), [OURS], "receipt UFA1AB0001 2 times"),
    ("lent twice", books(loans=[loan(transactions=[record(), record(receipt="Y")])]), [OURS], "more than the 10000.00"),
    ("recorded, we say paid", books(), [replace(OURS, status="paid")], "Mifos has recorded it .* we say paid"),
    ("paid by nobody", books([payment(), SECOND]), [OURS], "UFA1AB0002.* we know nothing of it"),
    ("claimed twice", books(), [OURS, OURS], "2 of our rows claim it"),
    ("never seen", books([], [loan(status=200, transactions=[])]), [], "approved in Mifos, never seen"),
    ("disbursed without us", books([], [loan()]), [], "unknown to us"),
    ("still under way", books([], [loan(status=200, transactions=[])]), [replace(OURS, status="ready")], "is ready"),
    ("never came", books([], []), [], "should be completed, is not seen"),
]  # fmt: skip


def test_books_that_agree_have_no_difference() -> None:
    assert differences(books(), [OURS], must_be_paid=[KEY]) == []


@pytest.mark.parametrize(
    ("given", "ours", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_kind_of_difference_is_found(given: Any, ours: list[OurPayout], words: str) -> None:
    found = differences(given, ours, must_be_paid=[KEY])
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("\n".join(found))


def test_a_loan_disbursed_by_hand_is_none_of_our_business() -> None:
    by_hand = loan(transactions=[record(receipt=None)])
    assert differences(books([], [by_hand]), []) == []


def test_a_refused_payout_that_we_call_failed_agrees() -> None:
    failed = replace(OURS, status="failed", receipt="")
    waiting = loan(status=200, transactions=[])
    assert differences(books([payment(status="Failed")], [waiting]), [failed]) == []


def test_a_direct_payout_has_no_loan_to_compare() -> None:
    direct = replace(OURS, host=None, loan_id=None)
    assert differences(books(loans=[]), [direct]) == []


def test_two_tranches_of_one_loan_agree() -> None:
    tranches = [record(amount="5000.00"), record(amount="5000.00", receipt="UFA1AB0002")]
    given = books(
        [
            payment(amount="4750"),
            payment(originator_conversation_id="second", receipt="UFA1AB0002", amount="4750"),
        ],
        [loan(transactions=tranches)],
        [f"Receipt {RECEIPT}", "Receipt UFA1AB0002"],
    )
    first = replace(OURS, tranche_id=1, amount=Decimal(4750), gross_amount=Decimal(5000))
    second = replace(first, tranche_id=2, receipt="UFA1AB0002", attempts=frozenset({"second"}))
    assert differences(given, [first, second], must_be_paid=[KEY]) == []


def test_full_phones_stay_out_of_the_words() -> None:
    wrong = copy.deepcopy(books([payment(phone="254711000009")], [loan(mobile_no="0722333444")]))
    assert not any(
        "000009" in text or "8374149" in text or "333444" in text for text in differences(wrong, [OURS])
    )
