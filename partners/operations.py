"""Set up a partner: its own data, shortcodes, tariffs and keys. Everything leaves an audit line."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import transaction

from common import audit
from common.changes import By, Saved, put
from common.phone import canonical
from partners.models import LIVE, TEST, ApiKey, Partner, Shortcode, TariffBand

Band = tuple[Decimal, Decimal]


class BadCertificate(ValueError):
    """Not a certificate that a SecurityCredential can be made with; the message says why."""


class BadTariff(ValueError):
    """Bands that no fee can be read from; the message says why."""


class NotYours(ValueError):
    """A shortcode of this number belongs to somebody else."""


def put_partner(*, code: str, fields: Mapping[str, Any], by: By, at: datetime) -> Saved[Partner]:
    """Make or update the partner of this code.

    :param fields: columns of `Partner`; `phones` as people write them
    :raises BadPhone: one of the phones is no Kenyan mobile number
    :raises ValidationError: another field is not what the model allows
    """
    wanted = dict(fields)
    if "phones" in wanted:
        wanted["phones"] = [canonical(str(phone)) for phone in wanted["phones"]]
    row = Partner.objects.filter(code=code).first() or Partner(code=code)
    return put(row, {"code": code} | wanted, by=by, at=at, quiet={"phones"}, partner_id=row.pk)


def put_shortcode(
    *, number: str, partner: Partner | None, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[Shortcode]:
    """Make or update the shortcode of this number, owned by a partner or (None) shared.

    :raises NotYours: the number is set up for another owner
    :raises BadCertificate: the certificate cannot be used
    """
    row = Shortcode.objects.filter(number=number).first()
    if row and row.partner_id != (partner.pk if partner else None):
        raise NotYours(f"Shortcode {number} is already set up for {row.partner or 'the platform (shared)'}.")
    if fields.get("certificate"):
        read_certificate(fields["certificate"])
    wanted = {"number": number, "partner": partner} | dict(fields)
    return put(row or Shortcode(number=number), wanted, by=by, at=at, quiet={"certificate"})


def read_certificate(pem: str) -> x509.Certificate:
    """Parse Safaricom's certificate for the SecurityCredential; its dates do not matter.

    :raises BadCertificate: no PEM certificate, or its key is not RSA
    """
    if "PRIVATE KEY" in pem:
        raise BadCertificate("This is a private key. Paste Safaricom's certificate (BEGIN CERTIFICATE).")
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise BadCertificate(
            "This is not a PEM certificate. It starts with -----BEGIN CERTIFICATE----- and is downloaded "
            "from the Daraja portal for this environment (sandbox or production)."
        ) from None
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise BadCertificate("The certificate's key is not RSA, so it is not Safaricom's.")
    return certificate


def missing_for(shortcode: Shortcode) -> list[str]:
    """Say in words what a shortcode lacks for its kind; empty when it is complete.

    The certificate's dates are not judged: Safaricom's own are long past, and still in use.
    """
    words = []
    if not (shortcode.consumer_key and shortcode.consumer_secret):
        words.append("The consumer key or secret of its Daraja app is missing.")
    if shortcode.kind == Shortcode.Kind.C2B:
        return words
    if not (shortcode.initiator and shortcode.initiator_password):
        words.append("The initiator (API operator) or its password is missing.")
    if not shortcode.certificate:
        words.append("Safaricom's certificate is missing, so no SecurityCredential can be made.")
        return words
    try:
        read_certificate(shortcode.certificate)
    except BadCertificate as exc:
        words.append(str(exc))
    return words


def put_tariff(
    *, partner: Partner | None, kind: str, bands: Sequence[Band], valid_from: date, by: By, at: datetime
) -> bool:
    """Let these bands hold from a day on, and say whether anything changed.

    Earlier bands stay as they are, with their dates; bands of the same day are replaced (and kept in the
    audit), and nothing is written while the bands that hold already say the same.

    :param bands: pairs of highest amount and fee, in shillings
    :raises BadTariff: none, not rising, or a fee below nothing
    """
    _check_bands(bands)
    with transaction.atomic():
        mine = TariffBand.objects.select_for_update().filter(partner=partner, kind=kind)
        latest = mine.filter(valid_from__lte=valid_from).order_by("-valid_from").first()
        standing = mine.filter(valid_from=latest.valid_from).order_by("up_to") if latest else mine.none()
        old = [(band.up_to, band.fee) for band in standing]
        if old == list(bands):
            return False
        mine.filter(valid_from=valid_from).delete()
        made = [
            TariffBand(partner=partner, kind=kind, valid_from=valid_from, up_to=up_to, fee=fee)
            for up_to, fee in bands
        ]
        TariffBand.objects.bulk_create(made)
        audit.write(
            action="set tariff",
            subject=partner or made[0],
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            remote_address=by.remote_address,
            partner_id=partner.pk if partner else None,
            detail={"kind": kind, "from": valid_from.isoformat(), "old": _told(old), "new": _told(bands)},
        )
    return True


def _check_bands(bands: Sequence[Band]) -> None:
    if not bands:
        raise BadTariff("A tariff has at least one band.")
    limits = [up_to for up_to, _ in bands]
    if limits[0] <= 0 or any(low >= high for low, high in pairwise(limits)):
        raise BadTariff("The highest amounts of the bands must be above zero and rise from band to band.")
    if any(fee < 0 for _, fee in bands):
        raise BadTariff("A fee cannot be below zero.")


def _told(bands: Sequence[Band]) -> list[list[str]]:
    return [[str(up_to), str(fee)] for up_to, fee in bands]


def make_api_key(
    *,
    partner: Partner | None,
    name: str,
    scopes: Sequence[str],
    live: bool,
    expires_at: datetime | None,
    by: By,
    at: datetime,
    rate_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is kept nowhere and can be shown only now.

    :param live: whether the key moves real money (`pv_live_…`) or the sandbox's (`pv_test_…`)
    """
    text = f"{LIVE if live else TEST}{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            partner=partner,
            name=name,
            prefix=text[:14],
            digest=digest(text),
            scopes=list(scopes),
            expires_at=expires_at,
            rate_per_minute=rate_per_minute,
        )
        audit.write(
            action="created",
            subject=key,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            remote_address=by.remote_address,
            detail={"name": name, "prefix": key.prefix, "scopes": list(scopes)},
        )
    return key, text


def revoke_api_key(*, key: ApiKey, by: By, at: datetime) -> bool:
    """Make a key useless from now on; say whether it still was in use."""
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at):
            return False
        audit.write(
            action="revoked",
            subject=key,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            remote_address=by.remote_address,
        )
    key.revoked_at = at
    return True


def digest(key_text: str) -> str:
    """Return what is kept of a key: SHA-256 of its text, in hex."""
    return hashlib.sha256(key_text.encode()).hexdigest()
