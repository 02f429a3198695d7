"""Secrets at rest: Fernet with rotating keys, newest first (`VAULT_ENCRYPTION_KEYS`)."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def encrypt(text: str) -> str:
    return _fernet(tuple(settings.VAULT_ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """:raises ImproperlyConfigured: none of the keys opens it"""
    try:
        return _fernet(tuple(settings.VAULT_ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise ImproperlyConfigured("None of VAULT_ENCRYPTION_KEYS opens a stored secret") from None


def rotate(token: str) -> str:
    """Encrypt anew with the newest key."""
    return _fernet(tuple(settings.VAULT_ENCRYPTION_KEYS)).rotate(token.encode()).decode()


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("VAULT_ENCRYPTION_KEYS is empty")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as exc:
        raise ImproperlyConfigured(
            f"VAULT_ENCRYPTION_KEYS holds something that is no Fernet key: {exc}"
        ) from exc


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and plain in Python; it cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return decrypt(value) if value else value
