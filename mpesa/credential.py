"""The SecurityCredential: the operator's password, readable by M-Pesa only."""

import base64
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def public_key(certificate: str) -> RSAPublicKey:
    """Read the key of a PEM certificate, whatever its dates: Safaricom's own are long expired and in use.

    :raises ValueError: says what is wrong with it, for the person who typed it in
    """
    if not certificate.strip():
        raise ValueError("there is no M-Pesa certificate")
    if "-----BEGIN CERTIFICATE-----" not in certificate:
        raise ValueError("the M-Pesa certificate is not PEM text (-----BEGIN CERTIFICATE----- is missing)")
    try:
        key = x509.load_pem_x509_certificate(certificate.strip().encode()).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ValueError("the M-Pesa certificate is damaged or incomplete") from exc
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the M-Pesa certificate has no RSA key")  # noqa: TRY004
    return key


@lru_cache(maxsize=256)
def security_credential(*, password: str, certificate: str) -> str:
    """Encrypt the plain password with PKCS#1 v1.5 and return it in base64; one result serves all requests.

    Source: Daraja portal, TransactionStatus, FAQ 6. Its "base64 encoded password" is a mistake: the raw
    bytes are encrypted.

    :raises ValueError: no password, one that is too long for the key, or a bad certificate
    """
    if not password:
        raise ValueError("there is no initiator password")
    key = public_key(certificate)
    try:
        return base64.b64encode(key.encrypt(password.encode(), PKCS1v15())).decode()
    except ValueError as exc:
        raise ValueError("the initiator password is too long") from exc
