"""Primary keys that grow with time, so that indexes stay warm and rows sort as they were made."""

from uuid import UUID

import uuid6


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return UUID(int=uuid6.uuid7().int)
