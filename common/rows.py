"""Read, write and move single rows of the hot tables by prepared SQL text.

Django's ORM spends about a millisecond of CPU on compiling each such statement anew; at fifty loans a second
that is most of a core. These three do the same with the text made once, through the same fields.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def read(model: type[Row], row_id: UUID) -> Row:
    """Return one row by its primary key, without relations.

    :raises DoesNotExist: there is none
    """
    with connection.cursor() as cursor:
        cursor.execute(_select(model), [row_id])
        found = cursor.fetchone()
    if found is None:
        raise model.DoesNotExist(f"{model._meta.verbose_name} {row_id}")  # type: ignore[attr-defined]
    fields = _fields(model)
    values = [_python(field, value) for field, value in zip(fields, found, strict=True)]
    return model.from_db("default", [field.attname for field in fields], values)


def insert(row: models.Model) -> None:
    """Insert a row that has its primary key."""
    with connection.cursor() as cursor:
        cursor.execute(_insert(type(row)), _values(row))
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
    statement = _update(model, tuple(named))
    if history is not None:
        statement, values = _with_history(statement, type(history)), [*values, row_id, old, *_values(history)]
    else:
        values += [row_id, old]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)


@lru_cache(maxsize=64)
def _fields(model: type[models.Model]) -> "tuple[models.Field[Any, Any], ...]":
    return tuple(model._meta.concrete_fields)


@lru_cache(maxsize=64)
def _select(model: type[models.Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields(model))
    return f'select {columns} from "{model._meta.db_table}" where id = %s'  # noqa: S608 - our own names


@lru_cache(maxsize=64)
def _insert(model: type[models.Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields(model))
    marks = ", ".join(["%s"] * len(_fields(model)))
    return f'insert into "{model._meta.db_table}" ({columns}) values ({marks})'  # noqa: S608 - our own names


@lru_cache(maxsize=256)
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{model._meta.get_field(name).column}" = %s' for name in names)  # type: ignore[union-attr]
    return f'update "{model._meta.db_table}" set {columns} where id = %s and status = %s'  # noqa: S608 - our own


@lru_cache(maxsize=256)
def _with_history(update: str, model: type[models.Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields(model))
    marks = ", ".join(["%s"] * len(_fields(model)))
    return (
        f"with moved as ({update} returning id) "  # noqa: S608 - our own names
        f'insert into "{model._meta.db_table}" ({columns}) select {marks} from moved'
    )


def _values(row: models.Model) -> list[Any]:
    return [_stored(field, field.pre_save(row, add=True)) for field in _fields(type(row))]


def _stored(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)


def _python(field: Any, value: Any) -> Any:
    convert = getattr(field, "from_db_value", None)
    return convert(value, None, connection) if convert else value
