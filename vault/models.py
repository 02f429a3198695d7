"""What the entrance keeps: each person's second factor, who is logged in from where, and failed attempts."""

import time
from base64 import b32encode, b64decode, b64encode
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from common.crypto import EncryptedTextField
from common.ids import new_id
from vault.measuring import MeasuredDay  # noqa: F401 - a table with a file of its own

STEP = 30  # seconds, and six digits: what every authenticator app does without being told
TOLERANCE = 1  # steps to either side, beside the drift that is learned


class Authenticator(ThrottlingMixin, Device):  # type: ignore[misc]
    """A person's authenticator app. The shared secret is encrypted, unlike that of django-otp's own table."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator"
    )
    secret = EncryptedTextField()  # base64 of 20 bytes
    drift = models.SmallIntegerField(default=0)  # steps that its clock is known to be off
    last_step = models.BigIntegerField(default=-1)  # of the last code that was taken: none is taken twice
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "authenticators"

    def __str__(self) -> str:
        return f"second factor of {self.user}"

    def get_throttle_factor(self) -> int:
        return 1

    def verify_token(self, token: str) -> bool:
        """Take a code of six digits, once. Hold the row's lock while calling; the caller saves failures' pace."""
        if not (token.isascii() and token.isdigit() and len(token) == 6):
            return False
        clock = TOTP(b64decode(self.secret), step=STEP, drift=self.drift)
        clock.time = time.time()
        if not clock.verify(int(token), TOLERANCE, self.last_step + 1):
            return False
        self.last_step, self.drift = clock.t(), clock.drift
        return True


class RecoveryCode(models.Model):
    """A code for the day on which the phone is lost; good once, and kept only as a keyed digest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery_codes"
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"

    @staticmethod
    def digest_of(user_id: Any, code: str) -> str:
        plain = "".join(code.split()).replace("-", "").upper()
        return salted_hmac("vault.recovery", f"{user_id}:{plain}", algorithm="sha256").hexdigest()


class Visit(models.Model):
    """One login: from which device and address, since when, and how it ended."""

    class Proof(models.TextChoices):
        PASSWORD = "password", "Password only"
        CODE = "code", "Password and code"
        RECOVERY = "recovery", "Password and recovery code"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="visits")
    session_key = models.CharField(max_length=40, unique=True)
    proof = models.CharField(max_length=10, choices=Proof.choices)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=300, blank=True)  # User-Agent, as it was sent
    begun_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "visits"
        indexes = [models.Index(fields=["user", "seen_at"], name="visit_user")]

    def __str__(self) -> str:
        return f"login of {self.user} at {self.begun_at:%Y-%m-%d %H:%M}"


class Attempts(models.Model):
    """Failed logins in a row, of one name or one address. In PostgreSQL, so that no lost cache opens the door."""

    key = models.CharField(max_length=64, primary_key=True)  # keyed digest: what was typed may be a password
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField()

    class Meta:
        db_table = "login_attempts"
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{self.failures} failed logins"


def as_secret(raw: bytes) -> str:
    """Return a secret in the form in which it is kept."""
    return b64encode(raw).decode()


def typed_secret(secret: str) -> str:
    """Return a kept secret in the form that people type into an app."""
    return b32encode(b64decode(secret)).decode().rstrip("=")
