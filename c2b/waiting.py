"""Say of a payment that has not come to rest what it waits for, from the facts of this moment."""

from datetime import datetime
from uuid import UUID

from django.db.models import Case, Min, Q, When

from c2b import turns
from c2b.models import C2bTransaction, Posting
from c2b.reading import host_of
from c2b.statuses import AT_MIFOS, ENDED, Status
from mifos.models import MifosPartner

NEXT_ONE = "It is next."
Rows = list[C2bTransaction]


def why(row: C2bTransaction, *, at: datetime) -> str:
    """Return what a payment waits for, in words; nothing for one that has ended."""
    if row.status in ENDED:
        return ""
    if known := _held_up(row, host_of(row.partner_id) if row.partner_id else None, at=at):
        return known
    if row.status == Status.MATCHED and (first := turns.first_before(row, turns.open_parts(row))):
        return _goes_first(first)
    return _own_state(row) or _in_line(row)


def why_each(rows: Rows, *, at: datetime) -> dict[UUID, str]:
    """Say it of the rows of a list, in a number of queries that does not grow with them."""
    moving = [row for row in rows if row.status not in ENDED]
    theirs = MifosPartner.objects.filter(partner_id__in={row.partner_id for row in moving})
    hosts: dict[UUID | None, MifosPartner] = {one.partner_id: one for one in theirs} if moving else {}
    said = {row.pk: _held_up(row, hosts.get(row.partner_id), at=at) for row in moving}
    left = [row for row in moving if not said[row.pk]]
    first = _first_of_each([row for row in left if row.status == Status.MATCHED])
    said |= {row.pk: _goes_first(first[row.pk]) if row.pk in first else _own_state(row) for row in left}
    return said | _places_in_line([row for row in left if not said[row.pk]])


def _held_up(row: C2bTransaction, host: MifosPartner | None, *, at: datetime) -> str:
    """Return what holds a payment up, whatever its turn: a person has to act, or its Mifos rests."""
    if row.attention:
        return row.attention
    if host is not None and host.resting(at):
        return f"Mifos is left alone for a while: {host.failure_note}."
    return ""


def _own_state(row: C2bTransaction) -> str:
    """Return what is left to say of a row that nothing else holds up; nothing where it stands in line."""
    if row.queued_at is not None:
        return "It is in a worker's hands."
    if row.status == Status.POSTING and not row.reason:
        return "Its booking is on its way to Mifos."
    if row.status == Status.MATCHED and not row.record_tries:
        return ""  # its reason says why this account, not what it waits for
    return row.reason


def _goes_first(first: C2bTransaction) -> str:
    state = str(first.get_status_display()).lower()
    return f"Payment {first.mpesa_receipt} to the same account goes first; it is {state}."


def _in_line(row: C2bTransaction) -> str:
    if row.partner_id is None:
        return NEXT_ONE
    before = C2bTransaction.objects.filter(
        partner_id=row.partner_id, status=row.status, next_step_at__isnull=False, paid_at__lt=row.paid_at
    )
    count = before.count()
    if not count:
        return NEXT_ONE
    payments, go = ("payment", "goes") if count == 1 else ("payments", "go")
    return f"It waits for its turn: {count} earlier {payments} of the partner {go} first."


def _first_of_each(rows: Rows) -> dict[UUID, C2bTransaction]:
    """Return for each payment whose account is known the one that goes before it, if one does."""
    if not rows:
        return {}
    parts = Posting.objects.filter(booked_at__isnull=True, void_at__isnull=True)
    wanted = list(parts.filter(transaction__in=rows))
    heads = _heads(wanted)
    found: dict[UUID, C2bTransaction] = {}
    for one in wanted:
        head = heads.get((one.mifos_partner_id, one.kind, one.account_id))
        if head is not None and head.pk != one.transaction_id:
            found.setdefault(one.transaction_id, head)
    return found | _unread_before(rows)


def _heads(wanted: list[Posting]) -> dict[tuple[UUID, str, int], C2bTransaction]:
    """Return whose turn it is at each account: what is at Mifos, else the earliest that is matched."""
    accounts = {(one.mifos_partner_id, one.kind, one.account_id) for one in wanted}
    if not accounts:
        return {}
    here = Q()
    for host, kind, account_id in accounts:
        here |= Q(mifos_partner_id=host, kind=kind, account_id=account_id)
    account = ("mifos_partner_id", "kind", "account_id")
    under_way = Case(When(transaction__status__in=AT_MIFOS, then=0), default=1)
    heads = (
        Posting.objects.filter(
            here,
            booked_at__isnull=True,
            void_at__isnull=True,
            transaction__status__in=[*AT_MIFOS, Status.MATCHED],
        )
        .order_by(*account, under_way, "transaction__paid_at", "transaction_id")
        .distinct(*account)
        .select_related("transaction")
    )
    return {(one.mifos_partner_id, one.kind, one.account_id): one.transaction for one in heads}


def _unread_before(rows: Rows) -> dict[UUID, C2bTransaction]:
    """Return what nobody has matched yet, is earlier, and names the very same account."""
    here = Q()
    asking = [row for row in rows if row.bill_ref and not row.touched_by_person]
    for partner_id, bill_ref in {(row.partner_id, row.bill_ref) for row in asking}:
        here |= Q(partner_id=partner_id, bill_ref=bill_ref)
    if not here:
        return {}
    unread = C2bTransaction.objects.filter(here, status=Status.RECEIVED)
    firsts = unread.order_by("partner_id", "bill_ref", "paid_at", "pk").distinct("partner_id", "bill_ref")
    heads = {(one.partner_id, one.bill_ref): one for one in firsts}
    pairs = ((row, heads.get((row.partner_id, row.bill_ref))) for row in asking)
    return {row.pk: head for row, head in pairs if head and (head.paid_at, head.pk) < (row.paid_at, row.pk)}


def _places_in_line(rows: Rows) -> dict[UUID, str]:
    """Say of payments that only wait for their turn whether others of their partner go first."""
    waits = C2bTransaction.objects.filter(
        partner_id__in={row.partner_id for row in rows if row.partner_id},
        status__in={row.status for row in rows},
        next_step_at__isnull=False,
    )
    grouped = waits.order_by().values_list("partner_id", "status").annotate(Min("paid_at")) if rows else []
    earliest = {(partner_id, status): paid_at for partner_id, status, paid_at in grouped}

    def words(row: C2bTransaction) -> str:
        first = earliest.get((row.partner_id, row.status))
        waits = first is not None and first < row.paid_at
        return "It waits for its turn: earlier payments of the partner go first." if waits else NEXT_ONE

    return {row.pk: words(row) for row in rows}
