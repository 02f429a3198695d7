"""From a stored notice of NCBA, or a line of its statement, to what is booked. The password is checked before."""

import hmac
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import structlog
from django.db import transaction

from common import inbound
from common.models import InboundMessage
from wallet import bank, crediting, ncba_settings, notices
from wallet.bank_models import BankAccount, BankCredit, Channel, CreditStatus
from wallet.ncba_shapes import NAIROBI, StatementLine
from wallet.notices import Notice, Unreadable

log = structlog.get_logger("wallet")

SOURCE = "ncba"
REFUSED = "ncba_refused"
ON_STATEMENT_WITHIN = timedelta(hours=6)
KINDS: Mapping[str, Channel] = {"ncba_paybill": Channel.PAYBILL, "ncba_account": Channel.ACCOUNT}
DOUBTED = "_doubted"  # after the kind of a notice whose hash was wrong and is not enforced


def read(what: str, body: bytes, *, is_xml: bool) -> Notice:
    """Read a notice: `what` is paybill or account.

    :raises Unreadable: with what is wrong
    """
    if what == "paybill":
        return notices.read_paybill(body, is_xml=is_xml)
    if not is_xml:
        raise Unreadable("an account notice is XML")
    return notices.read_account(body)


def password_is_right(account: BankAccount, notice: Notice) -> bool:
    """Whether a notice carries the user and password that we gave to the bank; without ours, none is right."""
    pairs = [
        (account.push_username, notice.fields.text("Username")),
        (account.push_password, notice.fields.text("Password")),
    ]
    equal = [hmac.compare_digest(ours.encode(), theirs.encode()) for ours, theirs in pairs]
    return all(equal) and bool(account.push_username and account.push_password)


def hash_is_right(account: BankAccount, notice: Notice, *, what: str) -> bool:
    """Whether a notice carries the hash that our secret makes."""
    ncba = ncba_settings.current()
    credited = {"paybill": ncba.paybill, "till": account.till, "account": account.account}
    names = ncba.hash_fields_paybill if what == "paybill" else ncba.hash_fields_account
    known = {"CreditAccount": credited.get(ncba.hash_credit_account, ncba.paybill)}
    return bool(account.push_secret) and notices.hash_is_sound(
        notice.fields, secret=account.push_secret, names=names, known=known
    )


def apply(message: InboundMessage, *, at: datetime) -> str:
    """Act on a stored notice and note what was done; a second time changes nothing.

    :returns: what was done, in words
    """
    kind = message.kind.removesuffix(DOUBTED)
    account = BankAccount.objects.get(pk=str(message.subject_id))
    body = message.body.encode()
    is_xml = body.lstrip().startswith(b"<")
    notice = read(kind.removeprefix("ncba_"), body, is_xml=is_xml)
    sound = None if account.hash_mode == BankAccount.HashMode.OFF else not message.kind.endswith(DOUBTED)
    with transaction.atomic():
        outcome = _take(account, _told(notice, KINDS[kind], sound, message.received_at), notice, at=at)
        inbound.applied(message.pk, outcome=outcome + _late(notice, at=message.received_at), at=at)
    return outcome


def _told(notice: Notice, channel: Channel, sound: bool | None, received_at: datetime) -> crediting.Told:
    return crediting.Told(
        channel=channel,
        core_reference=notice.core_reference,
        receipt=notice.receipt,
        amount=abs(notice.amount),
        event_at=notice.event_at or received_at,
        bill_reference=notice.bill_reference,
        narrative=notice.narrative,
        phone=notice.phone,
        payer=notice.payer,
        hash_sound=sound,
    )


def _take(account: BankAccount, told: crediting.Told, notice: Notice, *, at: datetime) -> str:
    status = notice.fields.text("Status").strip().upper()
    if status not in ("", "SUCCESS"):
        return f"the bank calls it {status[:40]}; nothing was booked"
    if told.channel == Channel.ACCOUNT and not _is_ours(account, notice.fields.text("AccountNr")):
        log.error("notice of another account", reference=notice.trans_id)
        return "it is about an account that is not ours; nothing was booked"
    if not notice.amount:
        return "there is no money in it; nothing was booked"
    if notice.amount < 0:
        return crediting.take_debit(account=account, told=told, at=at)
    return crediting.take_credit(account=account, told=told, at=at)


def _is_ours(account: BankAccount, number: str) -> bool:
    """Whether a notice is about our account; one that names none came to our own address all the same."""
    number = number.strip()
    return not number or number.lstrip("0") == account.account.lstrip("0")


def _late(notice: Notice, *, at: datetime) -> str:
    """Say when a notice is old, or from the future. Banks send again for hours, so it is never refused for it."""
    if notice.event_at is None:
        return "; its time cannot be read"
    window = timedelta(hours=ncba_settings.current().freshness_hours)
    if notice.event_at < at - window:
        return f"; it is older than {window.total_seconds() / 3600:.0f} hours"
    return "; its time is in the future" if notice.event_at > at + timedelta(minutes=10) else ""


def read_statement(*, account: BankAccount, at: datetime) -> str:
    """Read the statement since yesterday, or since it was last read, and take what no notice told us.

    :returns: what was found, in words
    :raises GatewayError: the bank did not give it
    """
    today = at.astimezone(NAIROBI).date()
    first = _first_day(account, today)
    found = bank.gateway(account).statement(account.account, first=first, last=today)
    begins = account.statement_from or account.created_at.astimezone(NAIROBI).date()
    done = [
        take_line(account, line, today=today, at=at)
        for line in found.lines
        if line.value_date is None or line.value_date >= begins
    ]
    new = [outcome for outcome in done if outcome != "known already"]
    if not found.unreadable:
        _miss(account, max(first, begins), at=at)
    doubt = f"{found.unreadable} lines cannot be read" if found.unreadable else ""
    BankAccount.objects.filter(pk=account.pk).update(statement_at=at, statement_trouble=doubt)
    return "; ".join([f"{len(done)} lines, {len(new)} new", *new[:5], *([doubt] if doubt else [])])


def _miss(account: BankAccount, first: date, *, at: datetime) -> None:
    """Ask a person about credits that a notice told of and the statement does not have: was it the bank?

    While the hash of notices cannot be enforced, this is what would find a forged one.
    """
    begins = datetime.combine(first, time(), tzinfo=NAIROBI)
    booked = BankCredit.objects.filter(
        account=account,
        core_reference__isnull=False,
        event_at__range=(begins, at - ON_STATEMENT_WITHIN),
        status__in=[CreditStatus.BOOKED, CreditStatus.ALLOCATED, CreditStatus.SUSPENSE],
        attention="",
    )
    for row in booked.exclude(told_by__has_key=Channel.STATEMENT):
        words = "The bank's statement does not have it. Ask the bank whether it sent the notice."
        row.ask_for_person(words, at=at)


def _first_day(account: BankAccount, today: date) -> date:
    yesterday = today - timedelta(days=1)
    if account.statement_at is None:
        return yesterday
    return min(yesterday, account.statement_at.astimezone(NAIROBI).date() - timedelta(days=1))


def take_line(account: BankAccount, line: StatementLine, *, today: date, at: datetime) -> str:
    """Take one line of the statement by the same road as a notice."""
    day = datetime.combine(line.value_date or today, time(), tzinfo=NAIROBI)
    told = crediting.Told(
        channel=Channel.STATEMENT,
        core_reference=line.core_reference,
        amount=abs(line.amount),
        event_at=day,
        day_only=True,
        narrative=line.narrative,
        others=line.other_references,
        payer=line.details,
    )
    take = crediting.take_debit if line.amount < 0 else crediting.take_credit
    return take(account=account, told=told, at=at)


def refused(message: InboundMessage, *, reason: str, at: datetime) -> None:
    """Note on a stored message that it was refused and why; nothing is done for it."""
    inbound.applied(message.pk, outcome=f"refused: {reason}", at=at)
