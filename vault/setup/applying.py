"""Make the database say what the file says: all of it in one transaction, or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction

from common.changes import By, Saved
from partners import operations as partners
from partners.models import Partner
from vault.setup import collecting, parts
from vault.setup.document import Document, Path, WrongFile
from vault.setup.outcome import (
    CREATED,
    UNCHANGED,
    UPDATED,
    BankOutcome,
    Outcome,
    PartnerOutcome,
    PartOutcome,
)
from vault.setup.schema import BankPart, PartnerPart, SetupFile, ShortcodePart
from wallet import bank

BY = By(name="apply")
KEY_LIFE = timedelta(days=365)

Row = TypeVar("Row", bound=models.Model)


def apply(
    file: SetupFile, *, document: Document, folder: FilePath, keys: bool, dry_run: bool, at: datetime
) -> Outcome:
    """Apply a checked file and say what changed. It may be applied again at any time.

    :param folder: where relative paths in the file (certificates) begin
    :param keys: make a new API key for each partner of the file, and one for the platform
    :raises WrongFile: the database or a certificate does not allow it; nothing was changed
    """
    outcome = Outcome(dry_run=dry_run)
    keys = keys and not dry_run
    with transaction.atomic():
        _one_at_a_time()
        work = _Work(document=document, folder=folder, at=at)
        work.shortcodes(
            file.shared_shortcodes, ("shared_shortcodes",), None, outcome.shared_shortcodes.append
        )
        if file.bank:
            outcome.bank = work.bank(file.bank)
        for index, part in enumerate(file.partners):
            outcome.partners.append(work.partner(part, ("partners", index), keys=keys))
        if keys:
            outcome.platform_api_key = _new_key(None, at)
        if dry_run:
            transaction.set_rollback(True)
            _forget_addresses(outcome)
    return outcome


def _forget_addresses(outcome: Outcome) -> None:
    """Addresses hold the ids of rows; those that a dry run made are gone again."""
    for part in (*outcome.partners, outcome.bank):
        if part:
            part.callbacks = {}


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('vault.setup.apply'))")


class _Work:
    """One run over one file: every refusal is given the line where its cause stands."""

    def __init__(self, *, document: Document, folder: FilePath, at: datetime) -> None:
        self._document, self._folder, self._at = document, folder, at

    def shortcodes(
        self,
        wanted: list[ShortcodePart],
        path: Path,
        owner: Partner | None,
        add: Callable[[PartOutcome], None],
    ) -> None:
        for index, part in enumerate(wanted):
            with self._on_line((*path, index)):
                fields = part.given("kind", "consumer_key", "consumer_secret", "initiator")
                fields |= part.given("initiator_password", "response_type", "rate_per_second")
                if "version" in part.model_fields_set:
                    fields["c2b_version"] = part.version
                if part.certificate:
                    fields["certificate"] = self._certificate(part.certificate, (*path, index, "certificate"))
                saved = partners.put_shortcode(
                    number=part.number, partner=owner, fields=fields, by=BY, at=self._at
                )
                own = told(f"shortcode {part.number}", saved)
                extra = collecting.put_collector(part, saved.row, by=BY, at=self._at)
                if extra and own.result == UNCHANGED:
                    own.result = UPDATED
                own.changed += extra if own.result == UPDATED else []
                add(own)

    def bank(self, part: BankPart) -> BankOutcome:
        with self._on_line(("bank",)):
            fields = part.given(*BankPart.model_fields)
            saved = bank.put_account(number=part.account, fields=fields, by=BY, at=self._at)
        own = told("bank", saved)
        return BankOutcome(
            account=part.account,
            result=own.result,
            changed=own.changed,
            callbacks=bank.callback_addresses(saved.row),
        )

    def partner(self, part: PartnerPart, path: Path, *, keys: bool) -> PartnerOutcome:
        with self._on_line(path):
            fields = part.given("name", "phones")
            if part.sms and "language" in part.sms.model_fields_set:
                fields["language"] = part.sms.language
            saved = partners.put_partner(code=part.code, fields=fields, by=BY, at=self._at)
        row, own = saved.row, told("partner", saved)
        outcome = PartnerOutcome(code=part.code, id=str(row.pk))
        outcome.add(own)
        outcome.result = own.result
        self.shortcodes(part.shortcodes, (*path, "shortcodes"), row, outcome.add)
        for name, put in parts.PARTS.items():
            wanted = getattr(part, name)
            if wanted is not None:
                with self._on_line((*path, name)):
                    put(wanted, row, outcome, BY, self._at)
        outcome.callbacks = parts.callbacks(row)
        if keys:
            outcome.api_key = _new_key(row, self._at)
        return outcome

    def _certificate(self, written: str, path: Path) -> str:
        try:
            return (self._folder / written).read_text().strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = getattr(exc, "strerror", None) or "it is not text; expected PEM"
            line = self._document.line_of(path)
            raise WrongFile([f"line {line}: the certificate {written} cannot be read: {reason}"]) from None

    @contextmanager
    def _on_line(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (ValidationError, ValueError) as exc:
            line = self._document.line_of(path)
            raise WrongFile([f"line {line}: {words}" for words in _words(exc)]) from None


def told(part: str, saved: Saved[Row]) -> PartOutcome:
    """Turn what an operation did into what is printed."""
    if saved.made:
        return PartOutcome(part=part, result=CREATED)
    return PartOutcome(part=part, result=UPDATED if saved.changed else UNCHANGED, changed=list(saved.changed))


def _words(exc: Exception) -> list[str]:
    if not isinstance(exc, ValidationError):
        return [str(exc)]
    if not hasattr(exc, "error_dict"):
        return list(exc.messages)
    return [
        " ".join(messages) if name == "__all__" else f"{name}: {' '.join(messages)}"
        for name, messages in exc.message_dict.items()
    ]


def _new_key(partner: Partner | None, at: datetime) -> str:
    _, text = partners.make_api_key(
        partner=partner,
        name=f"apply {at:%Y-%m-%d %H:%M}",
        scopes=["all"],
        live=not settings.DEMO,
        expires_at=at + KEY_LIFE,
        by=BY,
        at=at,
    )
    return text
