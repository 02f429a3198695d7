"""A Mifos connection, its client, and answers as Fineract words them."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.http import new_session
from mifos.client import Mifos
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import DisburseCommand
from tests import make

HOST = "https://kilimo.example:8443"
BASE = f"{HOST}/fineract-provider/api/v1"
SAMPLES = Path(__file__).parent / "samples"
PASSWORD = "pässword-never-shown"


def text(name: str) -> str:
    return (SAMPLES / name).read_text()


def sample(name: str, **changes: Any) -> dict[str, Any]:
    return json.loads(text(name)) | changes


def client() -> Mifos:
    return Mifos(
        base_url=BASE,
        tenant="default",
        username="vault",
        password=PASSWORD,
        session=new_session(allow_private=True),
    )


def command(**changes: Any) -> DisburseCommand:
    return DisburseCommand(
        **{
            "loan_id": 12,
            "on": date(2026, 6, 3),
            "amount": Decimal("10000.00"),
            "payment_type_id": 3,
            "receipt": "SG632NMUAB",
            "external_id": "disb-7f3",
            "note": "Paid by M-Pesa",
            "idempotency_key": "disb-7f3-0",
        }
        | changes
    )


def connection(code: str = "kilimo", **fields: Any) -> MifosPartner:
    defaults = {"mifos_host_url": HOST, "mifos_username": "vault", "mifos_password": PASSWORD}
    return MifosPartner.objects.create(partner=make.partner(code), **defaults | fields)


def product(owner: MifosPartner, mifos_product_id: int = 1, **fields: Any) -> LoanProduct:
    return LoanProduct.objects.create(
        mifos_partner=owner, mifos_product_id=mifos_product_id, **{"product_name": "Personal"} | fields
    )


def refusal(
    status: int, code: str, words: str = "No.", *, top: str = "validation.msg.domain.rule.violation"
) -> str:
    """The envelope with one item."""
    item = {"developerMessage": words, "defaultUserMessage": words, "userMessageGlobalisationCode": code}
    return json.dumps(
        {
            "developerMessage": "Something in general.",
            "httpStatusCode": str(status),
            "defaultUserMessage": "Errors exist.",
            "userMessageGlobalisationCode": top,
            "errors": [item | {"parameterName": "id", "args": [{}]}],
        }
    )


def boot(status: int) -> str:
    """Spring Boot's error JSON."""
    return json.dumps(
        {"timestamp": "2026-06-29T08:00:00.000+00:00", "status": status, "error": "X", "path": "/p"}
    )


def bare(code: str, words: str) -> str:
    """An item without its envelope, as for a lock of COB or a body that is no JSON."""
    return json.dumps(
        {"developerMessage": words, "defaultUserMessage": words, "userMessageGlobalisationCode": code}
    )


LOGIN = {
    "username": "vault",
    "userId": 7,
    "authenticated": True,
    "officeId": 1,
    "officeName": "Head Office",
    "permissions": ["ALL_FUNCTIONS"],
    "shouldRenewPassword": False,
    "isTwoFactorAuthenticationRequired": False,
}
PRODUCTS = [
    {
        "id": 1,
        "name": "Personal",
        "status": "loanProduct.active",
        "currency": {"code": "KES"},
        "minPrincipal": 1000,
        "principal": 5000,
        "maxPrincipal": 50000,
        "multiDisburseLoan": False,
    },
    {"id": 4, "name": "School fees", "status": "loanProduct.inActive", "currency": {"code": "KES"}},
]
PAYMENT_TYPES = [
    {"id": 1, "name": "Money Transfer", "isCashPayment": False},
    {"id": 2, "name": "Cash", "isCashPayment": True},
    {"id": 3, "name": "M-PESA ", "isCashPayment": False},
]
