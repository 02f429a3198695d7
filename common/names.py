"""People's names as words: one index finds any of them by its beginning, in any order.

PostgreSQL's `simple` configuration lower-cases and does nothing else, which is right for names. What parts a
double name (`Anne-Marie`, `Ng'ang'a`, `J.Kamau`) becomes a blank first, in the index as in the question.
"""

import re

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db.models import Func

_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 6


class NameWords(Func):
    """The words of some text columns. An index and the question that it answers hold the same expression."""

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '.-_/@''’', '       '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()  # type: ignore[assignment]


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
