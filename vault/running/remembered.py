"""What our database knows from earlier demos, whose outside world has forgotten everything."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q, QuerySet

from c2b.known import KnownAccount
from c2b.models import Posting
from disbursements.models import Disbursement
from disbursements.statuses import Status
from mifos.accounts import AccountKind
from partners.models import Partner
from vault.running.agreement import OurPayout
from wallet.bank_models import BankCredit
from wallet.models import Account, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoan:
    """A loan that was under way when the last demo ended."""

    host: str
    loan_id: int
    client_id: int
    client_name: str
    product_id: int
    phone: str
    principal: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where each host's numbers go on, and which loans must still be there."""

    first_loan_id: dict[str, int]
    first_client_id: dict[str, int]
    first_savings_id: dict[str, int]
    unfinished: list[OpenLoan]


def strangers(hosts: Iterable[str]) -> list[str]:
    """Return the codes of partners that are none of the demo's: their database is not for playing."""
    return list(Partner.objects.exclude(code__in=list(hosts)).values_list("code", flat=True)[:5])


def memory(hosts: Iterable[str]) -> Memory:
    """Read what earlier demos left."""
    rows = _of_hosts(hosts)
    highest = rows.values_list("mifos_partner__partner__code").annotate(
        Max("mifos_loan_id"), Max("mifos_client_id")
    )
    return Memory(
        first_loan_id={code: (loan or 0) + 1 for code, loan, _ in highest},
        first_client_id={code: (client or 0) + 1 for code, _, client in highest},
        first_savings_id=_first_savings_ids(hosts),
        unfinished=list(_unfinished(rows)),
    )


def _first_savings_ids(hosts: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for table in (Posting, KnownAccount):
        rows = table.objects.filter(mifos_partner__partner__code__in=list(hosts), kind=AccountKind.SAVINGS)
        by_host = rows.order_by().values_list("mifos_partner__partner__code").annotate(Max("account_id"))
        found |= {code: max(found.get(code, 1), number + 1) for code, number in by_host}
    return found


def free_float(code: str) -> Decimal | None:
    """Return what a partner's float is now; None before its first set-up."""
    row = Account.objects.filter(kind=Kind.FLOAT, partner__code=code).first()
    return row.balance if row else None


def forget_statement(at: datetime) -> None:
    """Take earlier runs' credits for seen on the statement: the bank that would show them is gone."""
    for row in BankCredit.objects.exclude(told_by__has_key="statement"):
        told = row.told_by | {"statement": at.isoformat()}
        BankCredit.objects.filter(pk=row.pk).update(told_by=told)


def _unfinished(rows: "QuerySet[Disbursement]") -> Iterable[OpenLoan]:
    ended = Q(status__in=[Status.COMPLETED, Status.CANCELLED]) | Q(
        status=Status.FAILED, next_step_at__isnull=True
    )
    left = rows.exclude(ended).filter(tranche_id=0, mifos_client_id__isnull=False, product__isnull=False)
    for row in left.select_related("mifos_partner__partner", "product").order_by("mifos_loan_id"):
        if row.mifos_partner and row.product and row.mifos_client_id and row.mifos_loan_id:
            yield OpenLoan(
                host=row.mifos_partner.partner.code,
                loan_id=row.mifos_loan_id,
                client_id=row.mifos_client_id,
                client_name=row.client_name,
                product_id=row.product.mifos_product_id,
                phone=row.phone,
                principal=row.gross_amount,
                net=row.amount,
            )


def our_payouts(
    first_loan_id: dict[str, int], *, hosts: Iterable[str], known: Iterable[str]
) -> list[OurPayout]:
    """Return our rows for the comparison with the sandbox's books.

    :param first_loan_id: by host, the first loan of this run
    :param known: ids of attempts that the sandbox has paid; a row of an earlier run counts only with one of them,
        and as a direct payout, since its loan belongs to a world that is gone
    """
    paid_outside, found = frozenset(known), []
    rows = _of_hosts(hosts).select_related("mifos_partner__partner").prefetch_related("attempts")
    for row in rows:
        code = row.mifos_partner.partner.code if row.mifos_partner else ""
        attempts = frozenset(attempt.originator_conversation_id for attempt in row.attempts.all())
        is_new = (row.mifos_loan_id or 0) >= first_loan_id.get(code, 1)
        if is_new or attempts & paid_outside:
            found.append(_as_payout(row, host=code if is_new else None, attempts=attempts))
    return found


def _as_payout(row: Disbursement, *, host: str | None, attempts: frozenset[str]) -> OurPayout:
    return OurPayout(
        host=host,
        loan_id=row.mifos_loan_id if host else None,
        tranche_id=row.tranche_id,
        phone=row.phone,
        amount=row.amount,
        gross_amount=row.gross_amount,
        status=row.status,
        receipt=row.receipt,
        attempts=attempts,
        tells_client=host is not None,
    )


def without_earlier_loans(books: dict[str, Any], first_loan_id: dict[str, int]) -> dict[str, Any]:
    """Return the books without the loans that were brought back from an earlier run."""
    hosts = {
        name: {**host, "loans": [loan for loan in host["loans"] if loan["id"] >= first_loan_id.get(name, 1)]}
        for name, host in books["fineract"]["hosts"].items()
    }
    return {**books, "fineract": {"hosts": hosts}}


def _of_hosts(hosts: Iterable[str]) -> "QuerySet[Disbursement]":
    return Disbursement.objects.filter(mifos_partner__partner__code__in=list(hosts))
