"""A status changes only along its table, from where we saw it, with a history row in the same transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import connection, models, transaction

from common import rows


class ForbiddenMove(Exception):
    """The table of moves does not lead from this status to that one."""


class LostRace(Exception):
    """Somebody else moved the row first; nothing was changed."""


class Moving(models.Model):
    """A row with a status, the table of its moves, and a history.

    A subclass names `NEXT` (status → what may follow) and makes its history row in `_history`.
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
        history = self._history(old=old, new=new, at=at, note=note)
        if not rows.move(type(self), self.pk, old=old, new=new, at=at, changes=changes, history=history):
            _give_up_transaction()
            raise LostRace(f"{self}: no longer {old}")
        self.status, self.moved_at = new, at
        for name, value in changes.items():
            setattr(self, name, value)

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model | None:
        """Return the history row of a move, not yet saved; None where another table tells the story."""
        raise NotImplementedError


def _give_up_transaction() -> None:
    """Let a lost race undo the caller's transaction as a whole, so that nothing is done by halves."""
    if connection.in_atomic_block:
        transaction.set_rollback(True)
