"""What a history needs so that its rows can be copied into events: for the migrations and sources of the apps."""

from collections.abc import Mapping

from django.db.migrations.operations.special import RunSQL


def follow(table: str) -> RunSQL:
    """Let PostgreSQL write into each new row the number of its transaction; rows from before are never told.

    The column is no field of the model: nothing but the sweep reads it, and inserts need not name it.
    """
    return RunSQL(
        f"alter table {table} add column written_in xid8;"
        f"alter table {table} alter column written_in set default pg_current_xact_id();"
        f"create index {table}_written_in on {table} (written_in) where written_in is not null;",
        f"alter table {table} drop column written_in;",
    )


def kinds(named: Mapping[str, str]) -> str:
    """Return SQL rows of a status and the event that it is told as."""
    return ", ".join(f"('{status}', '{kind}')" for status, kind in named.items())
