"""Speaks to one tenant of one Mifos (Apache Fineract) server; knows nothing of our tables and settings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

import requests

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.http import Answer, Timeout, call
from mifos import commands, errors, parsing
from mifos.collecting import Collecting
from mifos.parsing import Malformed
from mifos.reading import an_object, must_be_good, understood
from mifos.shapes import (
    Client,
    DisburseAnswer,
    DisburseCommand,
    Hook,
    Loan,
    LoanTransaction,
    Login,
    PaymentType,
    Product,
)

Session = requests.Session

HOOK_NAME = "payment-vault"
_HOOK_EVENTS = [
    {"entityName": "LOAN", "actionName": name} for name in ("APPROVE", "APPROVALUNDO", "DISBURSE")
]


class Mifos(Collecting):
    """One tenant and API user. Reads raise Rejected or Retryable; commands also OutcomeUnknown.

    `mifos.errors.advice` says what an error of a command asks for.

    :param base_url: host and API path without a slash at the end
    """

    def __init__(
        self,
        *,
        base_url: str,
        tenant: str,
        username: str,
        password: str,
        session: requests.Session,
        timeout: Timeout | None = None,
    ) -> None:
        self.base_url = base_url
        self._tenant = tenant
        self._username = username
        self._password = password
        self._session = session
        self._timeout = timeout

    def authenticate(self) -> Login:
        """Log in once and return the user's permissions; an expired password is an answer, not an error."""
        answer = self._send(
            "POST",
            "/authentication",
            operation="authenticate",
            reads=True,
            signed=False,
            json={"username": self._username, "password": self._password},
        )
        expired = answer.status == 403 and "shouldRenewPassword" in answer.object()
        if not expired:
            must_be_good(answer)
        return understood(lambda: parsing.login(an_object(answer)))

    def products(self) -> tuple[Product, ...]:
        answer = self._read("/loanproducts", operation="products")
        return understood(lambda: tuple(parsing.product(each) for each in parsing.items(answer.json())))

    def approved_loans(self, *, offset: int = 0, limit: int = 100, order_by: str = "id") -> Iterator[Loan]:
        """Go through the loans that wait for disbursal (status 200), page by page, until a short page.

        Never believes the server's count (wrong on PostgreSQL: apache/fineract #6146). Loans paid meanwhile
        move the later pages up, so one round may miss a loan that the next round finds. A loan that cannot
        be read is named in a Retryable after all the others.

        :param offset: where to begin, counted in loans
        """
        seen: set[str] = set()
        unreadable: list[str] = []
        while True:
            page = self._page_of_approved(offset=offset, limit=limit, order_by=order_by)
            fresh = [body for body in page if str(body.get("id")) not in seen]
            for loan in _readable(fresh, unreadable):
                if loan.status_id == parsing.APPROVED:
                    yield loan
            if len(page) < limit or not fresh:  # the second: a server that does not page
                break
            seen.update(str(body.get("id")) for body in fresh)
            offset += limit
        if unreadable:
            raise Retryable(
                f"Mifos lists loans that cannot be read: {', '.join(unreadable[:10])}", code=errors.SHAPE
            )

    def loan(self, loan_id: int, *, tranches: bool = True) -> Loan:
        params = {"associations": "multiDisburseDetails"} if tranches else {}
        answer = self._read(f"/loans/{loan_id}", operation="loan", reference=str(loan_id), params=params)
        return understood(lambda: parsing.loan(an_object(answer)))

    def active_tranche_loans(self, loan_ids: Sequence[int]) -> Iterator[Loan]:
        """Read loans one by one and return the active ones with a tranche still to be disbursed.

        They are in status 300, so the list of approved loans does not show them. A loan that is gone is left
        out.
        """
        for loan_id in loan_ids:
            try:
                loan = self.loan(loan_id)
            except Rejected as exc:
                if exc.code == "error.msg.loan.id.invalid":
                    continue
                raise
            if loan.active and loan.multi_disburse and loan.next_tranche:
                yield loan

    def client(self, client_id: int) -> Client:
        answer = self._read(f"/clients/{client_id}", operation="client", reference=str(client_id))
        return understood(lambda: parsing.client(an_object(answer)))

    def payment_types(self) -> tuple[PaymentType, ...]:
        answer = self._read("/paymenttypes", operation="payment types")
        return understood(lambda: tuple(parsing.payment_type(each) for each in parsing.items(answer.json())))

    def business_date(self) -> date | None:
        """Return the tenant's business date, or None where none is stored (then its own calendar holds).

        :raises Rejected: among others where the user has no READ_BUSINESS_DATE
        """
        answer = self._send("GET", "/businessdate/BUSINESS_DATE", operation="business date", reads=True)
        if answer.status == 404:
            return None
        must_be_good(answer)
        return understood(lambda: parsing.day(an_object(answer).get("date")))

    def disburse(self, command: DisburseCommand) -> DisburseAnswer:
        """Record a disbursement.

        A 200 may also mean that a checker has to agree first (`rollbackTransaction`), and a 200 from the
        cache may belong to another loan, since Fineract's keys do not know the loan.

        :raises OutcomeUnknown: the loan has to be read
        """
        answer = self._send(
            "POST",
            f"/loans/{command.loan_id}",
            operation="disburse",
            reference=command.external_id,
            params={"command": "disburse"},
            headers={"Idempotency-Key": command.idempotency_key},
            json=commands.disbursement(command),
        )
        if answer.status != 200:
            raise errors.judge_write(answer)
        return commands.disbursed(answer, command.loan_id)

    def transaction_by_external_id(self, loan_id: int, external_id: str) -> LoanTransaction | None:
        """Find a loan's transaction by our own id; None when this loan has none such."""
        path = f"/loans/{loan_id}/transactions/external-id/{quote(external_id, safe='')}"
        answer = self._send("GET", path, operation="transaction", reference=external_id, reads=True)
        if answer.status == 404 and errors.fault(answer).code == errors.NO_SUCH_TRANSACTION:
            return None
        must_be_good(answer)
        return understood(lambda: parsing.transaction(an_object(answer), loan_id=loan_id))

    def transactions(self, loan_id: int) -> tuple[LoanTransaction, ...]:
        """Return a loan's transactions, to look for a receipt; Fineract hides most of the reversed ones."""
        answer = self._read(
            f"/loans/{loan_id}",
            operation="transactions",
            reference=str(loan_id),
            params={"associations": "transactions"},
        )
        return understood(
            lambda: tuple(
                parsing.transaction(each, loan_id=loan_id)
                for each in parsing.items(an_object(answer).get("transactions") or [])
            )
        )

    def hooks(self) -> tuple[Hook, ...]:
        answer = self._read("/hooks", operation="hooks")
        return understood(lambda: tuple(parsing.hook(each) for each in parsing.items(answer.json())))

    def register_hook(self, url: str) -> int:
        """Make the hook that wakes us, and return its id. Mifos fetches the URL once while it does so.

        :raises ValueError: the URL does not end in a slash (a 500 in Fineract) or has a query (dropped there)
        """
        return self._write_hook("POST", "/hooks", url)

    def change_hook(self, hook_id: int, url: str) -> int:
        """Point our hook to another address. Mifos does not try that one.

        :raises Rejected: among others when the hook is gone
        """
        return self._write_hook("PUT", f"/hooks/{hook_id}", url)

    def _write_hook(self, method: str, path: str, url: str) -> int:
        if not url.endswith("/") or "?" in url:
            raise ValueError("a hook's URL ends in a slash and has no query")
        body = {
            "name": "Web",
            "displayName": HOOK_NAME,
            "isActive": True,
            "events": _HOOK_EVENTS,
            "config": {"Payload URL": url, "Content Type": "json"},
        }
        answer = self._send(method, path, operation="hook", json=body)
        if not answer.ok:
            raise errors.judge_write(answer)
        hook_id = answer.object().get("resourceId")
        if not isinstance(hook_id, int):
            raise OutcomeUnknown("Mifos did not say which hook it made", code=errors.SHAPE)
        return hook_id

    def _page_of_approved(self, *, offset: int, limit: int, order_by: str) -> list[Mapping[str, Any]]:
        answer = self._read(
            "/loans",
            operation="approved loans",
            reference=str(offset),
            params={
                "status": str(parsing.APPROVED),
                "limit": str(limit),
                "offset": str(offset),
                "orderBy": order_by,
                "sortOrder": "ASC",
            },
        )
        return understood(lambda: parsing.items(an_object(answer).get("pageItems")))

    def _read(
        self, path: str, *, operation: str, reference: str = "", params: Mapping[str, str] | None = None
    ) -> Answer:
        answer = self._send("GET", path, operation=operation, reference=reference, reads=True, params=params)
        must_be_good(answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        reference: str = "",
        reads: bool = False,
        signed: bool = True,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        if signed:  # bytes, since requests would write text as Latin-1 and Fineract reads UTF-8
            options["auth"] = (self._username.encode(), self._password.encode())
        try:
            return call(
                self._session,
                method,
                self.base_url + path,
                system="Mifos",
                operation=operation,
                reference=reference,
                timeout=self._timeout,
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "Fineract-Platform-TenantId": self._tenant,
                    **(headers or {}),
                },
                **options,
            )
        except OutcomeUnknown as exc:
            if reads:  # whatever became of it, a read has changed nothing
                raise Retryable(exc.message, code=exc.code) from exc
            raise


def _readable(page: Sequence[Mapping[str, Any]], unreadable: list[str]) -> Iterator[Loan]:
    for body in page:
        try:
            yield parsing.loan(body)
        except Malformed as exc:
            unreadable.append(f"{body.get('id')} ({exc})")
