"""People's names as words: one index finds any of them by its beginning, in any order.

PostgreSQL's `simple` configuration lower-cases and does nothing else, which is right for names. What parts a
double name (`Anne-Marie`, `Ng'ang'a`, `J.Kamau`) becomes a blank first, in the index as in the question.
"""

import re
from collections.abc import Collection
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db import migrations
from django.db.models import Func, QuerySet

_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 6
SHOWN = 1_000  # of those whose name fits; whoever looks for one adds a word


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

    The index holds what is at rest. What moves is few, and read by status. Whether PostgreSQL goes through the
    index or back in time, it decides well, since it keeps statistics on the words (see the migrations).

    :param by: the column of time that the rows are ordered by
    """
    named = begin_with(words, typed)
    if named is None:
        return []
    found = []
    for statuses in (moving, at_rest):  # each with its own index
        fitting = rows.filter(named, status__in=sorted(statuses)).order_by(f"-{by}")
        found += list(fitting.values_list("pk", flat=True)[:SHOWN])
    return found[:SHOWN]


def statistics(name: str, table: str, *columns: str) -> migrations.RunSQL:
    """Return the migration that makes PostgreSQL count the words of columns as `NameWords` sees them."""
    text = NameWords.arg_joiner.join(columns)
    return migrations.RunSQL(
        f"create statistics {name} on ({NameWords.template % {'expressions': text}}) from {table}",
        f"drop statistics {name}",
    )
