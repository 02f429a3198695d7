"""Encrypt every stored secret anew with the newest key of `VAULT_ENCRYPTION_KEYS`."""

from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from common.crypto import EncryptedTextField, rotate


@dataclass(slots=True)
class Count:
    """What became of the values of one column."""

    rotated: int = 0
    already: int = 0
    overtaken: int = 0  # changed by somebody else meanwhile, so written with the newest key anyway


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew with the first key of VAULT_ENCRYPTION_KEYS. It can be stopped and "
        "run again at any time: what is done already is passed over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows that are read at once")
        parser.add_argument(
            "--dry-run", action="store_true", help="only count, and see that all can be opened"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        for model, field in encrypted_columns():
            count = rotate_column(model, field, batch=options["batch"], dry_run=options["dry_run"])
            total += count.rotated
            words = f"{count.rotated} {'to rotate' if options['dry_run'] else 'rotated'}"
            words += f", {count.already} already with the newest key"
            words += f", {count.overtaken} changed meanwhile" if count.overtaken else ""
            self.stdout.write(f"{model._meta.db_table}.{field.column}: {words}")
        if options["dry_run"]:
            self.stdout.write(f"{total} values would be rotated; nothing was changed.")
            return
        self.stdout.write(self.style.SUCCESS(f"{total} values rotated."))
        self.stdout.write(
            "Callback addresses that are under way were made with the older keys: keep these in "
            "VAULT_ENCRYPTION_KEYS until no answer to them can come any more."
        )


def encrypted_columns() -> list[tuple[type[models.Model], EncryptedTextField]]:
    """Return every encrypted field of every table, as the app registry knows them."""
    return [
        (model, field)
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    ]


def rotate_column(
    model: type[models.Model], field: EncryptedTextField, *, batch: int, dry_run: bool = False
) -> Count:
    """Rotate one column in batches by primary key; each value is replaced only while it is what we read.

    :raises CommandError: a value opens with none of the keys
    """
    newest = Fernet(settings.VAULT_ENCRYPTION_KEYS[0])
    stored = model._base_manager.annotate(stored=Cast(field.name, TextField())).exclude(stored="")
    stored = stored.filter(stored__isnull=False).order_by("pk")
    count, last = Count(), None
    while True:
        rows = stored.filter(pk__gt=last) if last is not None else stored
        page = list(rows.values_list("pk", "stored")[:batch])
        for pk, token in page:
            if _opens(newest, token):
                count.already += 1
                continue
            fresh = _rotated(token, model, field, pk)
            if dry_run or _replace(model, field, pk, token, fresh):
                count.rotated += 1
            else:
                count.overtaken += 1
        if len(page) < batch:
            return count
        last = page[-1][0]


def _opens(key: Fernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def _rotated(token: str, model: type[models.Model], field: EncryptedTextField, pk: Any) -> str:
    try:
        return rotate(token)
    except (ImproperlyConfigured, InvalidToken):
        raise CommandError(
            f"{model._meta.db_table}.{field.column} of row {pk} opens with none of VAULT_ENCRYPTION_KEYS. "
            "Add the key that it was written with at the end of the list and run this again; what is rotated "
            "stays so."
        ) from None


def _replace(model: type[models.Model], field: EncryptedTextField, pk: Any, old: str, new: str) -> bool:
    rows = model._base_manager.annotate(stored=Cast(field.name, TextField())).filter(pk=pk, stored=old)
    return bool(rows.update(**{field.name: Value(new, output_field=TextField())}))
