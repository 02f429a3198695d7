"""Book a matched payment in Mifos: once, in the order of each account, and never forget one."""

from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog

from c2b import booking, finding, planning, telling, turns
from c2b.models import C2bTransaction, Posting
from c2b.planning import Plan
from c2b.reading import host_of, load, rule_of
from c2b.statuses import AT_MIFOS, Status
from common.gateway import GatewayError, OutcomeUnknown
from common.moves import LostRace
from mifos import operations as mifos
from mifos.accounts import Account, AccountKind, Entry, MoneyIn
from mifos.client import Mifos
from mifos.errors import Advice, advice, spends_key
from mifos.hosts import busy, speaking_to
from mifos.models import MifosPartner

log = structlog.get_logger("c2b.posting")

BUSY_GAP = timedelta(seconds=1)
GAPS = (2, 5, 15, 60, 300, 900, 3600)  # seconds between tries; the last goes on for ever
ATTENTION_AFTER = 4  # tries
CHECKER_GAP = timedelta(minutes=5)
PERSON_GAP = timedelta(minutes=15)  # tried again although a person has to mend it, since nobody tells us
POSTABLE = (Status.MATCHED, Status.POSTING, Status.UNKNOWN, Status.FAILED)
NO_ACCOUNT = ("error.msg.loan.id.invalid", "error.msg.saving.account.id.invalid")
NOT_NOW = (  # the account does not take money any more: the partner's rule is asked again, or a person
    "error.msg.loan.must.be.active.fully.paid.or.overpaid",
    "error.msg.loan.transaction.not.allowed.on.closed.or.overpaid",
    "error.msg.savingsaccount.transaction.account.is.not.active",
)
NOT_THAT_DAY = (
    "error.msg.loan.repayment.or.waiver.cannot.be.made.before.last.transaction.date",
    "error.msg.loan.application.repayment.date.on.holiday",
    "error.msg.loan.application.repayment.date.on.non.working.day",
)
UNSUPPORTED = "error.msg.parameter.unsupported"


class Reversed(Exception):
    """Somebody undid our booking in Mifos."""


def post(*, transaction_id: UUID, at: datetime) -> None:
    """Bring one payment into Mifos as far as it goes.

    :raises LostRace: another worker moved it
    """
    row = load(transaction_id)
    if row.status not in POSTABLE or row.partner_id is None:
        return
    host = host_of(row.partner_id)
    if host is None:
        row.due(at + PERSON_GAP)
        return
    if host.resting(at):
        row.due(host.retry_at)
        return
    if not turns.its_turn(row, turns.open_parts(row)):
        row.due(at + turns.GAP)
        return
    try:
        with speaking_to(host, at=at) as fineract:
            if turns.begin(row, at=at):
                _post(row, host, fineract, at=at)
    except Reversed:
        words = "Mifos shows our booking as undone. Decide where the money belongs."
        _refuse(row, words, at=at)
    except GatewayError as exc:
        _trouble(row, exc, at=at)
    if row.status not in (*AT_MIFOS, Status.MATCHED):
        turns.wake_next(row, at=at)


def _post(row: C2bTransaction, host: MifosPartner, fineract: Mifos, *, at: datetime) -> None:
    """Book all open parts; each is looked for first where an earlier try may have been booked.

    :raises GatewayError: what Mifos answered
    :raises Reversed: somebody undid a part
    """
    while postings := turns.open_parts(row):
        one = postings[0]
        if one.in_doubt and _found(row, one, fineract, at=at):
            continue
        account = None if one.in_doubt else fineract.account(one.account_kind, one.account_id)
        if account is not None and not _fit(row, one, account, fineract, at=at):
            if row.status not in AT_MIFOS:
                return
            continue
        if not _book(row, one, host, fineract, account, at=at):
            return
    _learn_phone(row, host, fineract, at=at)
    booking.finish(row, at=at)


def _learn_phone(row: C2bTransaction, host: MifosPartner, fineract: Mifos, *, at: datetime) -> None:
    """Find out where the receipt can go, where M-Pesa hides the payer's number. The booking stands without it."""
    if row.customer_phone or row.mifos_client_id is None or telling.phone_of_client(row):
        return
    try:
        phone = finding.mobile_of(fineract, row.mifos_client_id)
    except GatewayError as exc:
        log.warning("no phone for the receipt", payment=str(row.pk), reason=str(exc))
        return
    if phone:
        finding.remember_phone(
            mifos_partner_id=host.pk, client_id=row.mifos_client_id, phone=phone, transaction=row, at=at
        )


def _found(row: C2bTransaction, one: Posting, fineract: Mifos, *, at: datetime) -> bool:
    """Whether a try whose answer was lost has been booked.

    :raises Reversed: it was, and somebody undid it
    """
    entry = _look(row, one, fineract)
    if entry is None:
        return False
    if entry.reversed:
        raise Reversed
    words = ""
    if entry.amount != one.amount:
        words = f"Mifos booked {entry.amount} where {one.amount} were meant. Correct it there."
    booking.booked(row, one, transaction_id=entry.id, on=entry.on, at=at, misfit=words)
    return True


def _look(row: C2bTransaction, one: Posting, fineract: Mifos) -> Entry | None:
    if one.account_kind == AccountKind.LOAN:
        return fineract.loan_entry(one.account_id, external_id=str(one.pk))
    return fineract.savings_entry(one.account_id, external_id=str(one.pk), receipt=row.mpesa_receipt)


def _fit(row: C2bTransaction, one: Posting, account: Account, fineract: Mifos, *, at: datetime) -> bool:
    """Bring a part that was never asked for to what its account takes by the partner's rule.

    :returns: whether this part can be booked as it is now
    """
    assert row.partner_id is not None
    if one.account_no and account.account_no and one.account_no != account.account_no:
        words = f"Mifos has another account under this id now: {account.account_no}."
        plan = Plan(take=planning.NOTHING, words=words)
    else:
        plan = planning.plan(
            one.amount, account, excess=rule_of(row.partner_id).excess, by_person=one.by_person
        )
    if plan.wait:
        _wait(row, plan.words, at=at)
        return False
    if plan.take == one.amount:
        return True
    savings = _only_savings(account, fineract) if plan.to_savings else None
    booking.divide(row, one, plan, savings, at=at)
    if not turns.open_parts(row):
        booking.finish(row, at=at, words=plan.words)
    return False


def _only_savings(account: Account, fineract: Mifos) -> Account | None:
    """Return the client's savings account, where there is exactly one that takes deposits."""
    if account.client_id is None:
        return None
    fitting = [
        one
        for one in fineract.accounts_of(account.client_id)
        if one.kind == AccountKind.SAVINGS and one.active and one.plain
    ]
    return fitting[0] if len(fitting) == 1 else None


def _book(
    row: C2bTransaction,
    one: Posting,
    host: MifosPartner,
    fineract: Mifos,
    account: Account | None,
    *,
    at: datetime,
) -> bool:
    """Ask Mifos to book a part. That we ask is committed first.

    :raises GatewayError: it is not booked, or nobody knows
    """
    payment_type = host.payment_type_id or mifos.resolve_payment_type(
        mifos_partner_id=host.pk, client=fineract
    )
    command = _command(row, one, payment_type, _day(row, one, host, fineract, account, at=at), host)
    if row.status == Status.UNKNOWN:
        row.move(
            Status.POSTING, at=at, note="Mifos does not have it; asked again.", next_step_at=at + turns.LEASE
        )
    earlier_doubt = one.in_doubt
    one.tries += 1
    one.in_doubt = True
    one.save(update_fields=["tries", "in_doubt", "without_external_id"])
    try:
        answer = fineract.book(command)
    except GatewayError as exc:
        _note_failure(one, exc, earlier_doubt=earlier_doubt)
        raise
    if answer.pending_checker:
        _wait_for_checker(row, at=at)
        return False
    after = booking.balance_after(account, one.amount)
    booking.booked(
        row, one, transaction_id=answer.transaction_id, on=command.on, at=at, balance=after, account=account
    )
    return True


def _wait_for_checker(row: C2bTransaction, *, at: datetime) -> None:
    words = "Mifos waits for a checker to approve our booking. Approve it there; we look again by ourselves."
    again = at + CHECKER_GAP
    row.move(
        Status.UNKNOWN, at=at, note=words, who="mifos", next_step_at=again, attention=words, attention_at=at
    )


def _note_failure(one: Posting, exc: GatewayError, *, earlier_doubt: bool) -> None:
    """Keep what an answer proves about this booking, and about an earlier try of it under the same key.

    That this request never arrived says nothing of an earlier one; a refusal stored under the key does.
    """
    spent = spends_key(exc)
    one.refusals += spent
    one.in_doubt = isinstance(exc, OutcomeUnknown) or (earlier_doubt and not spent)
    one.dated_today |= exc.code in NOT_THAT_DAY
    one.without_external_id |= exc.code == UNSUPPORTED and one.account_kind == AccountKind.SAVINGS
    one.save(update_fields=["refusals", "in_doubt", "dated_today", "without_external_id"])


def _command(row: C2bTransaction, one: Posting, payment_type: int, on: date, host: MifosPartner) -> MoneyIn:
    """Return what we ask Mifos to book. The external id never changes; a definite refusal asks for a new key."""
    savings = one.account_kind == AccountKind.SAVINGS
    one.without_external_id |= savings and not host.takes_savings_external_id
    return MoneyIn(
        kind=one.account_kind,
        account_id=one.account_id,
        on=on,
        amount=one.amount,
        payment_type_id=payment_type,
        receipt=row.mpesa_receipt,
        external_id="" if one.without_external_id else str(one.pk),
        note=f"M-Pesa {row.mpesa_receipt}, account typed: {row.bill_ref or 'none'}",
        idempotency_key=f"{one.pk}-{one.refusals}",
    )


def _day(
    row: C2bTransaction,
    one: Posting,
    host: MifosPartner,
    fineract: Mifos,
    account: Account | None,
    *,
    at: datetime,
) -> date:
    """Return the day of the payment where the tenant is, not after its today nor before the account began."""
    today = mifos.today_in(mifos_partner=host, client=fineract, at=at, fresh=bool(one.refusals))
    if one.dated_today:
        return today
    paid_on = row.paid_at.astimezone(host.zone).date()
    began = account.opened_on if account and account.opened_on else paid_on
    return min(max(paid_on, began), today)


def _wait(row: C2bTransaction, words: str, *, at: datetime) -> None:
    """Give the turn back: provably nothing is on its way."""
    tries = row.record_tries + 1
    again = at + timedelta(seconds=GAPS[min(tries, len(GAPS) - 1)])
    attention = f"The money waits to be booked in Mifos: {words}" if tries >= ATTENTION_AFTER else ""
    row.move(
        Status.MATCHED,
        at=at,
        note=words,
        who="mifos",
        next_step_at=again,
        record_tries=tries,
        attention=attention,
        attention_at=at if attention else None,
    )


def _trouble(row: C2bTransaction, exc: GatewayError, *, at: datetime) -> None:
    """Decide what an answer that is no success asks for."""
    row.refresh_from_db()
    if row.status not in POSTABLE:
        raise LostRace(f"{row}: no longer being posted")
    one = next(iter(turns.open_parts(row)), None)
    if busy(exc) or one is None:
        row.due(at + BUSY_GAP)
    elif one.in_doubt:
        _doubt(row, exc, at=at)
    elif row.status in AT_MIFOS:
        _refused(row, one, exc, at=at)
    else:
        row.due(_again(row, at=at))


def _doubt(row: C2bTransaction, exc: GatewayError, *, at: datetime) -> None:
    """Keep asking: only what Mifos shows decides."""
    words = f"Mifos may have booked it or not: {exc}. It is being asked."
    tries = row.record_tries + 1
    again = at + timedelta(seconds=GAPS[min(tries, len(GAPS) - 1)])
    if row.status == Status.UNKNOWN:
        C2bTransaction.objects.filter(pk=row.pk, status=Status.UNKNOWN).update(
            record_tries=tries, next_step_at=again, queued_at=None, reason=words
        )
    else:
        row.move(Status.UNKNOWN, at=at, note=words, who="mifos", next_step_at=again, record_tries=tries)
    if tries >= ATTENTION_AFTER:
        row.ask_for_person(words, at=at)


def _refused(row: C2bTransaction, one: Posting, exc: GatewayError, *, at: datetime) -> None:
    """Go on after a refusal that proves that nothing was booked."""
    what = advice(exc)
    if exc.code in NO_ACCOUNT:
        booking.give_up(row, f"Mifos has no such account any more: {exc}.", at=at)
        return
    if exc.code in (*NOT_NOW, *NOT_THAT_DAY, UNSUPPORTED) and one.refusals < ATTENTION_AFTER:
        _wait(row, f"Mifos refused it: {exc}. It is asked in another way.", at=at)
        return
    match what:
        case Advice.FIX_DATA_OR_RIGHTS if exc.code == "error.msg.payment.type.invalid":
            MifosPartner.objects.filter(pk=one.mifos_partner_id).update(payment_type_id=None)
            _wait(row, f"Mifos does not know the payment type: {exc}. It is found anew by its name.", at=at)
        case Advice.FIX_DATA_OR_RIGHTS | Advice.BUSINESS_REFUSAL:
            words = (
                f"The money is here, but Mifos refuses to book it: {exc}. Mend it there, or allocate it anew."
            )
            _refuse(row, words, at=at)
        case Advice.CONFIGURATION | Advice.BUSINESS_DATE | Advice.SAME_KEY_LATER:
            _wait(row, f"Mifos did not take it yet: {exc}.", at=at)
        case Advice.READ_THE_LOAN | Advice.NEW_KEY_AFTER_READING:
            _wait(row, f"Mifos did not answer as expected: {exc}.", at=at)
        case _:
            assert_never(what)


def _refuse(row: C2bTransaction, words: str, *, at: datetime) -> None:
    row.move(
        Status.FAILED,
        at=at,
        note=words,
        who="mifos",
        next_step_at=at + PERSON_GAP,
        attention=words,
        attention_at=at,
    )


def _again(row: C2bTransaction, *, at: datetime) -> datetime:
    tries = row.record_tries + 1
    C2bTransaction.objects.filter(pk=row.pk).update(record_tries=tries)
    return at + timedelta(seconds=GAPS[min(tries, len(GAPS) - 1)])
