"""Compare the sandbox's books with ours: every loan paid exactly once, to the right phone, and recorded so.

Pure: takes values, gives back the differences in words. An empty list means that the books agree.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Books = Mapping[str, Any]  # the JSON of the sandbox's /control/books
LoanKey = tuple[str, int]  # name of the host in the sandbox, number of the loan there

PAID = frozenset({"paid", "completed"})
DISBURSED_STATUSES = frozenset({300, 303, 304, 600, 601, 602, 700})  # active, in transfer, closed, overpaid


@dataclass(frozen=True, slots=True, kw_only=True)
class OurPayout:
    """What our tables say about one disbursement. Without a host it is a direct payout, unknown to Mifos."""

    host: str | None
    loan_id: int | None
    tranche_id: int = 0
    phone: str
    amount: Decimal
    gross_amount: Decimal
    status: str
    receipt: str = ""
    attempts: frozenset[str] = field(default_factory=frozenset)  # OriginatorConversationIDs
    tells_client: bool = True  # whether an SMS to the client is expected

    @property
    def name(self) -> str:
        """How people call it."""
        return "direct payout" if self.host is None else f"loan {self.loan_id} of {self.host}"


@dataclass(frozen=True, slots=True)
class _Outside:
    """The sandbox's books, sorted for looking things up."""

    payments: Mapping[str, Mapping[str, Any]]  # completed ones, by OriginatorConversationID
    loans: Mapping[LoanKey, Mapping[str, Any]]
    texts: Mapping[str, list[str]]  # SMS by phone

    @classmethod
    def of(cls, books: Books) -> "_Outside":
        payouts = [one for one in books["daraja"]["payouts"] if one["status"] == "Completed"]
        texts: dict[str, list[str]] = defaultdict(list)
        for message in books["damza"]["messages"]:
            texts[str(message["to"])[-9:]].append(message["text"])
        hosts = books["fineract"]["hosts"]
        return cls(
            payments={one["originator_conversation_id"]: one for one in payouts},
            loans={(name, loan["id"]): loan for name, host in hosts.items() for loan in host["loans"]},
            texts=texts,
        )


def differences(
    books: Books, ours: Iterable[OurPayout], *, must_be_paid: Collection[LoanKey] = ()
) -> list[str]:
    """Say in words where the sandbox's books and ours disagree.

    :param ours: every disbursement of the hosts that the books know, and every direct payout of the run
    :param must_be_paid: loans that have to be paid and completed by now
    """
    outside, rows = _Outside.of(books), list(ours)
    found = [text for row in rows for text in _of_row(row, outside)]
    found += _paid_by_nobody(rows, outside)
    found += _recorded_more_than_once(outside)
    found += _seen_by_nobody(rows, outside)
    found += _unpaid(rows, must_be_paid)
    return found


def _of_row(row: OurPayout, outside: _Outside) -> Iterator[str]:
    payments = [outside.payments[one] for one in sorted(row.attempts) if one in outside.payments]
    if len(payments) > 1:
        receipts = ", ".join(payment["receipt"] for payment in payments)
        yield f"{row.name}: PAID {len(payments)} TIMES ({receipts})"
    elif payments and row.status not in PAID:
        yield f"{row.name}: M-Pesa paid it ({payments[0]['receipt']}), we say {row.status}"
    elif not payments and row.status in PAID:
        yield f"{row.name}: we say {row.status} ({row.receipt}), M-Pesa has no such payment"
    elif payments:
        yield from _of_payment(row, payments[0])
        yield from _of_message(row, outside)
    if row.host is not None:
        yield from _of_loan(row, outside)


def _of_payment(row: OurPayout, payment: Mapping[str, Any]) -> Iterator[str]:
    if payment["phone"] != row.phone:
        yield f"{row.name}: paid to …{payment['phone'][-3:]}, we say …{row.phone[-3:]}"
    if Decimal(payment["amount"]) != row.amount:
        yield f"{row.name}: M-Pesa paid {payment['amount']}, we say {row.amount}"
    if payment["receipt"] != row.receipt:
        yield f"{row.name}: M-Pesa's receipt is {payment['receipt']}, ours {row.receipt or 'missing'}"


def _of_message(row: OurPayout, outside: _Outside) -> Iterator[str]:
    if row.tells_client and not any(row.receipt in text for text in outside.texts.get(row.phone[-9:], [])):
        yield f"{row.name}: the client got no SMS with receipt {row.receipt}"


def _of_loan(row: OurPayout, outside: _Outside) -> Iterator[str]:
    loan = outside.loans.get((row.host or "", row.loan_id or 0))
    if loan is None:
        yield f"{row.name}: Mifos has no such loan"
        return
    if row.status in PAID and row.phone[-9:] != (loan["mobile_no"] or "")[-9:]:
        yield f"{row.name}: paid to …{row.phone[-3:]}, but the client's phone is …{(loan['mobile_no'] or '-')[-3:]}"
    if row.status in PAID and not row.tranche_id and row.amount != Decimal(loan["net_disbursal_amount"]):
        yield f"{row.name}: paid {row.amount}, but the client should get {loan['net_disbursal_amount']}"
    records = [one for one in _disbursals(loan) if one["receipt"] and one["receipt"] == row.receipt]
    if row.status == "completed":
        yield from _of_record(row, loan, records)
    elif records:
        yield f"{row.name}: Mifos has recorded it ({row.receipt}), we say {row.status}"


def _of_record(row: OurPayout, loan: Mapping[str, Any], records: list[Mapping[str, Any]]) -> Iterator[str]:
    if loan["status"] not in DISBURSED_STATUSES:
        yield f"{row.name}: we say completed, Mifos does not show it active (status {loan['status']})"
    if not records:
        yield f"{row.name}: Mifos has no disbursement with our receipt {row.receipt}"
    elif Decimal(records[0]["amount"]) != row.gross_amount:
        yield f"{row.name}: Mifos recorded {records[0]['amount']}, we say {row.gross_amount}"


def _paid_by_nobody(rows: list[OurPayout], outside: _Outside) -> Iterator[str]:
    owners = Counter(attempt for row in rows for attempt in row.attempts)
    for attempt, payment in outside.payments.items():
        if not owners[attempt]:
            yield f"M-Pesa paid {payment['amount']} ({payment['receipt']}), and we know nothing of it"
        elif owners[attempt] > 1:
            yield f"payment {payment['receipt']}: {owners[attempt]} of our rows claim it"


def _recorded_more_than_once(outside: _Outside) -> Iterator[str]:
    """A loan has as many disbursements as receipts; more principal than approved was never lent."""
    for (host, number), loan in outside.loans.items():
        rows = _disbursals(loan)
        receipts = Counter(row["receipt"] for row in rows if row["receipt"])
        for receipt in [receipt for receipt, times in receipts.items() if times > 1]:
            yield f"loan {number} of {host}: Mifos recorded receipt {receipt} {receipts[receipt]} times"
        total = sum((Decimal(row["amount"]) for row in rows), Decimal(0))
        if total > Decimal(loan["principal"]):
            yield f"loan {number} of {host}: Mifos recorded {total}, more than the {loan['principal']} approved"


def _seen_by_nobody(rows: list[OurPayout], outside: _Outside) -> Iterator[str]:
    seen = {(row.host, row.loan_id) for row in rows}
    for (host, number), loan in outside.loans.items():
        if (host, number) in seen:
            continue
        if loan["status"] == 200:
            yield f"loan {number} of {host}: approved in Mifos, never seen by us"
        elif any(row["receipt"] for row in _disbursals(loan)):
            yield f"loan {number} of {host}: disbursed in Mifos with a receipt, unknown to us"


def _unpaid(rows: list[OurPayout], must_be_paid: Collection[LoanKey]) -> Iterator[str]:
    statuses: dict[LoanKey, list[str]] = defaultdict(list)
    for row in rows:
        if row.host is not None and row.loan_id is not None:
            statuses[row.host, row.loan_id].append(row.status)
    for host, number in must_be_paid:
        for status in statuses.get((host, number), ["not seen"]):
            if status != "completed":
                yield f"loan {number} of {host}: should be completed, is {status}"


def _disbursals(loan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = loan["transactions"]
    return [row for row in rows if row["type"] == "disbursement" and not row["reversed"]]
