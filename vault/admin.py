"""Pages of the whole house: people, pause dials, shortcodes."""

from vault import dials, people, shortcodes

__all__ = ["dials", "people", "shortcodes"]
