"""Judge a run by the sandbox's books: paid twice, lost, stuck, and every other difference, in words.

Django has to be set up, and its default database be the platform's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.models import InboundMessage
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import Status
from sms.models import SmsNotification
from sms.models import Status as SmsStatus
from vault.running.agreement import PAID, Books, LoanKey, OurPayout, differences
from vault.running.paybill_verdict import Findings
from wallet.models import Kind, Transfer
from wallet.proof import prove

TELLING = (SmsStatus.PENDING, SmsStatus.SENDING)
TOLD = (SmsStatus.SENT, SmsStatus.DELIVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Each a list of sentences; all empty means that nothing is wrong."""

    paid_twice: list[str]
    lost: list[str]
    stuck: list[str]
    book_difference: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing at all was found."""
        return not (self.paid_twice or self.lost or self.stuck or self.book_difference)

    def joined(self, payments: Findings) -> "Verdict":
        """Return this with what was found of customers' payments."""
        return Verdict(
            paid_twice=[*self.paid_twice, *payments.twice],
            lost=[*self.lost, *payments.lost],
            stuck=[*self.stuck, *payments.stuck],
            book_difference=[*self.book_difference, *payments.different],
        )

    def lines(self) -> list[str]:
        """Return all of it, worst first."""
        return [*self.paid_twice, *self.lost, *self.stuck, *self.book_difference]


def judge(books: Books, approved: Collection[LoanKey], *, utilities: Mapping[str, Decimal]) -> Verdict:
    """Compare the sandbox's books with ours.

    :param approved: all loans of the run
    :param utilities: what each shortcode's Utility account held at the beginning
    """
    rows = list(_rows().prefetch_related("attempts"))
    by_loan = {_key(row): row for row in rows}
    ours = [_as_payout(row) for row in rows]
    ended_well = [key for key in approved if key in by_loan and by_loan[key].status != Status.FAILED]
    found = differences(books, ours, must_be_paid=ended_well)
    return Verdict(
        paid_twice=paid_twice(books, _loan_of_attempt()),
        lost=_lost(books, by_loan, approved),
        stuck=stuck(approved),
        book_difference=[*found, *_utility(books, utilities), *_ledger()],
    )


def paid_twice(books: Books, loan_of_attempt: Mapping[str, LoanKey]) -> list[str]:
    """Say which loans M-Pesa's books show paid more than once; what we believe of a payment does not count.

    By our attempts' ids, and again without anything of ours: each client of a run has one loan and one phone.
    """
    payments = [one for one in books["daraja"]["payouts"] if one["status"] == "Completed"]
    loans: dict[LoanKey, list[str]] = defaultdict(list)
    phones: dict[str, list[str]] = defaultdict(list)
    for one in payments:
        phones[one["phone"]].append(one["originator_conversation_id"])
        if key := loan_of_attempt.get(one["originator_conversation_id"]):
            loans[key].append(one["originator_conversation_id"])
    twice = {key: ids for key, ids in loans.items() if len(ids) > 1}
    told = {one for ids in twice.values() for one in ids}
    unseen = {phone: ids for phone, ids in phones.items() if len(ids) > 1 and not told.issuperset(ids)}
    return [f"loan {number} of {host}: paid {len(ids)} times" for (host, number), ids in twice.items()] + [
        f"phone …{phone[-3:]}: paid {len(ids)} times" for phone, ids in unseen.items()
    ]


def _lost(books: Books, by_loan: Mapping[LoanKey, Disbursement], approved: Iterable[LoanKey]) -> list[str]:
    lines = [
        f"loan {key[1]} of {key[0]}: approved, and never seen by us" for key in approved if key not in by_loan
    ]
    of_attempt = _loan_of_attempt()
    for payment in books["daraja"]["payouts"]:
        if payment["status"] != "Completed":
            continue
        key = of_attempt.get(payment["originator_conversation_id"])
        if key is None or by_loan[key].status not in PAID:
            says = "we know nothing of it" if key is None else f"we say {by_loan[key].status}"
            lines.append(f"payment {payment['receipt']}: M-Pesa made it, {says}")
    return lines


def stuck(approved: Iterable[LoanKey]) -> list[str]:
    """Say of each loan that has not ended where it is; a final failure must say why, and ask for a person."""
    by_loan, lines = {_key(row): row for row in _rows()}, []
    for key in approved:
        row = by_loan.get(key)
        if row is not None and not _ended(row):
            lines.append(
                f"loan {key[1]} of {key[0]}: {row.status}; next step {row.next_step_at or 'never'}; "
                f"{row.attention or row.reason or 'no reason given'}"
            )
    return lines


def _ended(row: Disbursement) -> bool:
    if row.status == Status.FAILED:
        return row.next_step_at is None and bool(row.reason and row.attention)
    return row.status in (Status.COMPLETED, Status.CANCELLED)


def settled(approved: Collection[LoanKey]) -> bool:
    """Whether every loan has ended, every message is applied and every SMS has left."""
    ended = {_key(row) for row in _rows() if _ended(row)}
    return (
        all(key in ended for key in approved)
        and not InboundMessage.objects.filter(applied_at__isnull=True).exists()
        and not SmsNotification.objects.filter(status__in=TELLING).exists()
    )


def _rows() -> Any:
    return Disbursement.objects.filter(mifos_loan_id__isnull=False).select_related("mifos_partner__partner")


def _key(row: Disbursement) -> LoanKey:
    assert row.mifos_partner is not None
    assert row.mifos_loan_id is not None
    return row.mifos_partner.partner.code, row.mifos_loan_id


def _loan_of_attempt() -> dict[str, LoanKey]:
    columns = ("pk", "disbursement__mifos_partner__partner__code", "disbursement__mifos_loan_id")
    return {str(pk): (code, loan) for pk, code, loan in Attempt.objects.values_list(*columns)}


def _as_payout(row: Disbursement) -> OurPayout:
    host, loan_id = _key(row)
    # An SMS whose answer was lost may have arrived or not, and is not sent twice; only a sure one is held to it.
    sure = SmsNotification.objects.filter(event_key=f"paid:{row.pk}", status__in=TOLD, unconfirmed=False)
    return OurPayout(
        host=host,
        loan_id=loan_id,
        tranche_id=row.tranche_id,
        phone=row.phone,
        amount=row.amount,
        gross_amount=row.gross_amount,
        status=row.status,
        receipt=row.receipt,
        attempts=frozenset(attempt.originator_conversation_id for attempt in row.attempts.all()),
        tells_client=sure.exists(),
    )


def _utility(books: Books, opening: Mapping[str, Decimal]) -> list[str]:
    """Compare what left each shortcode's Utility account with what we captured from float there."""
    lines = []
    for number, held in opening.items():
        theirs = held - Decimal(books["daraja"]["shortcodes"][number]["utility"])
        captured = Transfer.objects.filter(
            to_account__kind=Kind.CUSTOMERS, from_account__shortcode__number=number
        )
        ours = sum(captured.values_list("amount", flat=True), Decimal(0))
        if theirs != ours:
            lines.append(f"shortcode {number}: M-Pesa paid out {theirs}, our ledger says {ours}")
    return lines


def _ledger() -> list[str]:
    return [
        f"ledger, {one.subject}: {one.check}: expected {one.expected}, found {one.found}"
        for one in prove().differences
    ]
