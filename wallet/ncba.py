"""The clients of NCBA Bank: the till (STK push, QR codes) and the Open Banking gateway."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.http import Answer, Session, Timeout, call
from common.money import whole_shillings
from common.token_store import NewToken, TokenStore, app_key
from wallet import ncba_answers as answers
from wallet.ncba_settings import NcbaSettings
from wallet.ncba_shapes import (
    BankBalance,
    BankStatement,
    FloatPurchase,
    GatewayLogin,
    InternalTransfer,
    OrderTaken,
    PaybillPayment,
    QrCode,
    StatusHint,
    StkPush,
    StkTaken,
    TillLogin,
)

TOKEN_TIMEOUT = Timeout(connect=3.0, read=7.0)  # less than a token's lock is kept
TILL_TIMEOUT = Timeout(connect=5.0, read=30.0)
WRONG_METHOD = (404, 405)


class _Bearer:
    """Posts JSON with an access token that all processes share; where it is refused, once more with a new one.

    That is safe for money: the gateway refuses a token before the bank sees the request.
    """

    system: ClassVar[str]

    def __init__(
        self, *, base_url: str, app: str, session: Session, tokens: TokenStore, timeout: Timeout
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._app = app_key(self._base_url, app)
        self._session = session
        self._tokens = tokens
        self._timeout = timeout

    def log_in(self) -> None:
        """Fetch a fresh token, which proves the credentials; all processes go on with it.

        :raises Rejected, Retryable: there is none
        """
        self._tokens.drop(self._app, self._token())
        self._token()

    def _post(self, operation: str, path: str, body: dict[str, Any], *, reference: str = "") -> Answer:
        token = self._token()
        answer = self._post_with(token, operation, path, body, reference)
        if answer.status == 401:
            self._tokens.drop(self._app, token)
            answer = self._post_with(self._token(), operation, path, body, reference)
        return answer

    def _ask(self, operation: str, path: str, body: dict[str, Any], *, reference: str = "") -> Answer:
        """Post a question: when its answer is lost, it may simply be asked again."""
        try:
            return self._post(operation, path, body, reference=reference)
        except OutcomeUnknown as exc:
            raise Retryable(exc.message) from exc

    def _post_with(
        self, token: str, operation: str, path: str, body: dict[str, Any], reference: str
    ) -> Answer:
        headers = {**self._headers(), "Authorization": f"Bearer {token}"}
        options = {"reference": reference, "timeout": self._timeout, "headers": headers, "json": body}
        return self._call("POST", path, operation=operation, **options)

    def _call(self, method: str, path: str, **options: Any) -> Answer:
        # Put together as text: joining as URLs would drop the base's own path.
        return call(self._session, method, self._base_url + path, system=self.system, **options)

    def _token(self) -> str:
        return self._tokens.get(self._app, self._fetch)

    def _fetch(self) -> NewToken:
        """:raises Rejected, Retryable: there is none, and nothing else was attempted"""
        try:
            return self._new_token()
        except OutcomeUnknown as exc:
            raise Retryable(exc.message) from exc

    def _new_token(self) -> NewToken:
        raise NotImplementedError

    def _headers(self) -> dict[str, str]:
        return {}


class Till(_Bearer):
    """Asks a payer's phone for money, and makes QR codes (interface A)."""

    system = "NCBA till"

    def __init__(
        self, *, base_url: str, login: TillLogin, ncba: NcbaSettings, session: Session, tokens: TokenStore
    ) -> None:
        app = f"till|{login.user}"
        super().__init__(base_url=base_url, app=app, session=session, tokens=tokens, timeout=TILL_TIMEOUT)
        self._login, self._ncba = login, ncba

    def push(self, push: StkPush) -> StkTaken:
        """Ask a phone to pay. The answer says only that the question is on its way.

        :raises ValueError: nothing was sent: an amount with cents
        :raises Rejected: refused, the phone does not ring
        :raises Retryable: the request never left
        :raises OutcomeUnknown: the phone may ring
        """
        body = {
            "TelephoneNo": push.phone,
            "Amount": str(whole_shillings(push.amount)),
            "PayBillNo": self._ncba.paybill,
            "AccountNo": push.account,
            "Network": self._ncba.stk_network,
            "TransactionType": self._ncba.stk_transaction_type,
        }
        return answers.stk_taken(self._post("stk_push", self._ncba.stk_path, body), ncba=self._ncba)

    def ask(self, transaction_id: str) -> StatusHint:
        """Ask what became of a push; the answer is a hint, and "failed" can be temporary (field report).

        :raises Rejected, Retryable: it was not answered
        """
        body = {"TransactionID": transaction_id}
        return answers.stk_hint(self._ask("stk_query", self._ncba.stk_query_path, body))

    def qr_code(self, *, account: str, amount: Decimal | None = None) -> QrCode:
        """Make a QR code for `<till>` or `<till>#<code>`, with an amount or without.

        :raises Rejected, Retryable: there is none
        """
        body: dict[str, Any] = {"till": account}
        if amount is not None:
            body["amount"] = whole_shillings(amount)
        return answers.qr_code(self._ask("qr", self._ncba.qr_path, body))

    def _new_token(self) -> NewToken:
        """Fetch a token by GET, and by POST where that is not taken: the bank's document names both."""
        answer = self._fetch_by("GET")
        if answer.status in WRONG_METHOD:
            answer = self._fetch_by("POST")
        return answers.token(answer, names=("access_token",), seconds=None)

    def _fetch_by(self, method: str) -> Answer:
        login = (self._login.user.encode(), self._login.password.encode())
        path = self._ncba.till_token_path
        return self._call(method, path, operation="token", timeout=TOKEN_TIMEOUT, auth=login)


class Gateway(_Bearer):
    """Reads our account and sends money from it (interface D, Open Banking).

    The same order may be sent again under the same reference after any error: the bank takes it once.
    """

    system = "NCBA"

    def __init__(
        self, *, base_url: str, login: GatewayLogin, ncba: NcbaSettings, session: Session, tokens: TokenStore
    ) -> None:
        if not base_url:
            raise Rejected(
                "NCBA_OPEN_BANKING_URL is not set: the bank names no address for everybody", stop=True
            )
        timeout = Timeout(connect=5.0, read=float(ncba.read_timeout_seconds))
        super().__init__(
            base_url=base_url, app=f"gateway|{login.user}", session=session, tokens=tokens, timeout=timeout
        )
        self._login, self._ncba = login, ncba

    def balance(self, account: str) -> BankBalance:
        """Ask what the account holds.

        :raises Rejected, Retryable: it was not answered
        """
        body = {"country": self._ncba.balance_country, "accountNo": account}
        return answers.balance(self._ask("balance", self._ncba.balance_path, body), ncba=self._ncba)

    def mini_statement(self, account: str) -> BankStatement:
        """Ask for the last lines.

        :raises Rejected, Retryable: it was not answered
        """
        body = {"country": self._ncba.statement_country, "accountNo": account}
        found = self._ask("mini_statement", self._ncba.mini_statement_path, body)
        return answers.statement(found, ncba=self._ncba)

    def statement(self, account: str, *, first: date, last: date) -> BankStatement:
        """Ask for the lines of some days in Nairobi, both included.

        :raises Rejected, Retryable: it was not answered
        """
        form = self._ncba.statement_date_format
        body = {
            "country": self._ncba.statement_country,
            "accountNo": account,
            "fromDate": f"{first:{form}}",
            "toDate": f"{last:{form}}",
        }
        return answers.statement(self._ask("statement", self._ncba.statement_path, body), ncba=self._ncba)

    def transfer(self, order: InternalTransfer) -> OrderTaken:
        """Send money to another account at NCBA.

        :raises Rejected: refused by a documented code, nothing moved
        :raises Retryable: the request never left
        :raises OutcomeUnknown: it may have moved
        """
        body = {
            "country": self._ncba.transfer_country,
            "transactionID": order.reference,
            "beneficiaryAccountName": order.beneficiary_name,
            "debitAccountNumber": order.debit_account,
            "creditAccountNumber": order.credit_account,
            "currency": "KES",
            "amount": f"{order.amount:.2f}",
            "narration": order.narration,
        }
        return self._order("transfer", self._ncba.transfer_path, body, order.reference)

    def float_purchase(self, order: FloatPurchase) -> OrderTaken:
        """Buy M-Pesa float for a shortcode (FloatPurchase). Only M-Pesa's balance shows that it has arrived.

        :raises ValueError: nothing was sent: an amount with cents
        :raises Rejected: refused by a documented code, nothing moved
        :raises Retryable: the request never left
        :raises OutcomeUnknown: it may have moved
        """
        amount = str(whole_shillings(order.amount))
        body = {
            "reqAgentName": order.agent_name or order.account_name,
            "reqCreditAmount": amount,
            "reqCustomerReference": order.reference,
            "reqDealReference": self._ncba.float_deal_reference or order.reference,
            "reqDebitAccountNumber": order.debit_account,
            "reqDebitAcCurrency": "KES",
            "reqDebitAmount": amount,
            "reqMobileNumber": order.phone,
            "reqPayBillTillNo": order.shortcode,
            "reqPaymentDescription": order.description,
            "reqPaymentType": self._ncba.float_payment_type,
            "reqToAccountName": order.account_name,
            "reqTransactionReferenceNo": order.reference,
            "reqTxnDate": f"{order.on:{self._ncba.float_date_format}}",
            "senderCountry": self._ncba.float_country,
        }
        return self._order("float_purchase", self._ncba.float_path, body, order.reference)

    def pay_to_paybill(self, order: PaybillPayment) -> OrderTaken:
        """Pay to a paybill or till (LipaNaMpesa).

        :raises ValueError: nothing was sent: an amount with cents
        :raises Rejected: refused by a documented code, nothing moved
        :raises Retryable: the request never left
        :raises OutcomeUnknown: it may have moved
        """
        amount = str(whole_shillings(order.amount))
        body = {
            "reqTransactionReferenceNo": order.reference,
            "reqPaymentType": order.payment_type,
            "reqPayBillTillNo": order.shortcode,
            "DebitAccountNumber": order.debit_account,
            "DebitAmount": amount,
            "reqCreditAmount": amount,
            "reqDebitAcCurrency": "KES",
            "reqToAccountName": order.account_name,
            "reqMobileNumber": order.phone,
            "reqPaymentDescription": order.description,
            "reqPaybillAccount": order.paybill_account,
            "Country": self._ncba.bill_country,
            "reqChnlId": self._ncba.bill_channel,
        }
        return self._order("pay_to_paybill", self._ncba.bill_path, body, order.reference)

    def ask(self, reference: str) -> StatusHint:
        """Ask what became of an order, by our reference; a hint, and reported broken in production.

        :raises Rejected, Retryable: it was not answered
        """
        body = {"country": self._ncba.status_country, "transactionId": reference}
        found = self._ask("status", self._ncba.status_path, body, reference=reference)
        return answers.order_hint(found, ncba=self._ncba)

    def _order(self, operation: str, path: str, body: dict[str, Any], reference: str) -> OrderTaken:
        found = self._post(operation, path, body, reference=reference)
        return answers.order_taken(found, reference=reference, ncba=self._ncba)

    def _new_token(self) -> NewToken:
        answer = self._call(
            "POST",
            self._ncba.token_path,
            operation="token",
            timeout=TOKEN_TIMEOUT,
            headers=self._headers(),
            json={"userID": self._login.user, "password": self._login.password},
        )
        return answers.token(answer, names=self._ncba.token_fields, seconds=self._ncba.token_seconds)

    def _headers(self) -> dict[str, str]:
        return {"Ocp-Apim-Subscription-Key": self._login.subscription_key}
