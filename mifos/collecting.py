"""What collections ask of a tenant: find accounts, read them, book money in. Part of the client."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.gateway import OutcomeUnknown
from common.http import Answer
from mifos import account_parsing, errors, parsing
from mifos.accounts import Account, AccountKind, Booked, Entry, Hit, MoneyIn
from mifos.reading import an_object, must_be_good, understood

ACCOUNTS = "loans,savings"
PEOPLE = "clients,clientIdentifiers"


class Collecting(ABC):
    """The calls of `mifos.client.Mifos` that concern money coming in."""

    @abstractmethod
    def _send(
        self, method: str, path: str, *, operation: str, reference: str = "", **options: Any
    ) -> Answer: ...

    @abstractmethod
    def _read(
        self, path: str, *, operation: str, reference: str = "", params: Mapping[str, str] | None = None
    ) -> Answer: ...

    def search(self, text: str, *, among: str = ACCOUNTS) -> tuple[Hit, ...]:
        """Find what has exactly this number, external id, phone or document number.

        Fineract compares by SQL LIKE even then, so that its wildcards must not be in the text.

        :raises ValueError: the text is empty or holds `%`, `_` or a backslash
        """
        if not text.strip() or any(letter in text for letter in "%_\\"):
            raise ValueError("a search text has letters and digits, and none of SQL's wildcards")
        params = {"query": text, "resource": among, "exactMatch": "true"}
        answer = self._read("/search", operation="search", params=params)
        return understood(
            lambda: tuple(
                hit for each in parsing.items(answer.json()) if (hit := account_parsing.hit(each)) is not None
            )
        )

    def account(self, kind: AccountKind, account_id: int) -> Account:
        """Read one account with its state and what it owes."""
        path = "/loans" if kind == AccountKind.LOAN else "/savingsaccounts"
        answer = self._read(f"{path}/{account_id}", operation=f"{kind} account", reference=str(account_id))
        return understood(lambda: account_parsing.account(kind, an_object(answer)))

    def accounts_of(self, client_id: int) -> tuple[Account, ...]:
        """Return a client's loans and savings accounts, in any state; empty groups are left out by Mifos."""
        answer = self._read(
            f"/clients/{client_id}/accounts", operation="client accounts", reference=str(client_id)
        )
        return understood(lambda: account_parsing.accounts(an_object(answer), client_id=client_id))

    def book(self, command: MoneyIn) -> Booked:
        """Book a repayment or a deposit.

        A 200 may also mean that a checker has to agree first, and one from the cache may belong to another
        account, since Fineract's keys do not know the account.

        :raises OutcomeUnknown: it may be booked; look for it
        """
        loan = command.kind == AccountKind.LOAN
        path = f"/loans/{command.account_id}" if loan else f"/savingsaccounts/{command.account_id}"
        answer = self._send(
            "POST",
            f"{path}/transactions",
            operation="repayment" if loan else "deposit",
            reference=command.idempotency_key,
            params={"command": "repayment" if loan else "deposit"},
            headers={"Idempotency-Key": command.idempotency_key},
            json=_body(command),
        )
        if answer.status != 200:
            raise errors.judge_write(answer)
        return _booked(answer, command)

    def savings_entry(self, savings_id: int, *, external_id: str, receipt: str) -> Entry | None:
        """Find a deposit by our id or by its receipt (all that release 1.14 keeps); None when there is none."""
        answer = self._read(
            f"/savingsaccounts/{savings_id}",
            operation="deposits",
            reference=str(savings_id),
            params={"associations": "transactions"},
        )
        listed = understood(
            lambda: [
                account_parsing.entry(each)
                for each in parsing.items(an_object(answer).get("transactions") or [])
            ]
        )
        fitting = [
            one
            for one in listed
            if (one.external_id and one.external_id == external_id)
            or (not one.external_id and one.receipt.upper() == receipt.upper())
        ]
        return next((one for one in fitting if not one.reversed), fitting[0] if fitting else None)

    def loan_entry(self, loan_id: int, *, external_id: str) -> Entry | None:
        """Find a repayment by our own id; None when this loan has none such."""
        path = f"/loans/{loan_id}/transactions/external-id/{quote(external_id, safe='')}"
        answer = self._send("GET", path, operation="transaction", reference=external_id, reads=True)
        if answer.status == 404 and errors.fault(answer).code == errors.NO_SUCH_TRANSACTION:
            return None
        must_be_good(answer)
        return understood(lambda: account_parsing.entry(an_object(answer)))


def _body(command: MoneyIn) -> dict[str, Any]:
    """Write the body; Fineract refuses any key that it does not know."""
    body = {
        "transactionDate": command.on.isoformat(),
        "transactionAmount": f"{command.amount:.2f}",
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
        "paymentTypeId": command.payment_type_id,
        "receiptNumber": command.receipt,
        "note": command.note,
    }
    return body | ({"externalId": command.external_id} if command.external_id else {})


def _booked(answer: Answer, command: MoneyIn) -> Booked:
    body, cached = answer.object(), errors.from_cache(answer)
    if body.get("rollbackTransaction") is True:
        return Booked(done=False, pending_checker=True, from_cache=cached, transaction_id=None)
    account_id = body.get("loanId" if command.kind == AccountKind.LOAN else "savingsId")
    if isinstance(account_id, int) and account_id != command.account_id:
        code = errors.KEY_OF_ANOTHER_LOAN if cached else errors.SHAPE
        raise OutcomeUnknown("Mifos answered for another account", code=code)
    transaction_id = body.get("resourceId")
    if account_id is None or not isinstance(transaction_id, int):
        raise OutcomeUnknown("Mifos answered 200 without saying what it booked", code=errors.SHAPE)
    return Booked(done=True, pending_checker=False, from_cache=cached, transaction_id=transaction_id)
