"""The pair of keys behind SecurityCredential, and its certificate."""

from __future__ import annotations

import base64
import binascii
import functools
from collections import OrderedDict
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

REMEMBERED = 10_000


class CredentialKey:
    """An RSA key of 2,048 bits with a self-signed certificate that is long expired, like the real ones."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._opened: OrderedDict[str, str | None] = OrderedDict()
        self.certificate_pem = self._certificate()

    def _certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.sandbox.invalid")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2014, 11, 12, tzinfo=UTC))
            .not_valid_after(datetime(2016, 11, 11, tzinfo=UTC))
            .sign(self._private, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def open(self, credential: str) -> str | None:
        """The password inside a SecurityCredential; None if it is not one.

        A credential is sent again and again, so what was opened once is remembered.
        """
        if credential in self._opened:
            return self._opened[credential]
        password = self._decrypt(credential)
        self._opened[credential] = password
        if len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
        return password

    def _decrypt(self, credential: str) -> str | None:
        # A wrong padding may give random bytes instead of an error: then it is a wrong password.
        try:
            sealed = base64.b64decode(credential, validate=True)
            return self._private.decrypt(sealed, padding.PKCS1v15()).decode()
        except (ValueError, binascii.Error):
            return None


@functools.cache
def credential_key() -> CredentialKey:
    """The key of this process; a reset keeps it, so that a certificate once fetched stays good."""
    return CredentialKey()
