"""Book what the bank says came in: once per transaction of the bank, whichever channel tells of it first.

The paybill notice's `FTRef`, the account notice's `TransID` and the statement's reference are one core reference.
Where it is missing, money that may be booked already waits for a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Q

from common import rows
from common.ids import new_id
from common.money import shown
from partners.models import Partner
from sms import operations as sms
from wallet import attribution, ncba_settings, notices, operations, topups
from wallet.bank_models import BankAccount, BankCredit, BankCreditEvent, BankDebit, Channel, CreditStatus
from wallet.models import Account, Kind, PartnerWallet, TransferType, WalletTransaction
from wallet.ncba_answers import core_form

DAYS_APART = timedelta(hours=36)  # the statement's day and the moment of a notice
FEE_WORDS = frozenset({"CHARGE", "CHARGES", "COMMISSION", "FEE", "EXCISE", "DUTY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a channel says of one line of the bank. `amount` is above zero, also for money that left."""

    channel: Channel
    core_reference: str
    amount: Decimal
    event_at: datetime
    receipt: str = ""
    day_only: bool = False
    bill_reference: str = ""
    narrative: str = ""
    others: tuple[str, ...] = ()  # further references of the line
    phone: str = ""
    payer: str = ""
    hash_sound: bool | None = None

    @property
    def references(self) -> set[str]:
        """What the bank may call it elsewhere: a statement's row carries several references."""
        return {core_form(one) for one in (self.core_reference, *self.others)} - {""}

    @property
    def searched(self) -> str:
        """What may repeat a receipt, or a reference of ours."""
        return " ".join((self.bill_reference, self.narrative, *self.others))

    @property
    def named(self) -> str:
        """What the payer wrote, for people."""
        said = dict.fromkeys(part for part in (self.bill_reference, self.narrative) if part)
        return " ".join(said)[:200]  # the bank often says it twice


def take_credit(*, account: BankAccount, told: Told, at: datetime) -> str:
    """Book money that came in, or add what this channel knows to what is booked already.

    :returns: what was done, in words
    """
    with transaction.atomic():
        one_at_a_time()
        known, twin = _known(told)
        if known is None:
            return _first_time(account, told, at=at)
        if twin is not None:
            _same_after_all(known, twin, at=at)
        return _again(known, told, at=at)


def take_debit(*, account: BankAccount, told: Told, at: datetime) -> str:
    """Keep that money left, as evidence for what we ordered."""
    is_fee = bool(FEE_WORDS & notices.words(told.narrative)) and not told.receipt
    row = BankDebit(
        account=account,
        source=told.channel,
        core_reference=told.core_reference or told.receipt,
        amount=told.amount,
        event_at=told.event_at,
        narrative=told.searched.strip()[:400],
        is_fee=is_fee,
        created_at=at,
        next_step_at=at,
    )
    same = BankDebit.objects.filter(core_reference=row.core_reference, amount=row.amount)
    if same.exists():
        return "known already"
    BankDebit.objects.bulk_create([row], ignore_conflicts=True)
    return f"{shown(told.amount)} went out"


def one_at_a_time() -> None:
    """Let those who book credits follow each other, until their transactions end: each must see the others."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('wallet.crediting', 0))")


def _known(told: Told) -> tuple[BankCredit | None, BankCredit | None]:
    """Return the row of this money; and a second one, if what is told now shows that two rows are one."""
    by_core = BankCredit.objects.filter(core_reference__in=told.references).first()
    if told.receipt:
        by_receipt = BankCredit.objects.filter(receipt=told.receipt).first()
    else:  # a line of the account may name the receipt of a payment that came without the core reference
        without = BankCredit.objects.exclude(receipt="").filter(
            core_reference__isnull=True, amount=told.amount
        )
        by_receipt = without.filter(receipt__in=notices.words(told.searched)).first()
    if by_core is None or by_receipt is None or by_core.pk == by_receipt.pk:
        return by_core or by_receipt, None
    return by_core, by_receipt


def _first_time(account: BankAccount, told: Told, *, at: datetime) -> str:
    partner = attribution.partner_named(
        till=account.till, bill_reference=told.bill_reference, narrative=told.narrative
    )
    row = BankCredit(
        id=new_id(),
        account=account,
        status=CreditStatus.SUSPENSE,
        source=told.channel,
        told_by={told.channel: at.isoformat()},
        core_reference=told.core_reference or None,
        receipt=told.receipt,
        amount=told.amount,
        event_at=told.event_at,
        day_only=told.day_only,
        named=told.named,
        payer=told.payer[:200],
        hash_sound=told.hash_sound,
        moved_at=at,
        created_at=at,
    )
    suspected = _suspected(told, partner)
    if suspected is not None:
        return _wait_as_duplicate(row, suspected, partner, at=at)
    if partner is None:
        return _into_suspense(row, at=at)
    row.status, row.partner, row.booked_at = CreditStatus.BOOKED, partner, at
    _insert(row, f"{Channel(told.channel).label} for {partner}.", at=at)
    into_wallet(row, partner, from_kind=Kind.BANK, phone=told.phone, at=at)
    return f"{shown(row.amount)} booked for {partner.code}"


def _insert(row: BankCredit, note: str, *, at: datetime) -> None:
    rows.insert(row)
    rows.insert(BankCreditEvent(credit=row, old="", new=row.status, at=at, note=note, who="bank"))


def _into_suspense(row: BankCredit, *, at: datetime) -> str:
    words = "Nobody can be found for this money by what the payer wrote. Say whose it is."
    row.attention, row.attention_at = words, at
    _insert(row, words, at=at)
    operations.transfer(
        type=TransferType.SUSPENSE,
        reference=row.reference,
        from_account=operations.platform_account(Kind.BANK),
        to_account=operations.platform_account(Kind.SUSPENSE),
        amount=row.amount,
        at=at,
        event_at=row.event_at,
        description=row.named,
    )
    return f"{shown(row.amount)} in suspense"


def _wait_as_duplicate(
    row: BankCredit, suspected: BankCredit, partner: Partner | None, *, at: datetime
) -> str:
    words = (
        f"This may be the same money as {suspected}, which was told of at about the same time without the bank's "
        "reference. Look at the bank's statement, then say whether it is."
    )
    row.status, row.partner, row.suspected = CreditStatus.POSSIBLE_DUPLICATE, partner, suspected
    row.attention, row.attention_at = words, at
    _insert(row, words, at=at)
    return f"{shown(row.amount)} may be money that is booked already"


def _suspected(told: Told, partner: Partner | None) -> BankCredit | None:
    """Return a row that may be the same money: one of the two lacks the core reference, and all else fits.

    Two paybill notices have two receipts, and two lines of the account two references: those are never one.
    """
    if told.core_reference and told.receipt:
        return None
    other = Q(core_reference__isnull=True) if told.core_reference else Q(receipt="")
    gap = timedelta(seconds=ncba_settings.current().possible_duplicate_seconds)
    near = Q(event_at__range=(told.event_at - gap, told.event_at + gap))
    near |= Q(day_only=True, event_at__range=(told.event_at - DAYS_APART, told.event_at + DAYS_APART))
    if told.day_only:
        near = Q(event_at__range=(told.event_at - DAYS_APART, told.event_at + DAYS_APART))
    if partner is not None:
        other &= Q(partner=partner) | Q(partner__isnull=True)
    fitting = BankCredit.objects.filter(near, other, amount=told.amount)
    fitting = fitting.exclude(status=CreditStatus.IGNORED).exclude(suspects__status=CreditStatus.IGNORED)
    return fitting.order_by("event_at").first()


def _again(row: BankCredit, told: Told, *, at: datetime) -> str:
    """Add what a further channel knows. A contradiction raises attention and changes nothing."""
    if words := _contradiction(row, told):
        row.ask_for_person(words, at=at)
        return words
    changes = {}
    if told.channel not in row.told_by:
        changes["told_by"] = row.told_by | {told.channel: at.isoformat()}
    if told.core_reference and not row.core_reference:
        changes["core_reference"] = told.core_reference
    if told.receipt and not row.receipt:
        changes["receipt"] = told.receipt
    if changes:
        BankCredit.objects.filter(pk=row.pk).update(**changes)
        row.refresh_from_db()
        row.remark(f"{Channel(told.channel).label} tells of it too.", at=at, who="bank")
    if row.status == CreditStatus.SUSPENSE:
        return _name_later(row, told, at=at)
    return "known already"


def _contradiction(row: BankCredit, told: Told) -> str:
    if told.amount != row.amount:
        return (
            f"The {Channel(told.channel).label.lower()} tells of {shown(told.amount)} under this reference, and "
            f"{shown(row.amount)} was told before. Nothing was changed. Ask the bank which is right."
        )
    if told.core_reference and row.core_reference and row.core_reference not in told.references:
        return f"The receipt {told.receipt} came again under another reference of the bank ({told.core_reference})."
    if told.receipt and row.receipt and told.receipt != row.receipt:
        return f"The reference came again with another receipt ({told.receipt})."
    return ""


def _name_later(row: BankCredit, told: Told, *, at: datetime) -> str:
    """Take money out of suspense when a later channel names its owner, unless people are deciding."""
    partner = attribution.partner_named(
        till=row.account.till, bill_reference=told.bill_reference, narrative=told.narrative
    )
    if partner is None or row.proposed_by_id:
        return "known already"
    note = f"{Channel(told.channel).label} names {partner}."
    row.move(
        CreditStatus.BOOKED,
        at=at,
        note=note,
        who="bank",
        partner_id=partner.pk,
        booked_at=at,
        named=told.named,
    )
    into_wallet(row, partner, from_kind=Kind.SUSPENSE, phone=told.phone, at=at)
    return f"{shown(row.amount)} booked for {partner.code}, out of suspense"


def _same_after_all(one: BankCredit, other: BankCredit, *, at: datetime) -> None:
    """Settle that two rows are one transaction of the bank, because a message names both references."""
    waiting = [row for row in (one, other) if row.status == CreditStatus.POSSIBLE_DUPLICATE]
    if waiting and one.amount == other.amount:
        stays = other if waiting[0] is one else one
        note = f"The same money as {stays}: the bank names both references."
        waiting[0].move(CreditStatus.IGNORED, at=at, note=note, who="bank")
    elif CreditStatus.IGNORED not in (one.status, other.status):
        one.ask_for_person(f"The bank names {other} as the same money, and both are booked.", at=at)


def into_wallet(row: BankCredit, partner: Partner, *, from_kind: str, phone: str, at: datetime) -> None:
    """Move a credit into the partner's wallet, end the top-up that it answers, and tell the partner.

    Joins the caller's transaction, in which the row has got its partner.
    """
    topups.match(credit=row, partner_id=partner.pk, phone=phone, at=at)
    operations.open_accounts(partner_id=partner.pk, at=at)
    wallet = Account.objects.named(Kind.WALLET, partner_id=partner.pk)
    transfer_id = operations.transfer(
        type=TransferType.TOPUP,
        reference=row.reference,
        from_account=operations.platform_account(from_kind),
        to_account=wallet.pk,
        amount=row.amount,
        at=at,
        event_at=row.event_at,
        description=row.named,
    )
    line = WalletTransaction.objects.get(transfer=transfer_id)
    if not PartnerWallet.objects.filter(partner=partner, sms_notifications_enabled=True).exists():
        return
    told = sms.enqueue_to_partner(
        event_key=f"topup:{row.pk}",
        message_type="topup_confirmation",
        partner_id=partner.pk,
        context={
            "amount": shown(row.amount),
            "reference": row.reference,
            "balance": shown(line.balance_after),
        },
        at=at,
    )
    if told:
        WalletTransaction.objects.filter(pk=line.pk).update(sms_sent=True)
