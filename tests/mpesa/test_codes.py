import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa import codes
from mpesa.codes import Kind

CLASSES = {
    Kind.PAID: "0",
    Kind.FAILED: "2 3 24 25 29 2040 SFC_IC0003 100000005",
    Kind.FAILED_TODAY: "4 8",
    Kind.NO_FLOAT: "1",
    Kind.CONFIGURATION: "11 18 20 21 22 2001 2006 2028 8006 TP40153 100000010",
    Kind.RETRY: "26 100000001 100000002 100000011",
    Kind.UNKNOWN: "15 17 1032 1037 100000000 100000004 100000007 100000009",
}
LISTED = {code: kind for kind, listed in CLASSES.items() for code in listed.split()}


def test_every_listed_code_has_its_class_and_no_other_is_listed() -> None:
    assert {code: verdict.kind for code, verdict in codes.PAYOUT.items()} == LISTED


@pytest.mark.parametrize(
    "code", ["", "5", "7", "03", "34", "100000003", "sfc_ic0003", "00", "0.0", "-0", "None"]
)
def test_a_code_that_nobody_published_is_unknown_and_keeps_its_text(code: str) -> None:
    verdict = codes.payout_verdict(code, "Something new")
    assert verdict.kind == Kind.UNKNOWN
    assert "Something new" in verdict.words
    assert code in verdict.words


@given(code=st.text(max_size=12).filter(lambda code: code not in LISTED), text=st.text(max_size=50))
def test_nothing_unlisted_ever_counts_as_paid_or_as_not_paid(code: str, text: str) -> None:
    assert codes.payout_verdict(code, text).kind == Kind.UNKNOWN


def test_a_queue_timeout_that_borrows_code_1_is_no_lack_of_float() -> None:
    assert codes.payout_verdict("1", "The service request has timed out.").kind == Kind.UNKNOWN


EACH_ONCE = {verdict.words: verdict for verdict in (*codes.PAYOUT.values(), *codes.GATEWAY.values())}


@pytest.mark.parametrize("verdict", [EACH_ONCE[words] for words in sorted(EACH_ONCE)], ids=lambda v: v.words)
def test_words_are_sentences_that_end_with_what_to_do(verdict: codes.Verdict) -> None:
    assert verdict.words.endswith(verdict.advice)
    assert verdict.words[0].isupper()
    assert verdict.advice.endswith(".")
    assert len(verdict.words) > len(verdict.advice) + 10


def test_a_person_learns_what_happened_and_what_to_do() -> None:
    assert codes.payout_verdict("2040", "").words == (
        "M-Pesa refused: the phone is not registered for M-Pesa. Ask the client for another number."
    )


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("The balance is insufficient for the transaction.", Kind.NO_FLOAT),
        ("Declined due to limit rule: would exceed the maximum balance", Kind.FAILED_TODAY),
        ("THE INITIATOR INFORMATION IS INVALID.", Kind.CONFIGURATION),
        ("The operator does not exist.", Kind.FAILED),
        ("System internal error.", Kind.FAILED),
        ("Initiator credential check failure", Kind.CONFIGURATION),
        ("", Kind.FAILED),
    ],
)
def test_the_reason_of_a_refused_payment_is_never_doubtful(reason: str, kind: Kind) -> None:
    assert codes.refusal_verdict(reason).kind == kind


def test_a_quoted_text_is_short_and_without_phones_and_keys() -> None:
    text = "Bad\nRequest 254708374149 " + "1AbCdEfGhIjKlMnOpQrStUvWxYz0 " + "word " * 60
    quoted = codes.quoted(text)
    assert quoted.startswith("Bad Request … … word")
    assert len(quoted) == 150
