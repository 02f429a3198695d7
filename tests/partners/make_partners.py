"""A certificate such as Safaricom's: RSA, self-signed and long expired."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


@lru_cache
def certificate(*, elliptic: bool = False) -> str:
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if elliptic
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.test.invalid")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2014, 11, 12, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2016, 11, 11, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode().strip()
