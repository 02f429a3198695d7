"""A status changes only along its table, from where we saw it, with a history row in the same transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models, transaction

from common import rows


class ForbiddenMove(Exception):
    """The table of moves does not lead from this status to that one."""


class LostRace(Exception):
    """Somebody else moved the row first; nothing was changed."""


class Moving(models.Model):
    """A row with a status, the table of its moves, and a history.

    A subclass names `NEXT` (status → what may follow) and writes its history in `_record`.
    """

    NEXT: ClassVar[Mapping[str, frozenset[str]]]

    status = models.CharField(max_length=20)
    moved_at = models.DateTimeField()

    class Meta:
        abstract = True

    def _move(self, new: str, *, at: datetime, note: str = "", **changes: Any) -> None:
        """Move the row where the old status still holds.

        :raises ForbiddenMove: `NEXT` does not allow it
        :raises LostRace: the row is no longer in the status that we saw
        """
        old = self.status
        if new not in self.NEXT[old]:
            raise ForbiddenMove(f"{self}: {old} -> {new}")
        with transaction.atomic(savepoint=False):  # a lost race undoes the caller's transaction as a whole
            if not rows.move(type(self), self.pk, old=old, new=new, at=at, changes=changes):
                raise LostRace(f"{self}: no longer {old}")
            self.status, self.moved_at = new, at
            for name, value in changes.items():
                setattr(self, name, value)
            self._record(old=old, new=new, at=at, note=note)

    def _record(self, *, old: str, new: str, at: datetime, note: str) -> None:
        raise NotImplementedError
