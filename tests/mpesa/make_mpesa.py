"""An operator with a certificate whose private key we hold, and a client for him."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from common.http import new_session
from common.token_store import LocalTokenStore, TokenStore
from mpesa.client import Client, Credentials, Payout

HOST = "https://daraja.example"
OUR_ID = "0190163d-8694-739b-aea5-966c26f8ad91"
ADDRESSES = {
    "result_url": "https://vault.example/callbacks/b2c/00aa/result",
    "timeout_url": "https://vault.example/callbacks/b2c/00aa/timeout",
}


def sample(name: str) -> str:
    return (Path(__file__).parent / "samples" / f"{name}.json").read_text()


def result(code: object = 0, *, text: str = "", **fields: Any) -> str:
    """A posted result: parameters as keyword arguments, written as M-Pesa does."""
    said = [{"Key": key, "Value": value} for key, value in fields.items()]
    body = {"ResultType": 0, "ResultCode": code, "ResultDesc": text, "TransactionID": "SKE0000000"}
    return json.dumps({"Result": body | {"ResultParameters": {"ResultParameter": said}}})


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate() -> str:
    """A self-signed certificate that has long expired, like Safaricom's own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.example")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key().public_key())
    dated = built.not_valid_before(datetime(2014, 11, 12, tzinfo=UTC)).not_valid_after(
        datetime(2016, 11, 11, tzinfo=UTC)
    )
    signed = dated.serial_number(1).sign(key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def opened(credential: str) -> str:
    return key().decrypt(base64.b64decode(credential, validate=True), padding.PKCS1v15()).decode()


def credentials(**fields: str) -> Credentials:
    plain = {"shortcode": "600992", "consumer_key": "key", "consumer_secret": "s3cret"}
    operator = {"initiator": "testapi", "initiator_password": "Safe#999", "certificate": certificate()}
    return Credentials(**{**plain, **operator, **fields})


def client(*, base_url: str = HOST, tokens: TokenStore | None = None, **fields: str) -> Client:
    return Client(
        base_url=base_url,
        credentials=credentials(**fields),
        session=new_session(allow_private=True),
        tokens=tokens or LocalTokenStore(),
    )


def payout(**fields: Any) -> Payout:
    plain = {"phone": "254708374149", "amount": Decimal("9500.00"), "remarks": "Loan 17", **ADDRESSES}
    return Payout(**{"originator_conversation_id": OUR_ID, **plain, **fields})
