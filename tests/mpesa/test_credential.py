import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mpesa.credential import public_key, security_credential
from tests.mpesa import make_mpesa as make


def test_the_raw_password_is_padded_with_pkcs1_v1_5_and_not_with_oaep() -> None:
    sealed = security_credential(password="Safe#999", certificate=make.certificate())
    assert len(sealed) == 344
    numbers = make.key().private_numbers()
    opened = pow(int.from_bytes(base64.b64decode(sealed)), numbers.d, numbers.public_numbers.n).to_bytes(256)
    filling, _, password = opened[2:].partition(b"\x00")
    assert (opened[:2], len(filling) >= 8, password) == (b"\x00\x02", True, b"Safe#999")


def test_one_credential_serves_all_requests_of_a_password() -> None:
    first = security_credential(password="one", certificate=make.certificate())
    assert security_credential(password="one", certificate=make.certificate()) == first
    assert make.opened(security_credential(password="two", certificate=make.certificate())) == "two"


def test_white_space_around_a_certificate_does_no_harm() -> None:
    assert public_key(f"\n  {make.certificate()}  \n").key_size == 2048


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elliptic")])
    old = x509.load_pem_x509_certificate(make.certificate().encode())
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    dated = built.not_valid_before(old.not_valid_before_utc).not_valid_after(old.not_valid_after_utc)
    signed = dated.public_key(key.public_key()).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [
        ("", "no M-Pesa certificate"),
        ("MIIGgDCCBWigAwIBAgIK", "not PEM"),
        ("-----BEGIN CERTIFICATE-----\nMIIG\n-----END CERTIFICATE-----", "damaged"),
        (make.certificate()[:300], "damaged"),
        (make.certificate().replace("M", "Ж", 1), "damaged"),
        (elliptic(), "no RSA key"),
    ],
)
def test_a_bad_certificate_is_refused_in_words(certificate: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        security_credential(password="Safe#999", certificate=certificate)


@pytest.mark.parametrize(("password", "complaint"), [("", "no initiator password"), ("x" * 300, "too long")])
def test_a_password_that_cannot_be_sealed_is_refused_in_words(password: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        security_credential(password=password, certificate=make.certificate())
