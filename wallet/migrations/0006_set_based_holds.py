"""A hold moves its money in one update of the accounts, and whoever moves a partner's money queues up for it.

Measured on one hot wallet: most of a hold's time went into a trigger per transfer, row locks taken one by one,
and, with many posters, into waking everybody for rows that had changed meanwhile. So

- each operation first takes the partner's turn (an advisory lock, held until the transaction ends): it waits
  once, in order, and then finds every row as it is;
- a hold's own trigger changes its accounts in one statement and writes all its transfers and lines, in place of
  the posting trigger that did it for each transfer.

Nothing rests on the turn: balances still change by `balance + x` on a locked row, below zero is still refused by
a CHECK, and rows written past the functions still move the same money or are refused.
"""

from django.db import migrations

POSTING = """
drop trigger ledger_transfers_post on ledger_transfers;
create trigger ledger_transfers_post after insert on ledger_transfers
    for each row when (new.hold_id is null) execute function ledger_post();
-- What belongs to a hold is posted by the hold: nobody else writes such a row.
create trigger ledger_transfers_of_holds before insert on ledger_transfers
    for each row when (new.hold_id is not null and pg_trigger_depth() = 0) execute function ledger_refuse();

create or replace function ledger_post() returns trigger language plpgsql as $$
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
            raise exception 'held money moves only with its hold' using errcode = 'restrict_violation';
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
"""

HOLDS = """
-- Changes the accounts of one partner and shortcode at once; returns them, with the balances of wallet and float.
create function ledger_change(
    p_partner uuid, p_shortcode uuid, p_wallet numeric, p_wallet_held numeric, p_float numeric,
    p_float_held numeric,
    out wallet uuid, out wallet_held uuid, out float_free uuid, out float_held uuid, out in_wallet numeric,
    out in_float numeric
) language plpgsql as $$
declare
    a record;
begin
    for a in
        update ledger_accounts l
            set balance = l.balance + case l.kind when 'wallet' then p_wallet when 'wallet_held' then p_wallet_held
                                                  when 'float' then p_float else p_float_held end
            where l.partner_id = p_partner and case l.kind
                when 'wallet' then p_wallet <> 0
                when 'wallet_held' then p_wallet_held <> 0
                when 'float' then p_float <> 0 and l.shortcode_id = p_shortcode
                else p_float_held <> 0 and l.shortcode_id = p_shortcode end
            returning l.id, l.kind, l.balance
    loop
        case a.kind
            when 'wallet' then wallet := a.id; in_wallet := a.balance;
            when 'wallet_held' then wallet_held := a.id;
            when 'float' then float_free := a.id; in_float := a.balance;
            else float_held := a.id;
        end case;
    end loop;
    if (p_wallet <> 0 and wallet is null) or (p_wallet_held <> 0 and wallet_held is null)
        or (p_float <> 0 and float_free is null) or (p_float_held <> 0 and float_held is null)
    then
        raise exception 'an account is not open for partner %, shortcode %', p_partner, p_shortcode
            using errcode = 'foreign_key_violation';
    end if;
end $$;

create or replace function ledger_hold_placed() returns trigger language plpgsql as $$
declare
    payout boolean := new.purpose = 'payout';
    from_wallet numeric := new.charge + case when payout then 0 else new.principal end;
    from_float numeric := case when payout then new.principal else 0 end;
    -- Ids are unique within a table, and making one costs as much as a small statement.
    principal_id uuid := new.id;
    charge_id uuid := case when new.charge > 0 then ledger_id() end;
    a record;
    wallet_row uuid;
begin
    if new.status <> 'held' or new.settled_at is not null or new.receipt <> '' then
        raise exception 'a hold begins as held' using errcode = 'check_violation';
    end if;
    a := ledger_change(new.partner_id, new.shortcode_id, -from_wallet, from_wallet, -from_float, from_float);
    if new.charge > 0 then
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, hold_id)
            values (charge_id, 'hold', new.reference::text, a.wallet, a.wallet_held, new.charge, new.held_at,
                    new.held_at, 'Charge held', new.id);
    end if;
    insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                  created_at, description, hold_id)
        values (principal_id, case when payout then 'float_hold' else 'purchase_hold' end, new.reference::text,
                case when payout then a.float_free else a.wallet end,
                case when payout then a.float_held else a.wallet_held end, new.principal, new.held_at,
                new.held_at, case when payout then 'Held for a payout' else 'Held for a float purchase' end,
                new.id);
    if from_wallet > 0 then
        update partner_wallets set current_balance = a.in_wallet, updated_at = new.held_at
            where partner_id = new.partner_id returning id into strict wallet_row;
        if new.charge > 0 then
            insert into wallet_transactions
                (id, number, wallet_id, transfer_id, transaction_type, amount, balance_after, reference,
                 description, sms_sent, event_at, created_at)
                values (charge_id, nextval('ledger_numbers'), wallet_row, charge_id, 'hold', -new.charge,
                        a.in_wallet + from_wallet - new.charge, new.reference::text, 'Charge held', false,
                        new.held_at, new.held_at);
        end if;
        if not payout then
            insert into wallet_transactions
                (id, number, wallet_id, transfer_id, transaction_type, amount, balance_after, reference,
                 description, sms_sent, event_at, created_at)
                values (principal_id, nextval('ledger_numbers'), wallet_row, principal_id, 'purchase_hold',
                        -new.principal, a.in_wallet, new.reference::text, 'Held for a float purchase', false,
                        new.held_at, new.held_at);
        end if;
    end if;
    if payout then
        insert into ledger_lines
            (id, number, account_id, transfer_id, amount, balance_after, event_at, created_at)
            values (principal_id, nextval('ledger_numbers'), a.float_free, principal_id, -new.principal,
                    a.in_float, new.held_at, new.held_at);
    end if;
    return null;
end $$;

create or replace function ledger_hold_settled() returns trigger language plpgsql as $$
declare
    payout boolean := new.purpose = 'payout';
    released boolean := new.status = 'released';
    in_wallet numeric := new.charge + case when payout then 0 else new.principal end;
    in_float numeric := case when payout then new.principal else 0 end;
    event_at timestamptz := case when released then new.settled_at else new.event_at end;
    words text := case when released then new.reason else new.receipt end;
    charge_id uuid := case when new.charge > 0 then ledger_id() end;
    principal_id uuid := ledger_id();
    a record;
    wallet_row uuid;
    shared boolean;
begin
    if released then
        a := ledger_change(new.partner_id, new.shortcode_id, in_wallet, -in_wallet, in_float, -in_float);
    else
        a := ledger_change(new.partner_id, new.shortcode_id, 0, -in_wallet,
                           case when payout then 0 else new.principal end, -in_float);
    end if;
    if new.charge > 0 then
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, hold_id)
            values (charge_id, case when released then 'release' else 'charge' end, new.reference::text,
                    a.wallet_held, case when released then a.wallet else ledger_account('fees', null, null) end,
                    new.charge, event_at, new.settled_at, words, new.id);
    end if;
    insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                  created_at, description, hold_id)
        values (principal_id,
                case when released and payout then 'float_release' when released then 'purchase_release'
                     when payout then 'disbursement' else 'b2c_float_purchase' end,
                new.reference::text, case when payout then a.float_held else a.wallet_held end,
                case when released and not payout then a.wallet
                     when payout and not released then ledger_account('customers', null, null)
                     else a.float_free end,
                new.principal, event_at, new.settled_at, words, new.id);
    if released and in_wallet > 0 then
        update partner_wallets set current_balance = a.in_wallet, updated_at = new.settled_at
            where partner_id = new.partner_id returning id into strict wallet_row;
        if new.charge > 0 then
            insert into wallet_transactions
                (id, number, wallet_id, transfer_id, transaction_type, amount, balance_after, reference,
                 description, sms_sent, event_at, created_at)
                values (charge_id, nextval('ledger_numbers'), wallet_row, charge_id, 'release', new.charge,
                        a.in_wallet - in_wallet + new.charge, new.reference::text, words, false, event_at,
                        new.settled_at);
        end if;
        if not payout then
            insert into wallet_transactions
                (id, number, wallet_id, transfer_id, transaction_type, amount, balance_after, reference,
                 description, sms_sent, event_at, created_at)
                values (principal_id, nextval('ledger_numbers'), wallet_row, principal_id, 'purchase_release',
                        new.principal, a.in_wallet, new.reference::text, words, false, event_at, new.settled_at);
        end if;
    end if;
    if released = payout then  -- a payout given back, or float that was bought
        insert into ledger_lines
            (id, number, account_id, transfer_id, amount, balance_after, event_at, created_at)
            values (principal_id, nextval('ledger_numbers'), a.float_free, principal_id, new.principal, a.in_float,
                    event_at, new.settled_at);
    end if;
    if not released and new.mpesa_cost > 0 then
        -- On a partner's own shortcode Safaricom takes its fee from the partner, not from us.
        select partner_id is null into shared from shortcodes where id = new.shortcode_id;
        if shared then
            insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                          created_at, description, hold_id)
                values (ledger_id(), 'mpesa_cost', new.reference::text,
                        ledger_account('charges_paid', null, null), ledger_account('mpesa_cost', null, null),
                        new.mpesa_cost, event_at, new.settled_at, words, new.id);
        end if;
    end if;
    return null;
end $$;
drop function ledger_hold_transfer;
"""

FUNCTIONS = """
-- Take a partner's turn, until this transaction ends.
create function ledger_turn(p_partner uuid) returns void language sql volatile as $$
    select pg_advisory_xact_lock(hashtextextended(p_partner::text, 4301))
$$;

create or replace function ledger_hold(
    p_id uuid, p_reference uuid, p_purpose text, p_partner uuid, p_shortcode uuid, p_principal numeric,
    p_charge numeric, p_at timestamptz,
    out outcome text, out account text, out needed numeric, out available numeric
) language plpgsql as $$
declare
    a record;
    in_wallet numeric := 0;
    in_float numeric := 0;
    from_wallet numeric := p_charge + case when p_purpose = 'payout' then 0 else p_principal end;
    from_float numeric := case when p_purpose = 'payout' then p_principal else 0 end;
    earlier ledger_holds;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_partner::text, 4301));  -- `ledger_turn`
    for a in
        select l.kind, l.balance from ledger_accounts l
        where l.partner_id = p_partner
            and (l.kind = 'wallet' or l.kind = 'float' and l.shortcode_id = p_shortcode)
    loop
        if a.kind = 'wallet' then
            in_wallet := a.balance;
        else
            in_float := a.balance;
        end if;
    end loop;
    if in_wallet >= from_wallet and in_float >= from_float then
        insert into ledger_holds (id, reference, purpose, partner_id, shortcode_id, principal, charge, status,
                                  held_at, receipt, reason)
            values (p_id, p_reference, p_purpose, p_partner, p_shortcode, p_principal, p_charge, 'held', p_at,
                    '', '')
            on conflict (reference) do nothing;
        if found then
            outcome := 'held';
            return;
        end if;
    end if;
    select * into earlier from ledger_holds h where h.reference = p_reference;
    if found then
        outcome := case
            when (earlier.purpose, earlier.partner_id, earlier.shortcode_id, earlier.principal, earlier.charge)
                 = (p_purpose, p_partner, p_shortcode, p_principal, p_charge)
            then 'already' else 'contradiction' end;
    elsif in_wallet < from_wallet then
        outcome := 'short'; account := 'wallet'; needed := from_wallet; available := in_wallet;
    else
        outcome := 'short'; account := 'float'; needed := from_float; available := in_float;
    end if;
end $$;

-- Takes the turn of a hold's partner, then locks the hold; returns what it is, or null where there is none.
create or replace function ledger_lock_hold(p_reference uuid, p_giving_back boolean) returns ledger_holds
language plpgsql as $$
declare
    h ledger_holds;
    owner uuid;
begin
    select partner_id into owner from ledger_holds where reference = p_reference;
    if owner is not null then
        perform ledger_turn(owner);
        select * into h from ledger_holds where reference = p_reference for no key update;
    end if;
    return h;
end $$;

create or replace function ledger_transfer(
    p_id uuid, p_type text, p_reference text, p_from uuid, p_to uuid, p_amount numeric, p_event_at timestamptz,
    p_at timestamptz, p_description text, p_reverses uuid,
    out outcome text, out transfer_id uuid, out available numeric
) language plpgsql as $$
declare
    earlier ledger_transfers;
    owner uuid;
begin
    for owner in
        select distinct partner_id from ledger_accounts
        where id in (p_from, p_to) and partner_id is not null order by partner_id
    loop
        perform ledger_turn(owner);
    end loop;
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


class Migration(migrations.Migration):
    dependencies = [("wallet", "0005_float_purchases")]
    # Not undone: the functions before would post again what a hold has posted.
    operations = [migrations.RunSQL(POSTING + HOLDS + FUNCTIONS)]
