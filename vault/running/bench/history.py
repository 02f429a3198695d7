"""A long history written in minutes: rows by `insert … select`, beside the triggers, indexes made at the end."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models.fields.json import JSONField
from psycopg2.extras import Json

DAYS = 125  # the history's length, whatever the number of rows
WRITERS = 2
FRESH = 400  # of the newest are still on their way, or wait for somebody

# Ids that can be told from the number of a row and its kind, so that rows name each other without a look-up.
_FUNCTIONS = """
create or replace function bench_id(kind int, at timestamptz, n bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
            || '8' || lpad(to_hex(n), 15, '0'))::uuid
$$;
drop table if exists bench_now, bench_partners;
create table bench_now as select date_trunc('second', now()) as moment;
create table bench_partners as
    select row_number() over (order by p.code) - 1 as i, p.id as partner_id, p.code, m.id as mifos_id,
        w.id as wallet_id,
        (select id from loan_products l where l.mifos_partner_id = m.id limit 1) as product_id,
        (select id from shortcodes s where s.partner_id = p.id and s.kind = 'c2b') as paybill_id,
        (select id from shortcodes s where s.partner_id is null) as shortcode_id,
        (select id from sms_gateways g where g.partner_id = p.id limit 1) as gateway_id,
        (select id from webhook_endpoints e where e.partner_id = p.id limit 1) as endpoint_id,
        (select id from ledger_accounts a where a.partner_id = p.id and a.kind = 'wallet') as wallet_account,
        (select id from ledger_accounts a where a.partner_id = p.id and a.kind = 'wallet_held') as held_account,
        (select id from ledger_accounts a where a.partner_id = p.id and a.kind = 'float' limit 1) as float_account,
        (select id from ledger_accounts a where a.partner_id = p.id and a.kind = 'float_held' limit 1) as float_held,
        ledger_account('bank', null, null) as bank, ledger_account('fees', null, null) as fees,
        ledger_account('customers', null, null) as customers,
        (select id from bank_accounts) as bank_account
    from partners p join mifos_partners m on m.partner_id = p.id join partner_wallets w on w.partner_id = p.id
"""

# The tables are to be read, not to survive a crash: without a log they are written in half the time. One that
# others point at follows those.
_WITHOUT_LOG = """
do $$
declare
    name text;
    moved int := 1;
begin
    while moved > 0 loop
        moved := 0;
        for name in select relname from pg_class where relkind = 'r' and relpersistence = 'p'
            and relnamespace = 'public'::regnamespace
        loop
            begin
                execute format('alter table %I set unlogged', name);
                moved := moved + 1;
            exception when invalid_table_definition then null;
            end;
        end loop;
    end loop;
end $$
"""

# Each row: its number, its moment, its partner (a third are the first one's), client, phone, amount.
_ROWS = """
select n, at, n % 200000 as client, '25471' || lpad((n * 7919 % 200000)::text, 7, '0') as phone,
    100 + n * 7 % 900 * 50 as amount, {names} as name, lpad(n::text, 9, '0') as account, b.*, fresh, lately,
    case when fresh then (array['held', 'ready', 'sending', 'accepted', 'unknown', 'paid', 'detected'])[1 + n % 7]
        when n % 97 = 0 then 'cancelled' when n % 53 = 0 then 'failed' else 'completed' end as loan,
    case when fresh
            then (array['received', 'matched', 'posting', 'unknown', 'unmatched', 'failed', 'unmatched'])[1 + n % 7]
        when n % 211 = 0 then 'unmatched' when n % 307 = 0 then 'reversed' else 'posted' end as payment,
    case when fresh and n % 5 = 0 then 'prompted' when n % 5003 = 0 or n % 41 = 0 then 'expired'
        when n % 67 = 0 then 'failed' else 'credited' end as topup
from (
    select n, n > {total} - {fresh} as fresh, n > {total} * 0.9 as lately,
        (select moment from bench_now) - make_interval(secs => ({total} - n) * {days} * 86400.0 / {total}) as at
    from generate_series(1::bigint, {total}) n
) made join bench_partners b on b.i = case when n % 3 = 0 then 0 else n % 20 end
"""
FIRST = (
    "Achieng,Baraka,Chebet,Daudi,Esther,Faraja,Grace,Hamisi,Imani,Juma,Kamau,Lilian,Mwangi,Njeri,Omondi,Pendo"
)
LAST = "Abdalla,Barasa,Chege,Kiprono,Karanja,Mutua,Njoroge,Ochieng,Otieno,Wafula,Wambui,Were,Kilonzo,Nyambura"
_NAMES = (
    f"(string_to_array('{FIRST}', ','))[1 + n % 16] || ' ' || (string_to_array('{LAST}', ','))[1 + n / 16 % 14]"
    " || case when n % 9973 = 5 then ' Nyakundi' else '' end"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What one table gets: an expression for each column that is not empty, and for how many of the numbers."""

    model: type[models.Model]
    values: dict[str, str]
    share: int = 1  # one for so many of the numbers
    more: str = ""  # joined: what makes several rows of one number
    where: str = "true"


def write(tables: Iterable[Rows], *, total: int) -> None:
    """Replace what the tables hold by a history of so many numbers.

    As a superuser of PostgreSQL, since triggers and foreign keys are passed over; checks are not.
    """
    wanted = list(tables)
    names = sorted({one.model._meta.db_table for one in wanted})
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS)
        cursor.execute(f"truncate {', '.join(names)} cascade")
        cursor.execute(_WITHOUT_LOG)
        made_later = _drop_indexes(cursor, names)
    by_table: dict[str, list[Rows]] = {}
    for one in wanted:
        by_table.setdefault(one.model._meta.db_table, []).append(one)
    _together([_writer(rows, total, made_later[name]) for name, rows in by_table.items()])


def _drop_indexes(cursor: Any, names: list[str]) -> dict[str, list[str]]:
    """Drop the indexes that no constraint needs, and return how each table's are made again."""
    cursor.execute(
        "select c.relname, i.relname, pg_get_indexdef(x.indexrelid) from pg_index x"
        " join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid"
        " where c.relname = any(%s) and c.relnamespace = 'public'::regnamespace and not x.indisunique",
        [names],
    )
    found: dict[str, list[str]] = {name: [] for name in names}
    for table, index, definition in cursor.fetchall():
        cursor.execute(f'drop index "{index}"')
        found[table].append(definition)
    return found


def _writer(rows: list[Rows], total: int, indexes: list[str]) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica; set synchronous_commit = off")
            cursor.execute("set maintenance_work_mem = '512MB'; set work_mem = '256MB'")
            for one in rows:
                cursor.execute(_statement(cursor, one, total))
            for definition in indexes:
                cursor.execute(definition)
            cursor.execute(f"vacuum (analyze) {rows[0].model._meta.db_table}")
        connection.close()

    return run


def _together(jobs: list[Callable[[], None]]) -> None:
    """Do them on as many connections as the machine has use for; the first failure is raised."""
    waiting, failed = list(reversed(jobs)), list[BaseException]()

    def work() -> None:
        while waiting and not failed:
            try:
                waiting.pop()()
            except BaseException as exc:  # noqa: BLE001 - raised again below
                failed.append(exc)

    threads = [threading.Thread(target=work) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _statement(cursor: Any, rows: Rows, total: int) -> str:
    columns, values = [], []
    for field in rows.model._meta.concrete_fields:
        columns.append(f'"{field.column}"')
        values.append(rows.values.get(field.attname) or _default(cursor, field))
    source = _ROWS.format(total=total, days=DAYS, names=_NAMES, fresh=min(FRESH, total // 3))
    unknown = set(rows.values) - {field.attname for field in rows.model._meta.concrete_fields}
    assert not unknown, unknown
    return f"""
        insert into {rows.model._meta.db_table} ({", ".join(columns)}) select {", ".join(values)}
        from ({source}) r {rows.more} where n % {rows.share} = 0 and {rows.where}
    """  # noqa: S608 - our own words


def _default(cursor: Any, field: Any) -> str:
    """Return what Django would write; the moment of the row where that is the clock."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return "at"
    value = None if field.null and not field.has_default() else field.get_default()
    if isinstance(field, JSONField) and value is not None:
        value = Json(value)
    return str(cursor.mogrify("%s", [value]).decode())
