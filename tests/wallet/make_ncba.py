"""A bank whose tokens are given, and our two clients of it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import responses

from common.http import new_session
from common.token_store import LocalTokenStore
from wallet.ncba import Gateway, Till
from wallet.ncba_settings import NcbaSettings
from wallet.ncba_shapes import GatewayLogin, StkPush, TillLogin

BASE, TILL = "https://bank.example/test/apigateway", "https://till.example"
TOKEN = f"{BASE}/api/v1/Auth/generate-token"
TILL_TOKEN = f"{TILL}/payments/api/v1/auth/token"
IFT = f"{BASE}/api/v1/IFTTransaction/ifttransaction"
FLOAT = f"{BASE}/api/v1/FloatPurchase/floatpurchase"
LIPA = f"{BASE}/api/v1/LipaNaMpesa/lipanampesa"
STATEMENT = f"{BASE}/api/v1/AccountStatement/accountstatement"
BALANCE = f"{BASE}/api/v1/AccountDetails/accountdetails"
STATUS = f"{BASE}/api/v1/TransactionStatusQuery/transactionstatusquery"
STK = f"{TILL}/payments/api/v1/stk-push/initiate"
STK_QUERY = f"{TILL}/payments/api/v1/stk-push/query"
QR = f"{TILL}/payments/api/v1/qr/generate"
REF = "PV260603A1B2C3D4E5F6"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    """A bank whose tokens are given; the rest each test says."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(TOKEN, json={"accessToken": "tok", "tokenType": "Bearer"})
        mock.get(TILL_TOKEN, json={"access_token": "till-tok", "expires_in": 18000, "status": 200})
        yield mock


def gateway(**changes: Any) -> Gateway:
    return Gateway(
        base_url=BASE,
        login=GatewayLogin(user="u", password="p-hidden", subscription_key="key-hidden"),
        ncba=NcbaSettings(**changes),
        session=new_session(allow_private=True),
        tokens=LocalTokenStore(),
    )


def till() -> Till:
    login = TillLogin(user="tu", password="tp")
    session = new_session(allow_private=True)
    return Till(base_url=TILL, login=login, ncba=NcbaSettings(), session=session, tokens=LocalTokenStore())


def push(amount: str = "100") -> StkPush:
    return StkPush(phone="254708374149", amount=Decimal(amount), account="123456#KILIMO")


def sent(net: responses.RequestsMock, url: str) -> Any:
    return json.loads([call.request for call in net.calls if call.request.url == url][-1].body)
