"""Read, write and move single rows of the hot tables by prepared statements.

Django's ORM spends about a millisecond of CPU on compiling each such statement anew, and PostgreSQL a third of
one on parsing and planning it; at fifty loans a second that is most of a machine. These do the same with the
text made once, through the same fields, and known to the connection by a name.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose values are `$1`, `$2`, … as PostgreSQL counts them, and the type of each."""

    text: str
    types: tuple[str, ...]


def run(statement: Statement, values: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
    """Execute a statement, prepared by this connection when it first needs it.

    :returns: how many rows it touched, and those that it returned
    """
    with connection.cursor() as cursor:
        if connection.settings_dict.get("PREPARED_STATEMENTS"):
            name, prepare, execute = _named(statement)
            if name not in connection.prepared:  # type: ignore[attr-defined]  # our own backend
                cursor.execute(prepare)
                connection.prepared.add(name)  # type: ignore[attr-defined]
            cursor.execute(execute, values)
        else:
            cursor.execute(_plain(statement), {f"v{n}": value for n, value in enumerate(values, start=1)})
        return cursor.rowcount, cursor.fetchall() if cursor.description else []


def read(model: type[Row], row_id: UUID) -> Row:
    """Return one row by its primary key, without relations.

    :raises DoesNotExist: there is none
    """
    _, found = run(_select(model), [row_id])
    if not found:
        raise model.DoesNotExist(f"{model._meta.verbose_name} {row_id}")  # type: ignore[attr-defined]
    return made(model, found[0])


def read_with(model: type[Row], row_id: UUID, relation: str) -> Row:
    """Return one row with the row that a foreign key names.

    :raises DoesNotExist: there is none
    """
    _, found = run(_select_with(model, relation), [row_id])
    if not found:
        raise model.DoesNotExist(f"{model._meta.verbose_name} {row_id}")  # type: ignore[attr-defined]
    width = len(_fields(model))
    row = made(model, found[0][:width])
    setattr(row, relation, made(_related(model, relation), found[0][width:]))
    return row


def columns(model: type[models.Model], table: str = "") -> str:
    """Return the names of all columns as `made` expects them.

    :param table: what stands before each, with its dot
    """
    return ", ".join(f'{table}"{field.column}"' for field in _fields(model))


def every(model: type[Row], where: str) -> list[Row]:
    """Return the rows of a condition without values, written in SQL."""
    _, found = run(_select_where(model, where), [])
    return [made(model, values) for values in found]


def made(model: type[Row], values: Sequence[Any]) -> Row:
    """Make a row of what was read of all its columns, in the order of the model's fields."""
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, "default"
    row.__dict__.update(zip(_names(model), values, strict=True))
    for name, convert in _converters(model):
        row.__dict__[name] = convert(row.__dict__[name], None, connection)
    return row


def insert(row: models.Model) -> None:
    """Insert a row that has its primary key."""
    run(insertion(type(row)), values_of(row))
    row._state.adding, row._state.db = False, "default"


def move(
    model: type[models.Model],
    row_id: UUID,
    *,
    old: str,
    new: str,
    at: datetime,
    changes: dict[str, Any],
    history: models.Model | None = None,
) -> bool:
    """Set a status and other columns where the old status still holds, with the history row in the same statement.

    :returns: whether it did; if not, nothing is written
    """
    named = {"status": new, "moved_at": at} | changes
    values = [_stored(model._meta.get_field(name), value) for name, value in named.items()]
    values += [row_id, old]
    statement = _update(model, tuple(named))
    if history is not None:
        statement, values = _with_history(statement, type(history)), values + values_of(history)
    return run(statement, values)[0] == 1


@lru_cache(maxsize=1024)
def _named(statement: Statement) -> tuple[str, str, str]:
    """Return a statement's name, and what prepares and what executes it."""
    digest = hashlib.sha256("\0".join((statement.text, *statement.types)).encode()).hexdigest()
    name = f"vault_{digest[:20]}"
    if not statement.types:
        return name, f"prepare {name} as {statement.text}", f"execute {name}"
    takes = ", ".join(statement.types)
    # The driver writes a list of nothing but NULLs without a type.
    given = ", ".join(f"%s::{kind}" if kind.endswith("[]") else "%s" for kind in statement.types)
    return name, f"prepare {name} ({takes}) as {statement.text}", f"execute {name} ({given})"


@lru_cache(maxsize=1024)
def _plain(statement: Statement) -> str:
    """Return a statement as the driver fills it in itself."""
    return re.sub(r"\$(\d+)", r"%(v\1)s", statement.text.replace("%", "%%"))


def marks(count: int, first: int = 1) -> str:
    """Return `$1, $2, …` for so many values."""
    return ", ".join(f"${number}" for number in range(first, first + count))


@lru_cache(maxsize=64)
def _fields(model: type[models.Model]) -> "tuple[models.Field[Any, Any], ...]":
    return tuple(model._meta.concrete_fields)


@lru_cache(maxsize=64)
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in _fields(model))


@lru_cache(maxsize=64)
def _converters(model: type[models.Model]) -> tuple[tuple[str, Any], ...]:
    found = ((field.attname, getattr(field, "from_db_value", None)) for field in _fields(model))
    return tuple((name, convert) for name, convert in found if convert)


@lru_cache(maxsize=64)
def _types(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(_type(field) for field in _fields(model))


def _type(field: Any) -> str:
    return str(field.db_type(connection))


def _related(model: type[models.Model], relation: str) -> type[models.Model]:
    found: type[models.Model] = model._meta.get_field(relation).related_model  # type: ignore[assignment]
    return found


def _key(model: type[models.Model]) -> str:
    return _type(model._meta.pk)


@lru_cache(maxsize=64)
def _select(model: type[models.Model]) -> Statement:
    text = f'select {columns(model)} from "{model._meta.db_table}" where id = $1'  # noqa: S608 - our own names
    return Statement(text, (_key(model),))


@lru_cache(maxsize=64)
def _select_with(model: type[models.Model], relation: str) -> Statement:
    other, column = _related(model, relation), model._meta.get_field(relation).column  # type: ignore[union-attr]
    text = (
        f"select {columns(model, 'a.')}, {columns(other, 'b.')} "  # noqa: S608 - our own names
        f'from "{model._meta.db_table}" a join "{other._meta.db_table}" b on b.id = a."{column}" where a.id = $1'
    )
    return Statement(text, (_key(model),))


@lru_cache(maxsize=64)
def _select_where(model: type[models.Model], where: str) -> Statement:
    text = f'select {columns(model)} from "{model._meta.db_table}" where {where}'  # noqa: S608 - our own words
    return Statement(text, ())


@lru_cache(maxsize=64)
def insertion(model: type[models.Model], after: str = "") -> Statement:
    """Return the statement that inserts one row; its values are `values_of(row)`.

    :param after: what follows, such as `on conflict do nothing returning id`
    """
    ours = marks(len(_fields(model)))
    text = f'insert into "{model._meta.db_table}" ({columns(model)}) values ({ours}) {after}'  # noqa: S608 - our own names
    return Statement(text.rstrip(), _types(model))


@lru_cache(maxsize=256)
def _update(model: type[models.Model], names: tuple[str, ...]) -> Statement:
    fields = [model._meta.get_field(name) for name in names]
    pairs = ", ".join(f'"{field.column}" = ${n}' for n, field in enumerate(fields, start=1))  # type: ignore[union-attr]
    row_id, old = len(fields) + 1, len(fields) + 2
    text = f'update "{model._meta.db_table}" set {pairs} where id = ${row_id} and status = ${old}'  # noqa: S608
    status = model._meta.get_field("status")
    return Statement(text, (*map(_type, fields), _key(model), _type(status)))


@lru_cache(maxsize=256)
def _with_history(update: Statement, model: type[models.Model]) -> Statement:
    line = marks(len(_fields(model)), first=len(update.types) + 1)
    text = (
        f"with moved as ({update.text} returning id) "  # noqa: S608 - our own names
        f'insert into "{model._meta.db_table}" ({columns(model)}) select {line} from moved'
    )
    return Statement(text, update.types + _types(model))


def values_of(row: models.Model) -> list[Any]:
    """Return what `insertion` takes."""
    return [_stored(field, field.pre_save(row, add=True)) for field in _fields(type(row))]


def _stored(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)
