"""A small outside: a Daraja and a Mifos that answer as told and remember what they were asked."""

import json
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client as Web

from common import tokens
from common.gateway import GatewayError
from disbursements import checking, intake, paying
from disbursements.intake import Sighting
from disbursements.models import Disbursement
from mifos import operations as mifos_operations
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import Client, DisburseAnswer, DisburseCommand, Loan, LoanTransaction
from mpesa import operations as mpesa_operations
from mpesa.client import Accepted, Payout
from partners.models import Partner, Shortcode
from tests import make
from wallet import operations as wallet

RECEIPT = "SG632NMUAB"


@dataclass
class Daraja:
    """Takes payouts and questions; `plan` holds what to answer next: an error, or nothing for acceptance."""

    plan: deque[GatewayError | Accepted] = field(default_factory=deque)
    payouts: list[Payout] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    on_pay: Any = None

    def pay(self, payout: Payout) -> Accepted:
        self.payouts.append(payout)
        if self.on_pay:
            self.on_pay(payout)
        return self._answer(payout.originator_conversation_id)

    def ask_status(self, *, originator_conversation_id: str, result_url: str, timeout_url: str) -> Accepted:
        self.questions.append(originator_conversation_id)
        return self._answer("gateway-made")

    def _answer(self, our_id: str) -> Accepted:
        planned = self.plan.popleft() if self.plan else None
        if isinstance(planned, Exception):
            raise planned
        return planned or Accepted(conversation_id="AG_20260603_1", originator_conversation_id=our_id)


@dataclass
class Mifos:
    """One tenant with loans and clients; `refusals` holds the errors that the next calls raise."""

    loans: dict[int, Loan] = field(default_factory=dict)
    clients: dict[int, Client] = field(default_factory=dict)
    booked: dict[str, LoanTransaction] = field(default_factory=dict)
    commands: list[DisburseCommand] = field(default_factory=list)
    refusals: deque[GatewayError] = field(default_factory=deque)
    read_refusals: deque[GatewayError] = field(default_factory=deque)
    answer: DisburseAnswer | None = None
    books_before_refusing: bool = False

    def approved_loans(self, **_: Any) -> list[Loan]:
        self._maybe_refuse()
        return [loan for loan in self.loans.values() if loan.waiting_for_disbursal]

    def loan(self, loan_id: int, *, tranches: bool = True) -> Loan:
        self._maybe_refuse()
        return self.loans[loan_id]

    def client(self, client_id: int) -> Client:
        return self.clients[client_id]

    def business_date(self) -> date | None:
        return None

    def disburse(self, command: DisburseCommand) -> DisburseAnswer:
        self.commands.append(command)
        if self.books_before_refusing or not self.refusals:
            self._book(command)
        if self.refusals:
            raise self.refusals.popleft()
        return self.answer or DisburseAnswer(
            done=True, pending_checker=False, from_cache=False, loan_id=command.loan_id, transaction_id=345
        )

    def transaction_by_external_id(self, loan_id: int, external_id: str) -> LoanTransaction | None:
        return self.booked.get(external_id)

    def _book(self, command: DisburseCommand) -> None:
        if self.answer and not self.answer.done:
            return
        loan = self.loans[command.loan_id]
        self.booked[command.external_id] = LoanTransaction(
            id=345,
            loan_id=loan.id,
            external_id=command.external_id,
            type_code="loanTransactionType.disbursement",
            is_disbursement=True,
            on=command.on,
            amount=command.amount or loan.principal,
            net_disbursal_amount=None,
            receipt=command.receipt,
            payment_type_id=command.payment_type_id,
            reversed=False,
        )
        self.loans[loan.id] = replace(
            loan, status_id=300, status_text="Active", waiting_for_disbursal=False, active=True
        )

    def _maybe_refuse(self) -> None:
        if self.read_refusals:
            raise self.read_refusals.popleft()


@dataclass
class World:
    """A partner with a host, a product, money, and one approved loan of KES 10,000 that pays 9,500."""

    daraja: Daraja
    mifos: Mifos
    partner: Partner
    host: MifosPartner
    product: LoanProduct
    shortcode: Shortcode

    def approve(
        self, loan_id: int = 12, *, phone: str = "0708 374 149", net: str = "9500", **fields: Any
    ) -> Loan:
        """Approve one more loan in Mifos."""
        self.mifos.loans[loan_id] = approved_loan(loan_id, net=net, **fields)
        self.mifos.clients[loan_id] = borrower(loan_id, phone)
        return self.mifos.loans[loan_id]

    def take(self, loan_id: int = 12, *, at: datetime = make.NOW) -> Disbursement:
        """See an approved loan, as a poll does."""
        sighting = Sighting(loan=self.mifos.loans[loan_id], tranche=self.mifos.loans[loan_id].next_tranche)
        intake.take(host=self.host, sightings=[sighting], at=at)
        return Disbursement.objects.get(
            mifos_loan_id=loan_id, tranche_id=sighting.tranche.id if sighting.tranche else 0
        )

    def ready(self, loan_id: int = 12, **fields: Any) -> Disbursement:
        """Bring a loan to `ready`."""
        self.approve(loan_id, **fields)
        row = self.take(loan_id)
        assert checking.check(disbursement_id=row.pk, at=make.NOW), Disbursement.objects.get(pk=row.pk).reason
        row.refresh_from_db()
        return row

    def sent(self, loan_id: int = 12, **fields: Any) -> Disbursement:
        """Bring a loan past its B2C request, whatever was planned for that."""
        row = self.ready(loan_id, **fields)
        paying.pay(disbursement_id=row.pk, at=make.NOW)
        row.refresh_from_db()
        return row

    def paid(self, loan_id: int = 12) -> Disbursement:
        row = self.sent(loan_id)
        post_result(row, result())
        row.refresh_from_db()
        return row


def approved_loan(loan_id: int, *, net: str = "9500", principal: str = "10000", **fields: Any) -> Loan:
    facts: dict[str, Any] = {
        "id": loan_id,
        "account_no": f"{loan_id:09}",
        "external_id": "",
        "status_id": 200,
        "status_text": "Approved",
        "waiting_for_disbursal": True,
        "active": False,
        "client_id": loan_id,
        "client_name": "Jane Doe",
        "group_name": "",
        "product_id": 1,
        "product_name": "Personal",
        "currency": "KES",
        "principal": Decimal(principal),
        "approved_principal": Decimal(principal),
        "net_disbursal_amount": Decimal(net),
        "multi_disburse": False,
        "is_topup": False,
        "fraud": False,
        "approved_on": date(2026, 6, 2),
        "expected_disbursement_on": date(2026, 6, 3),
        "actual_disbursement_on": None,
    }
    return Loan(**facts | fields)


def borrower(client_id: int, phone: str, **fields: Any) -> Client:
    facts = {
        "id": client_id,
        "active": True,
        "display_name": "Jane Doe",
        "mobile_no": phone,
        "status_text": "Active",
    }
    return Client(**{"external_id": ""} | facts | fields)  # type: ignore[arg-type]


def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Build the small outside and put it where the clients are made."""
    daraja, fineract = Daraja(), Mifos()
    monkeypatch.setattr(mpesa_operations, "connect", lambda shortcode: daraja)
    monkeypatch.setattr(mifos_operations, "connect", lambda host, timeout=None: fineract)
    partner = make.partner()
    host = MifosPartner.objects.create(
        partner=partner,
        mifos_host_url="https://kilimo.example:8443",
        mifos_username="vault",
        mifos_password="secret",
        payment_type_id=3,
        use_business_date=False,
    )
    product = LoanProduct.objects.create(
        mifos_partner=host,
        mifos_product_id=1,
        product_name="Personal",
        is_auto_disbursement_enabled=True,
        min_disbursement_amount=Decimal(100),
        max_disbursement_amount=Decimal(500_000),
    )
    shortcode = make.shortcode(rate_per_second=1000)
    make.tariff()
    wallet.book_opening(
        partner_id=partner.pk,
        shortcode_id=shortcode.pk,
        wallet=Decimal(1000),
        float_=Decimal(100_000),
        at=make.NOW,
    )
    return World(
        daraja=daraja, mifos=fineract, partner=partner, host=host, product=product, shortcode=shortcode
    )


def result(code: Any = 0, *, receipt: str = RECEIPT, amount: Any = 9500, **fields: Any) -> dict[str, Any]:
    """Write a B2C result as M-Pesa sends it."""
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully." if code == 0 else "Declined.",
        "OriginatorConversationID": "53e3-4aa8-9fe0",
        "ConversationID": "AG_20260603_1",
        "TransactionID": receipt if code == 0 else "OAK0000000",
    }
    if code == 0:
        said = {
            "TransactionAmount": amount,
            "TransactionReceipt": receipt,
            "ReceiverPartyPublicName": f"{make.JANE} - JANE DOE",
            "TransactionCompletedDateTime": "03.06.2026 10:00:09",
            "B2CUtilityAccountAvailableFunds": 8959269.60,
            "B2CWorkingAccountAvailableFunds": 1199371.00,
        }
        body["ResultParameters"] = {
            "ResultParameter": [{"Key": key, "Value": value} for key, value in said.items()]
        }
    return {"Result": body | fields}


def status(word: str = "Completed", *, code: Any = 0, receipt: str = RECEIPT, **said: Any) -> dict[str, Any]:
    """Write the answer to a status query as M-Pesa sends it."""
    facts = {
        "TransactionStatus": word,
        "ReceiptNo": receipt,
        "Amount": "9500",
        "CreditPartyName": f"{make.JANE} - Jane Doe",
        "FinalisedTime": "20260603100009",
        "DebitPartyCharges": "Fee For B2C Payment|KES|11.00",
    } | said
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "Done.",
        "TransactionID": "MBN0000000",
    }
    if code == 0:
        listed = [{"Key": key, "Value": value} for key, value in facts.items() if value is not None]
        body["ResultParameters"] = {"ResultParameter": listed}
    return {"Result": body}


def not_found() -> dict[str, Any]:
    body = {
        "ResultType": 0,
        "ResultCode": 2032,
        "ResultDesc": "The transaction receipt number does not exist.",
    }
    return {"Result": body | {"TransactionID": "MBN0000000"}}


def post_result(row: Disbursement, body: Any, *, kind: str = "b2c", what: str = "result") -> int:
    """Send a callback about the newest attempt of a disbursement, and return the answer's status."""
    attempt = row.attempts.order_by("-number").first()
    assert attempt is not None
    return post(kind, attempt.pk, body, what=what)


def post(kind: str, subject: UUID, body: Any, *, what: str = "result") -> int:
    path = f"/callbacks/{kind}/{tokens.make(kind, subject)}/{what}"
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return Web().post(path, data=text, content_type="application/json").status_code
