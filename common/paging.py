"""Pages of long lists, so that a million rows are no trouble."""

from math import ceil
from typing import Any

from django.core.paginator import Paginator
from django.db import connection, models
from django.utils.functional import cached_property

COUNTED = 10_000  # rows that are counted exactly; of longer lists PostgreSQL's own estimate is shown


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most `COUNTED` rows; a longer table is estimated, a longer selection is cut there.

    Nobody turns to page 19,000, and reading up to it takes seconds: the pages end where the counting ends.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted = int(rows.order_by()[: COUNTED + 1].count())
        if counted <= COUNTED:
            return counted
        whole = not rows.query.where
        return max(COUNTED, estimated_rows(rows.model._meta.db_table)) if whole else COUNTED

    @cached_property
    def num_pages(self) -> int:
        return max(1, ceil(min(self.count, COUNTED) / self.per_page))


def values_of(model: type[models.Model], column: str, *, most: int = 200) -> list[str]:
    """Return the different values of a text column in order, by one step down its index for each of them."""
    table, name = (connection.ops.quote_name(part) for part in (model._meta.db_table, column))
    walk = (
        f"with recursive walk as ((select {name} as value from {table} order by {name} limit 1) union all "  # noqa: S608 - names of our own columns
        f"select (select {name} from {table} where {name} > walk.value order by {name} limit 1) "
        "from walk where walk.value is not null) select value from walk where value is not null limit %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(walk, [most])
        return [str(value) for (value,) in cursor.fetchall()]


def estimated_rows(table: str) -> int:
    """Return PostgreSQL's own estimate of the rows of a table."""
    with connection.cursor() as cursor:
        cursor.execute("select reltuples::bigint from pg_class where oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])
