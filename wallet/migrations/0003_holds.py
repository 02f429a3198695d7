"""A hold moves its own money: its row makes the transfers, and it ends in exactly one capture or release.

The functions lock, check and tell the outcome in words; the triggers do the work, so that a row written in any
other way moves the same money or is refused.
"""

from django.db import migrations

TRIGGERS = """
create function ledger_hold_placed() returns trigger language plpgsql as $$
declare
    a record;
    wallet uuid;
    wallet_held uuid;
    float_free uuid;
    float_held uuid;
begin
    if new.status <> 'held' or new.settled_at is not null or new.receipt <> '' then
        raise exception 'a hold begins as held' using errcode = 'check_violation';
    end if;
    for a in
        select id, kind from ledger_accounts
        where partner_id = new.partner_id and (shortcode_id = new.shortcode_id or shortcode_id is null)
    loop
        case a.kind
            when 'wallet' then wallet := a.id;
            when 'wallet_held' then wallet_held := a.id;
            when 'float' then float_free := a.id;
            else float_held := a.id;
        end case;
    end loop;
    if new.charge > 0 then
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, hold_id)
            values (ledger_id(), 'hold', new.reference::text, wallet, wallet_held, new.charge, new.held_at,
                    new.held_at, 'Charge held', new.id);
    end if;
    if new.purpose = 'payout' then
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, hold_id)
            values (ledger_id(), 'float_hold', new.reference::text, float_free, float_held, new.principal,
                    new.held_at, new.held_at, 'Held for a payout', new.id);
    else
        insert into ledger_transfers (id, type, reference, from_account_id, to_account_id, amount, event_at,
                                      created_at, description, hold_id)
            values (ledger_id(), 'purchase_hold', new.reference::text, wallet, wallet_held, new.principal,
                    new.held_at, new.held_at, 'Held for a float purchase', new.id);
    end if;
    return null;
end $$;
create trigger ledger_holds_placed after insert on ledger_holds
    for each row execute function ledger_hold_placed();

-- One movement at the end of a hold, between accounts named by their kinds.
create function ledger_hold_transfer(
    h ledger_holds, p_type text, p_from text, p_to text, p_amount numeric, p_event_at timestamptz,
    p_description text
) returns void language plpgsql as $$
begin
    insert into ledger_transfers
        (id, type, reference, from_account_id, to_account_id, amount, event_at, created_at, description, hold_id)
        values (ledger_id(), p_type, h.reference::text,
                ledger_account(p_from, h.partner_id, h.shortcode_id),
                ledger_account(p_to, h.partner_id, h.shortcode_id),
                p_amount, p_event_at, h.settled_at, p_description, h.id);
end $$;

create function ledger_hold_settled() returns trigger language plpgsql as $$
declare
    payout boolean := new.purpose = 'payout';
    shared boolean;
begin
    if new.status = 'released' then
        if new.charge > 0 then
            perform ledger_hold_transfer(new, 'release', 'wallet_held', 'wallet', new.charge,
                                         new.settled_at, new.reason);
        end if;
        perform ledger_hold_transfer(
            new, case when payout then 'float_release' else 'purchase_release' end,
            case when payout then 'float_held' else 'wallet_held' end,
            case when payout then 'float' else 'wallet' end,
            new.principal, new.settled_at, new.reason);
        return null;
    end if;
    if new.charge > 0 then
        perform ledger_hold_transfer(new, 'charge', 'wallet_held', 'fees', new.charge,
                                     new.event_at, new.receipt);
    end if;
    perform ledger_hold_transfer(
        new, case when payout then 'disbursement' else 'b2c_float_purchase' end,
        case when payout then 'float_held' else 'wallet_held' end,
        case when payout then 'customers' else 'float' end,
        new.principal, new.event_at, new.receipt);
    if new.mpesa_cost > 0 then
        -- On a partner's own shortcode Safaricom takes its fee from the partner, not from us.
        select partner_id is null into shared from shortcodes where id = new.shortcode_id;
        if shared then
            perform ledger_hold_transfer(new, 'mpesa_cost', 'charges_paid', 'mpesa_cost', new.mpesa_cost,
                                         new.event_at, new.receipt);
        end if;
    end if;
    return null;
end $$;
create trigger ledger_holds_settled after update on ledger_holds
    for each row execute function ledger_hold_settled();

create function ledger_hold_ends_once() returns trigger language plpgsql as $$
begin
    if old.status <> 'held'
        or (old.id, old.reference, old.purpose, old.partner_id, old.shortcode_id, old.principal, old.charge,
            old.held_at)
           is distinct from
           (new.id, new.reference, new.purpose, new.partner_id, new.shortcode_id, new.principal, new.charge,
            new.held_at)
    then
        raise exception 'a hold changes only once, when it ends' using errcode = 'restrict_violation';
    end if;
    if (new.status = 'captured' and new.settled_at is not null and new.event_at is not null
            and new.receipt <> '' and coalesce(new.mpesa_cost, 0) >= 0)
        or (new.status = 'released' and new.settled_at is not null and new.receipt = ''
            and new.mpesa_cost is null)
    then
        return new;
    end if;
    raise exception 'a hold ends as captured with a receipt, or as released' using errcode = 'check_violation';
end $$;
create trigger ledger_holds_end_once before update on ledger_holds
    for each row execute function ledger_hold_ends_once();
create trigger ledger_holds_no_delete before delete on ledger_holds
    for each row execute function refuse_change();
"""

FUNCTIONS = """
create function ledger_hold(
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
    for a in
        select l.kind, l.balance from ledger_accounts l
        where l.partner_id = p_partner
            and (l.shortcode_id = p_shortcode and from_float > 0 or l.shortcode_id is null and from_wallet > 0)
        order by l.id for no key update
    loop
        if a.kind = 'wallet' then
            in_wallet := a.balance;
        elsif a.kind = 'float' then
            in_float := a.balance;
        end if;
    end loop;
    select * into earlier from ledger_holds h where h.reference = p_reference;
    if not found then
        if in_wallet < from_wallet then
            outcome := 'short'; account := 'wallet'; needed := from_wallet; available := in_wallet;
            return;
        elsif in_float < from_float then
            outcome := 'short'; account := 'float'; needed := from_float; available := in_float;
            return;
        end if;
        insert into ledger_holds (id, reference, purpose, partner_id, shortcode_id, principal, charge, status,
                                  held_at, receipt, reason)
            values (p_id, p_reference, p_purpose, p_partner, p_shortcode, p_principal, p_charge, 'held', p_at,
                    '', '')
            on conflict (reference) do nothing;
        if found then
            outcome := 'held';
            return;
        end if;
        select * into earlier from ledger_holds h where h.reference = p_reference;
    end if;
    outcome := case
        when (earlier.purpose, earlier.partner_id, earlier.shortcode_id, earlier.principal, earlier.charge)
             = (p_purpose, p_partner, p_shortcode, p_principal, p_charge)
        then 'already' else 'contradiction' end;
end $$;

-- Locks a hold, then its accounts; returns what the hold is, or null where there is none.
create function ledger_lock_hold(p_reference uuid, p_giving_back boolean) returns ledger_holds
language plpgsql as $$
declare
    h ledger_holds;
begin
    select * into h from ledger_holds where reference = p_reference for no key update;
    if h.status = 'held' then
        -- A captured payout leaves the wallet and the float alone, so it does not wait for new holds on them
        -- longer than for the held accounts.
        perform from ledger_accounts l
            where l.partner_id = h.partner_id
                and (l.shortcode_id = h.shortcode_id or l.shortcode_id is null)
                and (p_giving_back or h.purpose <> 'payout' or l.kind in ('wallet_held', 'float_held'))
            order by l.id for no key update;
    end if;
    return h;
end $$;

create function ledger_capture(
    p_reference uuid, p_at timestamptz, p_event_at timestamptz, p_receipt text, p_mpesa_cost numeric,
    out outcome text, out status text, out receipt text
) language plpgsql as $$
declare
    h ledger_holds := ledger_lock_hold(p_reference, false);
begin
    status := h.status;
    receipt := h.receipt;
    if h.status = 'held' then
        update ledger_holds l set status = 'captured', settled_at = p_at, event_at = p_event_at,
            receipt = p_receipt, mpesa_cost = p_mpesa_cost where l.id = h.id;
        outcome := 'done';
    else
        outcome := case when h.status = 'captured' and h.receipt = p_receipt
                   then 'already' else 'contradiction' end;
    end if;
end $$;

create function ledger_release(
    p_reference uuid, p_at timestamptz, p_reason text, out outcome text, out status text, out receipt text
) language plpgsql as $$
declare
    h ledger_holds := ledger_lock_hold(p_reference, true);
begin
    status := h.status;
    receipt := h.receipt;
    if h.status = 'held' then
        update ledger_holds l set status = 'released', settled_at = p_at, reason = p_reason where l.id = h.id;
        outcome := 'done';
    else
        outcome := case when h.status = 'released' then 'already' else 'contradiction' end;
    end if;
end $$;
"""

UNDO = """
drop function ledger_release;
drop function ledger_capture;
drop function ledger_lock_hold;
drop function ledger_hold;
drop trigger ledger_holds_no_delete on ledger_holds;
drop trigger ledger_holds_end_once on ledger_holds;
drop function ledger_hold_ends_once;
drop trigger ledger_holds_settled on ledger_holds;
drop trigger ledger_holds_placed on ledger_holds;
drop function ledger_hold_settled;
drop function ledger_hold_placed;
drop function ledger_hold_transfer;
"""


class Migration(migrations.Migration):
    dependencies = [("wallet", "0002_posting")]
    operations = [migrations.RunSQL(TRIGGERS + FUNCTIONS, UNDO)]
