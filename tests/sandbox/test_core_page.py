"""The page at / and the JSON behind it."""

import re
from typing import Any

from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import PHONE, Daraja


def shown(sandbox: Sandbox, **query: str) -> Any:
    return sandbox.get("/page.json", params=query).json()


def make_loan(sandbox: Sandbox, *, phone: str = PHONE, approve: bool = False) -> int:
    host = "fineract/kilimo"
    sandbox.control("POST", "fineract/hosts", {"host": "kilimo", "username": "vault", "password": "p"})
    product = {"name": "Loan", "min_principal": "100", "principal": "1500", "max_principal": "9000"}
    product_id = sandbox.control("POST", f"{host}/products", product)["id"]
    client = {"name": "Amina Otieno", "mobile_no": phone, "active": True}
    client_id = sandbox.control("POST", f"{host}/clients", client)["id"]
    loan = {"client_id": client_id, "product_id": product_id, "principal": "1500", "approve": approve}
    return int(sandbox.control("POST", f"{host}/loans", loan)["id"])


def test_the_page_stands_alone(sandbox: Sandbox) -> None:
    answer = sandbox.get("/")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", answer.text)


def test_an_empty_world_has_nothing_to_show(sandbox: Sandbox) -> None:
    page = shown(sandbox)
    assert (page["hosts"], page["phones"], page["totals"]["hosts"]) == ([], [], 0)


def test_a_loan_shows_with_the_phone_that_waits_for_it(sandbox: Sandbox) -> None:
    make_loan(sandbox)
    page = shown(sandbox)
    (loan,) = page["hosts"][0]["loans"]
    assert (loan["client"], loan["status"], loan["principal"]) == ("Amina Otieno", 100, "1500.00")
    (phone,) = page["phones"]
    assert (phone["phone"], phone["name"], phone["balance"]) == (PHONE, "AMINA OTIENO", "0.00")


def test_money_and_sms_arrive_on_the_phone(sandbox: Sandbox, daraja: Daraja) -> None:
    sandbox.control("POST", "damza/accounts", {"api_key": "k", "sender_id": "KILIMO", "credits": "5"})
    daraja.pay()
    receipt = daraja.results()[0]["TransactionID"]
    fields = {"action": "send-sms", "api_key": "k", "to": PHONE, "from": "KILIMO", "sms": "Hello"}
    sandbox.get("/damza/sms/api", params=fields)
    (phone,) = shown(sandbox)["phones"]
    assert phone["balance"] == "1500.00"
    assert [sms["from"] for sms in phone["messages"]] == ["KILIMO", "MPESA"]
    assert receipt in phone["messages"][1]["text"]


def test_hosts_and_phones_can_be_found(sandbox: Sandbox) -> None:
    make_loan(sandbox)
    assert shown(sandbox, host="kili")["hosts"]
    assert not shown(sandbox, host="umoja")["hosts"]
    assert not shown(sandbox, phone="2541")["phones"]
