"""`manage.py apply FILE.yaml`: set-up as code."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from vault.setup import parts
from vault.setup.applying import apply
from vault.setup.checking import check
from vault.setup.document import WrongFile, read
from vault.setup.outcome import Outcome


class Command(BaseCommand):
    help = (
        "Make or update partners and all that belongs to them, as a YAML file says. It may be run again at any "
        "time. A wrong file is refused whole, with the line and what is expected."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="answer for programs")
        parser.add_argument("--keys", action="store_true", help="make new API keys and show them, only now")
        parser.add_argument("--dry-run", action="store_true", help="check, and say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        try:
            with _logs_to_stderr():
                outcome = self._apply(options["file"], options["keys"], options["dry_run"], at)
        except WrongFile as exc:
            if options["json"]:
                self.stdout.write(json.dumps({"error": "nothing was changed", "problems": exc.problems}))
            raise CommandError(
                "\n".join([f"{options['file']}: nothing was changed.", *exc.problems])
            ) from None
        self.stdout.write(json.dumps(outcome.as_json(), indent=2) if options["json"] else outcome.as_text())

    def _apply(self, path: Path, keys: bool, dry_run: bool, at: datetime) -> Outcome:
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{path} cannot be read: {exc}") from None
        document = read(text, os.environ)
        file = check(document)
        outcome = apply(file, document=document, folder=path.parent, keys=keys, dry_run=dry_run, at=at)
        if not dry_run:
            for wanted, partner in zip(file.partners, outcome.partners, strict=True):
                if wanted.mifos and (note := parts.sync_products(partner.code, at=at)):
                    partner.notes.append(note)  # speaks to Mifos, so it comes after the commit
        return outcome


@contextmanager
def _logs_to_stderr() -> Iterator[None]:
    """Leave standard output to the answer, which programs read."""
    moved = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout
    ]
    for handler in moved:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler in moved:
            handler.setStream(sys.stdout)
