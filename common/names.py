"""People's names as words: one index finds any of them by its beginning, in any order.

PostgreSQL's `simple` configuration lower-cases and does nothing else, which is right for names. What parts a
double name (`Anne-Marie`, `Ng'ang'a`, `J.Kamau`) becomes a blank first, in the index as in the question.
"""

import re
from collections.abc import Collection
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.core.exceptions import EmptyResultSet
from django.db import connection, migrations
from django.db.models import Func, QuerySet

_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 6
SHOWN = 100  # of those whose name fits; whoever looks for one adds a word
SORTED = (
    5_000  # so many are fetched and sorted; where there are more, the newest are met soon on the way back
)


class NameWords(Func):
    """The words of some text columns. An index and the question that it answers hold the same expression."""

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '.-_/@''’', '       '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


def words_of(typed: str) -> list[str]:
    """Return what somebody typed as words, in lower case."""
    return _WORD.findall(typed.lower())[:MOST_WORDS]


def begin_with(words: NameWords, typed: str) -> SearchVectorExact | None:
    """Return the condition that each word typed begins a word of the columns; None for less than two letters."""
    found = words_of(typed)
    if sum(len(word) for word in found) < 2:
        return None
    query = SearchQuery(" & ".join(f"{word}:*" for word in found), search_type="raw", config="simple")
    return SearchVectorExact(words, query)


def newest(
    rows: "QuerySet[Any]",
    words: NameWords,
    typed: str,
    *,
    by: str,
    at_rest: Collection[str],
    moving: Collection[str],
) -> list[Any]:
    """Return the keys of the newest rows that somebody may mean by a name; none for less than two letters.

    The index holds what is at rest. What moves is few, and read by status.

    :param by: the column of time that the rows are ordered by
    """
    named = begin_with(words, typed)
    if named is None:
        return []
    on_the_way = rows.filter(named, status__in=sorted(moving)).order_by(f"-{by}")
    found = list(on_the_way.values_list("pk", flat=True)[:SHOWN])
    return (found + _newest(rows.filter(named, status__in=sorted(at_rest)), by=by))[:SHOWN]


def newest_fitting(rows: "QuerySet[Any]", words: NameWords, typed: str, *, by: str) -> list[Any]:
    """Do the same for a table whose rows are all in the index."""
    named = begin_with(words, typed)
    return [] if named is None else _newest(rows.filter(named), by=by)


def _newest(rows: "QuerySet[Any]", *, by: str) -> list[Any]:
    """Return the newest keys. PostgreSQL cannot tell how common a word is of which only the beginning is known.

    So the words' index is asked first, for the rows in any order; only where these are very many, the second part
    goes back along the index of time instead (each part is skipped where the count says so).
    """
    wanted = rows.order_by().values_list("pk", by)
    try:
        any_of_them, params = wanted[: SORTED + 1].query.sql_with_params()
        by_time, more = wanted.order_by(f"-{by}")[:SHOWN].query.sql_with_params()
    except EmptyResultSet:  # nobody's rows
        return []
    statement = f"""
        with fitting (id, moment) as materialized ({any_of_them}),
             very (many) as (select count(*) > {SORTED} from fitting)
        (select id from fitting where not (select many from very) order by moment desc limit {SHOWN})
        union all
        (select id from ({by_time}) newest (id, moment) where (select many from very))
    """  # noqa: S608 - our own conditions; what was typed is a parameter
    with connection.cursor() as cursor:
        cursor.execute(statement, [*params, *more])
        return [key for (key,) in cursor.fetchall()]


def statistics(name: str, table: str, *columns: str) -> migrations.RunSQL:
    """Return the migration that makes PostgreSQL count the words of columns as `NameWords` sees them."""
    text = NameWords.arg_joiner.join(columns)
    return migrations.RunSQL(
        f"create statistics {name} on ({NameWords.template % {'expressions': text}}) from {table}",
        f"drop statistics {name}",
    )
