"""What a real call said of credentials when somebody entered them, and whether they are still the same."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models

from common.ids import new_id

Said = Sequence[tuple[bool, str]]  # whether a thing is good, and the sentence about it


class SetUpProof(models.Model):
    """The last real call by which a row's credentials were tried: what it said, when, and who asked.

    `fingerprint` stands for the credentials that were tried. It is made with our secret key, so that nothing
    can be guessed from it; when the row's credentials are changed by whatever way, the proof no longer fits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    fingerprint = models.CharField(max_length=64)
    is_good = models.BooleanField()
    findings = models.JSONField(default=list)  # [[whether it is good, the sentence], …]
    proved_at = models.DateTimeField()
    proved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        db_table = "set_up_proofs"
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id"], name="set_up_proof_once")
        ]

    def __str__(self) -> str:
        return f"{self.subject_type} {'works' if self.is_good else 'does not work'}"

    def fits(self, row: models.Model, names: Iterable[str]) -> bool:
        """Whether the credentials of the row are still those that were tried."""
        return hmac.compare_digest(self.fingerprint, fingerprint(row, names))


def fingerprint(row: models.Model, names: Iterable[str]) -> str:
    """Return what stands for these fields of a row, without telling them."""
    told = "\x1f".join(f"{name}={getattr(row, name)}" for name in sorted(names))
    return hmac.new(settings.SECRET_KEY.encode(), f"proof:{told}".encode(), hashlib.sha256).hexdigest()


def record(
    row: models.Model, names: Iterable[str], said: Said, *, by: AbstractBaseUser | None, at: datetime
) -> SetUpProof:
    """Keep what a call said of a row's credentials, in place of what an earlier one said."""
    proof, _made = SetUpProof.objects.update_or_create(
        subject_type=row._meta.db_table,
        subject_id=row.pk,
        defaults={
            "fingerprint": fingerprint(row, names),
            "is_good": all(good for good, _ in said),
            "findings": [[good, words[:500]] for good, words in said],
            "proved_at": at,
            "proved_by_id": by.pk if by else None,
        },
    )
    return proof


def of_rows(rows: Iterable[models.Model]) -> dict[UUID, SetUpProof]:
    """Return the proofs of these rows by the rows' ids, in one query."""
    ids: list[Any] = [row.pk for row in rows]
    return {proof.subject_id: proof for proof in SetUpProof.objects.filter(subject_id__in=ids)}
