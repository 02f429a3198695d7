"""What a real call said of what was typed: kept with the row, and shown until the credentials change.

What was typed is tried out before it is saved. What does not work is saved all the same, so that nothing is lost
and the step can be left; only where it would replace credentials that work, a person has to say so.
No database transaction is open while somebody outside is asked.
"""

from collections.abc import Iterable

from django.contrib import messages
from django.db import models
from django.http import HttpRequest

from common.windows import person
from partners import proofs
from partners.models import Partner
from partners.proofs import SetUpProof
from vault.wizard import facts, frame
from wallet import bank


def record(request: HttpRequest, row: models.Model, names: Iterable[str], said: frame.Said) -> SetUpProof:
    """Keep what a call said of a row's credentials, and who asked."""
    return proofs.record(row, names, said, by=person(request), at=frame.now())


def proof_of(row: models.Model) -> SetUpProof | None:
    """Return what the last call said of a row's credentials."""
    return proofs.of_rows([row]).get(row.pk)


def facts_of(partner: Partner) -> facts.Facts:
    """Read a partner's facts anew."""
    return facts.read([partner], at=frame.now())[partner.pk]


def fits(row: models.Model | None, names: Iterable[str]) -> bool:
    """Whether a row's credentials are still those that were tried last."""
    proof = proof_of(row) if row else None
    return bool(proof and row and proof.fits(row, names))


def try_bank(request: HttpRequest) -> None:
    """Ask NCBA by both logins of the platform's account; no money moves."""
    account = bank.active()
    if account is None:
        messages.error(request, "No account at NCBA is set up.")
        return
    found = bank.examine(account)
    record(request, account, facts.BANK_CREDENTIALS, list(found.lines))
