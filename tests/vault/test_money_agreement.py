"""Books of bank, M-Pesa and Mifos made by hand: each kind of difference is found, and nothing where there is none."""

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from vault.running.money_agreement import OurCollection, OurCredit, OurMoney, OurPurchase, differences

CREDIT = OurCredit(
    reference="FT1", amount=Decimal(5000), status="booked", partner="kilimo", booked=Decimal(5000)
)
PURCHASE = OurPurchase(reference="PV1", amount=Decimal(3000), status="bought")
PAYMENT = OurCollection(receipt="UFA1", amount=Decimal(700), booked=Decimal(600), status="unmatched")
OURS = OurMoney(
    codes=frozenset({"kilimo", "pwani"}),
    credits=(CREDIT,),
    purchases=(PURCHASE,),
    collections=(PAYMENT,),
    floats={"600992": Decimal(9000)},
    from_bank=Decimal(2000),
)


def line(amount: str, **fields: Any) -> dict[str, Any]:
    return {"reference": "FT1", "amount": amount, "receipt": "", "narrative": "123456 KILIMO"} | fields


def books() -> dict[str, Any]:
    taken = {"receipt": "UFA1", "shortcode": "600100", "status": "completed", "amount": "700.00"}
    booked = {"receipt": "UFA1", "reversed": False, "type": "repayment", "amount": "600.00"}
    spent = line("-3000.00", reference="FT2", narrative="FLOAT PV1")
    return {
        "ncba": {
            "accounts": {"1": {"lines": [line("5000.00"), spent]}},
            "orders": [{"our_reference": "PV1", "amount": "3000.00"}],
        },
        "daraja": {"shortcodes": {"600992": {"utility": "9000.00"}}, "payments": [taken]},
        "fineract": {"hosts": {"kilimo": {"loans": [{"transactions": [booked]}], "savings": []}}},
    }


def found(ours: OurMoney, theirs: dict[str, Any]) -> list[str]:
    return differences(theirs, ours, paybills=["600100"])


def test_books_that_agree_have_no_differences() -> None:
    assert found(OURS, books()) == []


OUR_FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("nothing booked", {"credits": ()}, "we know nothing of it"),
    ("booked twice", {"credits": (replace(CREDIT, booked=Decimal(10_000)),)}, "our ledger booked 10000"),
    ("two rows", {"credits": (CREDIT, replace(CREDIT, reference="FT9"))}, "no such credit"),
    ("another's", {"credits": (replace(CREDIT, partner="pwani"),)}, "for kilimo, we gave it to pwani"),
    ("suspense", {"credits": (replace(CREDIT, status="suspense", partner=""),)}, "we gave it to nobody"),
    ("not captured", {"purchases": (replace(PURCHASE, status="unknown"),)}, "we say unknown"),
    ("given back", {"purchases": (replace(PURCHASE, status="failed"),)}, "moved 3000.00, we say failed"),
    ("never seen", {"purchases": ()}, "we know nothing of it"),
    ("no evidence", {"purchases": (PURCHASE, replace(PURCHASE, reference="PV2"))}, "the bank moved nothing"),
    ("float", {"floats": {"600992": Decimal(9001)}}, "our floats come to 9001"),
    ("bank", {"from_bank": Decimal(2001)}, "our ledger moved 2001"),
    ("not posted", {"collections": (replace(PAYMENT, booked=Decimal(0)),)}, "we say 0 of 700"),
    ("lost", {"collections": ()}, "a customer paid 700.00, and we know nothing"),
    ("posted", {"collections": (replace(PAYMENT, status="posted"),)}, "100 of it is not booked"),
]


@pytest.mark.parametrize(
    ("change", "words"), [fault[1:] for fault in OUR_FAULTS], ids=[f[0] for f in OUR_FAULTS]
)
def test_what_we_have_wrong_is_found(change: dict[str, Any], words: str) -> None:
    assert any(words in said for said in found(replace(OURS, **change), books()))


def test_a_payment_booked_twice_in_mifos_is_found() -> None:
    theirs = copy.deepcopy(books())
    entries = theirs["fineract"]["hosts"]["kilimo"]["loans"][0]["transactions"]
    entries.append(entries[0])
    assert any("2 bookings in Mifos over 1200.00" in said for said in found(OURS, theirs))


def test_money_for_nobody_belongs_in_suspense() -> None:
    theirs = copy.deepcopy(books())
    theirs["ncba"]["accounts"]["1"]["lines"][0]["narrative"] = "123456 NOBODY"
    assert any("for nobody, we gave it to kilimo" in said for said in found(OURS, theirs))
    waiting = replace(CREDIT, status="suspense", partner="")
    assert found(replace(OURS, credits=(waiting,)), theirs) == []
