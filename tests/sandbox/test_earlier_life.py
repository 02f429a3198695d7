"""A caller that kept its data while the sandbox forgot its own goes on with numbers that are new to it."""

from typing import Any

from tests.sandbox.conftest import Sandbox


def ask(sandbox: Sandbox, path: str, body: dict[str, Any]) -> Any:
    return sandbox.request("POST", f"/control/{path}", json=body)


def test_loans_and_clients_go_on_above_the_known_ones(sandbox: Sandbox) -> None:
    ask(sandbox, "fineract/hosts", {"host": "kilimo", "first_loan_id": 71, "first_client_id": 31})
    product = ask(sandbox, "fineract/kilimo/products", {"name": "Biashara"}).json()["id"]
    made = ask(sandbox, "fineract/kilimo/loans/bulk", {"count": 2, "product_id": product}).json()
    assert made == {"loan_ids": [71, 72], "client_ids": [31, 32]}


def test_a_sequence_in_use_does_not_jump(sandbox: Sandbox) -> None:
    ask(sandbox, "fineract/hosts", {"host": "kilimo"})
    ask(sandbox, "fineract/kilimo/clients", {"name": "Jane Wambui"})
    answer = ask(sandbox, "fineract/hosts", {"host": "kilimo", "first_client_id": 31})
    assert answer.status_code == 400
    assert "before the first client" in answer.json()["error"]


def test_a_loan_of_an_earlier_life_comes_back_under_its_number(sandbox: Sandbox) -> None:
    ask(sandbox, "fineract/hosts", {"host": "kilimo", "first_loan_id": 71, "first_client_id": 31})
    ask(sandbox, "fineract/kilimo/products", {"name": "Biashara"})
    ask(sandbox, "fineract/kilimo/clients", {"id": 30, "name": "Jane Wambui"})
    back = {"id": 70, "client_id": 30, "product_id": 1, "approve": True}
    assert ask(sandbox, "fineract/kilimo/loans", back).json() == {"id": 70}
    assert ask(sandbox, "fineract/kilimo/loans", back).status_code == 400
    new = ask(sandbox, "fineract/kilimo/loans", back | {"id": 71})
    assert new.json() == {"id": 71}


def test_receipts_go_on_above_the_known_ones_and_never_back(sandbox: Sandbox) -> None:
    assert ask(sandbox, "daraja/receipts", {"after": 36**4}).json() == {"after": 36**4}
    assert sandbox.world.daraja.new_receipt()[-5:] == "BAAAB"
    assert ask(sandbox, "daraja/receipts", {"after": 5}).status_code == 400
    assert ask(sandbox, "daraja/receipts", {"after": 36**5}).status_code == 400
