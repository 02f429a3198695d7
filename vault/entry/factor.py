"""The second factor: an authenticator app, ten recovery codes, and the day on which both are lost."""

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from math import ceil
from urllib.parse import quote, urlencode

import qrcode
import qrcode.image.svg
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from common import audit
from vault.entry import visits
from vault.models import Authenticator, RecoveryCode, Visit, as_secret, typed_secret

ISSUER = "Payment Vault"
CODES = 10
LONGEST_WAIT = 15 * 60  # seconds between two wrong codes, at most


class WrongCode(Exception):
    """The code was not taken; the message says why, for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A code that was right: which kind, and how many recovery codes are left."""

    proof: str
    left: int


def new_secret() -> str:
    return as_secret(secrets.token_bytes(20))


def check(*, user: AbstractBaseUser, code: str, at: datetime, address: str | None = None) -> Taken:
    """Take a code of the app or a recovery code, once.

    :raises WrongCode: wrong, used already, or too soon after wrong ones
    """
    with transaction.atomic():
        device = Authenticator.objects.select_for_update().filter(user_id=user.pk).first()
        if device is None:
            raise WrongCode("There is no second factor yet.")
        taken = _take(device, user=user, code=code.replace(" ", ""), at=at)
        if taken and taken.proof == Visit.Proof.RECOVERY:
            audit.write(
                action="used a recovery code",
                subject=user,
                actor=user,
                at=at,
                detail={"codes_left": taken.left},
                remote_address=address,
            )
        if taken is None:
            audit.write(
                action="wrong second factor",
                subject=user,
                actor_name="somebody with the password",
                at=at,
                remote_address=address,
            )
    if taken is None:  # raised outside: the count of failures is committed
        raise WrongCode("This code is wrong or was used already. Type the one that the app shows now.")
    return taken


def _take(device: Authenticator, *, user: AbstractBaseUser, code: str, at: datetime) -> Taken | None:
    if wait := _wait(device, at=at):
        raise WrongCode(f"There were wrong codes. Try again in {wait} seconds.")
    if device.verify_token(code):
        proof = Visit.Proof.CODE
    elif _take_recovery(user, code, at=at):
        proof = Visit.Proof.RECOVERY
    else:
        device.throttling_failure_count += 1
        device.throttling_failure_timestamp = at
        device.save(update_fields=["throttling_failure_count", "throttling_failure_timestamp"])
        return None
    device.throttle_reset(commit=False)
    device.used_at = at
    device.save()
    return Taken(proof, codes_left(user))


def _wait(device: Authenticator, *, at: datetime) -> int:
    """Return the seconds until the next try: the first two slips are free, then 2, 4, 8 … up to 15 minutes."""
    failures, failed_at = device.throttling_failure_count, device.throttling_failure_timestamp
    if failures < 3 or failed_at is None:
        return 0
    pause = min(LONGEST_WAIT, 2 ** min(failures - 2, 12))
    wait: timedelta = failed_at + timedelta(seconds=pause) - at
    return max(0, ceil(wait.total_seconds()))


def _take_recovery(user: AbstractBaseUser, code: str, *, at: datetime) -> bool:
    digest = RecoveryCode.digest_of(user.pk, code)
    unused = RecoveryCode.objects.filter(user_id=user.pk, digest=digest, used_at__isnull=True)
    return unused.update(used_at=at) == 1


def codes_left(user: AbstractBaseUser) -> int:
    return RecoveryCode.objects.filter(user_id=user.pk, used_at__isnull=True).count()


def confirm(
    *, user: AbstractBaseUser, secret: str, code: str, at: datetime, address: str | None
) -> list[str]:
    """Keep an authenticator whose first code is right, in place of an earlier one; return recovery codes.

    :raises WrongCode: the app shows another code
    """
    device = Authenticator(user_id=user.pk, secret=secret, created_at=at, used_at=at, name="app")
    if not device.verify_token(code.replace(" ", "")):
        raise WrongCode(
            "The app shows another code. Scan the picture again, and see that the phone's clock is right."
        )
    with transaction.atomic():
        Authenticator.objects.filter(user_id=user.pk).delete()
        device.save()
        audit.write(
            action="enrolled a second factor", subject=user, actor=user, at=at, remote_address=address
        )
        return new_codes(user=user, at=at, address=address)


def new_codes(*, user: AbstractBaseUser, at: datetime, address: str | None) -> list[str]:
    """Make ten recovery codes; those before are void. They are readable only now."""
    made = [b32encode(secrets.token_bytes(10)).decode() for _ in range(CODES)]
    codes = [f"{one[:4]}-{one[4:8]}-{one[8:12]}-{one[12:16]}" for one in made]
    with transaction.atomic():
        RecoveryCode.objects.filter(user_id=user.pk).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user_id=user.pk, digest=RecoveryCode.digest_of(user.pk, code)) for code in codes
        )
        audit.write(action="made recovery codes", subject=user, actor=user, at=at, remote_address=address)
    return codes


def reset(
    *, user: User, by: AbstractBaseUser | None, reason: str, at: datetime, address: str | None = None
) -> None:
    """Take away another person's second factor and end their sessions; the next login leads to enrolment.

    :param by: None is whoever sits at the server itself
    :raises WrongCode: one's own cannot be reset in this way
    """
    if by is not None and user.pk == by.pk:
        raise WrongCode("Nobody resets their own second factor. Change it on its page, with a code.")
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        visits.end_all(user=user, why="second factor reset", at=at)
        audit.write(
            action="reset second factor",
            subject=user,
            actor=by,
            actor_name="command line",
            reason=reason,
            at=at,
            remote_address=address,
        )


def picture(*, user: AbstractBaseUser, secret: str) -> SafeString:
    """Return the QR code that an app scans, as SVG: dark on white, in the dark theme too."""
    label = quote(f"{ISSUER}:{user.get_username()}")
    told = urlencode({"secret": typed_secret(secret), "issuer": ISSUER}, quote_via=quote)
    image = qrcode.make(
        f"otpauth://totp/{label}?{told}", image_factory=qrcode.image.svg.SvgPathImage, border=2
    )
    drawn = BytesIO()
    image.save(drawn)
    svg = drawn.getvalue().decode().split("?>", 1)[-1]
    return format_html("{}", mark_safe(svg))  # noqa: S308 - our own drawing


def spaced(secret: str) -> str:
    """Return the secret as people type it, in groups of four."""
    text = typed_secret(secret)
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
