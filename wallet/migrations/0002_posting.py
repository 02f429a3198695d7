"""A transfer posts itself: both balances and both lines change in its own trigger, or nothing does.

The triggers' `when (pg_trigger_depth() = 0)` means: by a statement of ours, not by the posting trigger.
Accounts are locked beforehand in the order of their ids, so that two transfers cannot wait for each other.
"""

from django.db import migrations

POSTING = """
create sequence ledger_numbers;

-- A UUIDv7 of the time and a counter (RFC 9562 §6.2): unique without asking the system for randomness each time.
create function ledger_id() returns uuid language sql volatile as $$
    select (
        lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7000a'
        || lpad(to_hex(nextval('ledger_numbers')), 15, '0'))::uuid
$$;

-- The one account of a kind; one of the platform's is opened when it is first needed.
create function ledger_account(p_kind text, p_partner uuid, p_shortcode uuid) returns uuid language plpgsql as $$
declare
    found_id uuid;
begin
    if p_kind in ('float', 'float_held') then
        select id into found_id from ledger_accounts
            where partner_id = p_partner and kind = p_kind and shortcode_id = p_shortcode;
    elsif p_kind in ('wallet', 'wallet_held') then
        select id into found_id from ledger_accounts
            where partner_id = p_partner and kind = p_kind and shortcode_id is null;
    else
        select id into found_id from ledger_accounts where partner_id is null and kind = p_kind;
        if found_id is null then
            insert into ledger_accounts (id, kind, created_at) values (ledger_id(), p_kind, now())
                on conflict do nothing;
            select id into found_id from ledger_accounts where partner_id is null and kind = p_kind;
        end if;
    end if;
    if found_id is null then
        raise exception 'no % account is open for partner %, shortcode %', p_kind, p_partner, p_shortcode
            using errcode = 'foreign_key_violation';
    end if;
    return found_id;
end $$;

-- Post one transfer. The platform's accounts keep neither balance nor lines; a held account keeps no lines: its
-- history is its holds.
create function ledger_post() returns trigger language plpgsql as $$
declare
    a record;
    change numeric;
    wallet uuid;
    topup boolean;
    sides int := 0;
begin
    if new.reverses_id is not null and not exists (
        select from ledger_transfers t where t.id = new.reverses_id and t.amount = new.amount
            and t.from_account_id = new.to_account_id and t.to_account_id = new.from_account_id
    ) then
        raise exception 'a reversal is the same amount the other way' using errcode = 'check_violation';
    end if;
    for a in
        update ledger_accounts l
            set balance = l.balance + case when l.id = new.from_account_id then -new.amount else new.amount end
            where l.id in (new.from_account_id, new.to_account_id) and l.balance is not null
            returning l.id, l.kind, l.partner_id, l.balance
    loop
        sides := sides + 1;
        change := case when a.id = new.from_account_id then -new.amount else new.amount end;
        if a.kind in ('wallet_held', 'float_held') then
            if pg_trigger_depth() < 2 then
                raise exception 'held money moves only with its hold' using errcode = 'restrict_violation';
            end if;
        elsif a.kind = 'float' then
            insert into ledger_lines
                (id, number, account_id, transfer_id, amount, balance_after, event_at, created_at)
                values (ledger_id(), nextval('ledger_numbers'), a.id, new.id, change, a.balance, new.event_at,
                        new.created_at);
        else
            topup := new.type = 'topup' and change > 0;
            update partner_wallets set
                current_balance = a.balance,
                last_topup_date = case when topup then new.event_at else last_topup_date end,
                last_topup_amount = case when topup then change else last_topup_amount end,
                updated_at = new.created_at
                where partner_id = a.partner_id returning id into strict wallet;
            insert into wallet_transactions
                (id, number, wallet_id, transfer_id, transaction_type, amount, balance_after, reference,
                 description, sms_sent, event_at, created_at)
                values (ledger_id(), nextval('ledger_numbers'), wallet, new.id, new.type, change, a.balance,
                        new.reference, new.description, false, new.event_at, new.created_at);
        end if;
    end loop;
    -- Instead of two foreign keys, which would look every account up once more.
    if sides < 2 and 2 > (
        select count(*) from ledger_accounts where id in (new.from_account_id, new.to_account_id)
    ) then
        raise exception 'a transfer needs two accounts' using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
-- After, not before: a row that "on conflict do nothing" skips must move no money.
create trigger ledger_transfers_post after insert on ledger_transfers
    for each row execute function ledger_post();

create function ledger_refuse() returns trigger language plpgsql as $$
begin
    raise exception '% of % is the work of a transfer alone', lower(tg_op), tg_table_name
        using errcode = 'restrict_violation';
end $$;

create trigger ledger_transfers_append_only before update or delete on ledger_transfers
    for each row execute function refuse_change();

create trigger ledger_lines_append_only before update or delete on ledger_lines
    for each row execute function refuse_change();
create trigger ledger_lines_by_transfer before insert on ledger_lines
    for each row when (pg_trigger_depth() = 0) execute function ledger_refuse();

create trigger wallet_transactions_append_only before update on wallet_transactions
    for each row when (to_jsonb(old) - 'sms_sent' is distinct from to_jsonb(new) - 'sms_sent')
    execute function refuse_change();
create trigger wallet_transactions_no_delete before delete on wallet_transactions
    for each row execute function refuse_change();
create trigger wallet_transactions_by_transfer before insert on wallet_transactions
    for each row when (pg_trigger_depth() = 0) execute function ledger_refuse();

create function ledger_account_opened() returns trigger language plpgsql as $$
begin
    if new.kind in ('wallet', 'wallet_held', 'float', 'float_held') then
        if new.partner_id is not null and new.balance = 0
            and (new.shortcode_id is not null) = (new.kind in ('float', 'float_held'))
        then
            return new;
        end if;
    elsif new.partner_id is null and new.shortcode_id is null and new.balance is null then
        return new;
    end if;
    raise exception 'a % account is opened empty, with its own kind of owner', new.kind
        using errcode = 'check_violation';
end $$;
create trigger ledger_accounts_opened before insert on ledger_accounts
    for each row execute function ledger_account_opened();
create trigger ledger_accounts_by_transfer before update on ledger_accounts
    for each row when (pg_trigger_depth() = 0) execute function ledger_refuse();
create trigger ledger_accounts_no_delete before delete on ledger_accounts
    for each row execute function ledger_refuse();

create trigger partner_wallets_open_empty before insert on partner_wallets
    for each row when (new.current_balance <> 0) execute function ledger_refuse();
create trigger partner_wallets_by_transfer before update on partner_wallets
    for each row when (
        pg_trigger_depth() = 0 and (new.current_balance <> old.current_balance or new.partner_id <> old.partner_id)
    ) execute function ledger_refuse();
create trigger partner_wallets_no_delete before delete on partner_wallets
    for each row execute function ledger_refuse();

-- Short rows that change all the time: leave room beside them.
alter table ledger_accounts set (fillfactor = 50);
alter table partner_wallets set (fillfactor = 50);
alter table ledger_holds set (fillfactor = 80);
"""

# One movement asked for by name; a repeat changes nothing.
TRANSFER = """
create function ledger_transfer(
    p_id uuid, p_type text, p_reference text, p_from uuid, p_to uuid, p_amount numeric, p_event_at timestamptz,
    p_at timestamptz, p_description text, p_reverses uuid,
    out outcome text, out transfer_id uuid, out available numeric
) language plpgsql as $$
declare
    earlier ledger_transfers;
begin
    perform from ledger_accounts where id in (p_from, p_to) and balance is not null order by id for no key update;
    select * into earlier from ledger_transfers where type = p_type and reference = p_reference;
    if not found then
        select balance into available from ledger_accounts where id = p_from;
        if available < p_amount then
            outcome := 'short';
            return;
        end if;
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, reverses_id)
            values (p_id, p_type, p_reference, p_from, p_to, p_amount, p_event_at, p_at, p_description, p_reverses)
            on conflict (type, reference) do nothing;
        if found then
            outcome := 'booked';
            transfer_id := p_id;
            return;
        end if;
        select * into earlier from ledger_transfers where type = p_type and reference = p_reference;
    end if;
    transfer_id := earlier.id;
    outcome := case
        when (earlier.from_account_id, earlier.to_account_id, earlier.amount) = (p_from, p_to, p_amount)
        then 'already' else 'contradiction' end;
end $$;
"""

UNDO = """
drop function ledger_transfer;
drop trigger partner_wallets_no_delete on partner_wallets;
drop trigger partner_wallets_by_transfer on partner_wallets;
drop trigger partner_wallets_open_empty on partner_wallets;
drop trigger ledger_accounts_no_delete on ledger_accounts;
drop trigger ledger_accounts_by_transfer on ledger_accounts;
drop trigger ledger_accounts_opened on ledger_accounts;
drop function ledger_account_opened;
drop trigger wallet_transactions_by_transfer on wallet_transactions;
drop trigger wallet_transactions_no_delete on wallet_transactions;
drop trigger wallet_transactions_append_only on wallet_transactions;
drop trigger ledger_lines_by_transfer on ledger_lines;
drop trigger ledger_lines_append_only on ledger_lines;
drop trigger ledger_transfers_append_only on ledger_transfers;
drop trigger ledger_transfers_post on ledger_transfers;
drop function ledger_refuse;
drop function ledger_post;
drop function ledger_account;
drop function ledger_id;
drop sequence ledger_numbers;
"""


class Migration(migrations.Migration):
    dependencies = [("wallet", "0001_initial"), ("common", "0002_append_only")]
    operations = [migrations.RunSQL(POSTING + TRANSFER, UNDO)]
