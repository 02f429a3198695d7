"""Primary keys that grow with time, so that indexes stay warm and rows sort as they were made."""

from datetime import datetime
from uuid import UUID

import uuid6


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return UUID(int=uuid6.uuid7().int)


def first_id(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of a moment, so that the primary key finds the rows written since."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
