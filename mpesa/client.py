"""The client of Safaricom's Daraja: payouts, states, balances, transfers of float."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import requests

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.http import Answer, Timeout, call
from common.token_store import NewToken, TokenStore, app_key
from mpesa import bodies, collecting, credential, reversing, stk
from mpesa.answers import Reply, given_token, read, token_error
from mpesa.collecting import Prompt, Prompted, Registered
from mpesa.collections import Notice, pulled
from mpesa.shapes import Accepted, Credentials, Payout
from mpesa.stk import Push

__all__ = ["Accepted", "Client", "Credentials", "Payout"]

TOKEN_PATH = "/oauth/v1/generate"
NOT_BY_POST = 405
TOKEN_TIMEOUT = Timeout(connect=4.0, read=8.0)  # together below the time that a token's lock is kept


class Client:
    """Speaks to Daraja for one shortcode. Safe to share between threads as far as the session is.

    Every method raises `Rejected` (nothing happened; with `stop`, nothing more should be asked for this
    shortcode), `Retryable` (nothing happened; a `code` in `codes.SLOW_DOWN` asks for a slower pace) or
    `OutcomeUnknown`. `codes.verdict(error.code, error.message)` has the class and the words of a code.
    """

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Credentials,
        session: requests.Session,
        tokens: TokenStore,
        timeout: Timeout | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._session = session
        self._tokens = tokens
        self._timeout = timeout
        self._app = app_key(self._base_url, credentials.consumer_key)

    def log_in(self) -> None:
        """Fetch a fresh token, which proves consumer key and secret; all processes go on with it.

        :raises Rejected, Retryable: there is none
        """
        self._tokens.drop(self._app, self._token())
        self._token()

    def pay(self, payout: Payout) -> Accepted:
        """Ask M-Pesa to pay (B2C version 3), and say whether it took the request.

        The same id may be sent again after any error: M-Pesa refuses the second one. It does so without
        repeating its first answer, so that `earlier` comes without a conversation id.

        :raises ValueError: nothing was sent: an amount with cents, or callback addresses that Daraja refuses
        :raises Rejected: not paid, and this request never will be
        :raises Retryable: the request never reached M-Pesa; send it again with the same id
        :raises OutcomeUnknown: it may be paid
        """
        body = bodies.payout_body(payout, self._credentials, self._credential())
        ours = payout.originator_conversation_id
        reply = self._send("pay", bodies.PAYOUT_PATH, body, reference=ours)
        if reply.duplicate:
            return Accepted(conversation_id="", originator_conversation_id=ours, earlier=True)
        return _accepted(reply, ours)

    def ask_status(
        self, *, originator_conversation_id: str = "", receipt: str = "", result_url: str, timeout_url: str
    ) -> Accepted:
        """Ask what became of a payment, by our own id or by its receipt; the answer comes to the result URL.

        :raises ValueError: nothing was sent: both or neither given, or callback addresses that are refused
        :raises Rejected: the question was refused
        :raises Retryable: it was not answered; asking twice does no harm
        """
        body = bodies.status_body(
            self._credentials,
            self._credential(),
            originator_conversation_id=originator_conversation_id,
            receipt=receipt,
            result_url=result_url,
            timeout_url=timeout_url,
        )
        return self._ask("status", bodies.STATUS_PATH, body, reference=originator_conversation_id or receipt)

    def ask_balance(self, *, result_url: str, timeout_url: str) -> Accepted:
        """Ask for the shortcode's balances; the answer comes to the result URL.

        :raises ValueError: nothing was sent: callback addresses that Daraja refuses
        :raises Rejected: the question was refused
        :raises Retryable: it was not answered; asking twice does no harm
        """
        body = bodies.balance_body(
            self._credentials, self._credential(), result_url=result_url, timeout_url=timeout_url
        )
        return self._ask("balance", bodies.BALANCE_PATH, body, reference=self._credentials.shortcode)

    def pay_to_bulk(
        self, *, to_shortcode: str, amount: Decimal, reference: str, result_url: str, timeout_url: str
    ) -> Accepted:
        """Move float from this shortcode's Working account to a shortcode's Utility account.

        M-Pesa knows no id of ours here: after `OutcomeUnknown` only balances or the statement tell, and it
        must not be sent again before they do.

        :raises ValueError: nothing was sent: an amount with cents, or callback addresses that are refused
        :raises Rejected: not moved
        :raises Retryable: the request never reached M-Pesa
        :raises OutcomeUnknown: it may be moved
        """
        body = bodies.transfer_body(
            self._credentials,
            self._credential(),
            to_shortcode=to_shortcode,
            amount=amount,
            reference=reference,
            result_url=result_url,
            timeout_url=timeout_url,
        )
        return _accepted(self._send("transfer", bodies.TRANSFER_PATH, body, reference=reference))

    def reverse(self, *, payment: str, amount: Decimal, result_url: str, timeout_url: str) -> Accepted:
        """Ask M-Pesa to give a customer's payment back; what became of it comes to the result URL.

        M-Pesa knows no id of ours here, but gives a payment back once only: it may be asked again after any doubt.

        :param payment: its receipt
        :raises ValueError: nothing was sent: an amount with cents, or callback addresses that are refused
        :raises Rejected: not given back
        :raises Retryable: the request never reached M-Pesa
        :raises OutcomeUnknown: it may be given back
        """
        body = reversing.reversal_body(
            self._credentials,
            self._credential(),
            payment=payment,
            amount=amount,
            result_url=result_url,
            timeout_url=timeout_url,
        )
        return _accepted(self._send("reversal", reversing.REVERSAL_PATH, body, reference=payment))

    def register_urls(
        self, *, confirmation: str, validation: str, response_type: str, version: str
    ) -> Registered:
        """Tell M-Pesa where to send notices of payments to this shortcode.

        :param version: v1 or v2; decides how the payer's number is written, and must fit the app's product
        :raises ValueError: nothing was sent: an address that Daraja refuses
        :raises Rejected, Retryable: it has not taken them
        """
        number = self._credentials.shortcode
        body = collecting.register_body(
            number, confirmation=confirmation, validation=validation, response_type=response_type
        )
        path = collecting.REGISTER_PATHS[version]
        return collecting.registered(self._question("register", path, body, reference=number))

    def prompt(self, wanted: Prompt, *, reference: str, at: datetime) -> Prompted:
        """Ask a customer's phone for a payment (STK push). M-Pesa knows no id of ours, so never twice.

        :raises ValueError: nothing was sent: an amount with cents, or an address that Daraja refuses
        :raises Rejected, Retryable: the phone is not asked
        :raises OutcomeUnknown: it may be asked
        """
        body = collecting.push_body(self._credentials.shortcode, wanted, at=at)
        return collecting.prompted(self._answered("prompt", collecting.PUSH_PATH, body, reference=reference))

    def ask_prompt(self, *, checkout_id: str, passkey: str, store: str = "", at: datetime) -> Push | None:
        """Ask how a prompt ended; None while M-Pesa is still at it. A success here is a hint only.

        :raises Rejected, Retryable: the question was not answered
        """
        number = store or self._credentials.shortcode
        body = collecting.push_ask_body(number, passkey=passkey, checkout_id=checkout_id, at=at)
        answer = self._question("prompt state", collecting.PUSH_ASK_PATH, body, reference=checkout_id)
        reply = read(answer)
        if reply.accepted:
            return stk.parse_answer(answer.object())
        if reply.code == stk.PENDING and "being processed" in reply.text.lower():
            return None
        error = reply.error()
        raise error if isinstance(error, Rejected) else Retryable(error.message, code=error.code)

    def register_pull(self, *, nominated: str, callback_url: str) -> Registered:
        """Register this shortcode for Pull, once. `nominated` is a phone of the organisation, 2547….

        :raises ValueError: nothing was sent: an address that Daraja refuses
        :raises Rejected, Retryable: it is not registered
        """
        number = self._credentials.shortcode
        body = collecting.pull_register_body(number, nominated=nominated, callback_url=callback_url)
        path = collecting.PULL_REGISTER_PATH
        return collecting.pull_registered(self._question("register pull", path, body, reference=number))

    def pull(self, *, since: datetime, until: datetime, offset: int = 0) -> tuple[Notice, ...]:
        """Return a page of the payments of the last 48 hours; fewer than a thousand mean that it is the last.

        :raises Rejected, Retryable: they were not told
        """
        number = self._credentials.shortcode
        body = collecting.pull_body(number, since=since, until=until, offset=offset)
        answer = self._question("pull", collecting.PULL_PATH, body, reference=str(offset))
        if (
            answer.status == NOT_BY_POST
        ):  # Daraja portal, PullTransactions: its text says GET, its heading POST
            answer = self._question("pull", collecting.PULL_PATH, body, reference=str(offset), method="GET")
        return tuple(pulled(row, shortcode=number) for row in collecting.pulled_rows(answer))

    def _question(
        self, operation: str, path: str, body: bodies.Body, *, reference: str, method: str = "POST"
    ) -> Answer:
        """Send what moves no money. A lost answer may simply be asked for again."""
        try:
            return self._answered(operation, path, body, reference=reference, method=method)
        except OutcomeUnknown as exc:
            raise Retryable(exc.message, code=exc.code) from exc

    def _ask(self, operation: str, path: str, body: bodies.Body, *, reference: str) -> Accepted:
        """Send a question. An unclear answer to it may simply be asked for again."""
        try:
            return _accepted(self._send(operation, path, body, reference=reference))
        except OutcomeUnknown as exc:
            raise Retryable(exc.message, code=exc.code) from exc

    def _send(self, operation: str, path: str, body: bodies.Body, *, reference: str) -> Reply:
        return read(self._answered(operation, path, body, reference=reference))

    def _answered(
        self, operation: str, path: str, body: bodies.Body, *, reference: str, method: str = "POST"
    ) -> Answer:
        """Send a body; where the token is refused, with a new one once more.

        That is safe for money too: the gateway refuses a token before M-Pesa sees the request.
        """
        token = self._token()
        answer = self._carry(method, operation, path, body, token, reference)
        if read(answer).token_refused:
            self._tokens.drop(self._app, token)
            answer = self._carry(method, operation, path, body, self._token(), reference)
        return answer

    def _carry(
        self, method: str, operation: str, path: str, body: bodies.Body, token: str, reference: str
    ) -> Answer:
        return self._call(
            method,
            path,
            operation=operation,
            reference=reference,
            timeout=self._timeout,
            headers={"Authorization": f"Bearer {token}"},
            json=body,
        )

    def _call(self, method: str, path: str, **options: Any) -> Answer:
        return call(self._session, method, self._base_url + path, system="M-Pesa", **options)

    def _token(self) -> str:
        return self._tokens.get(self._app, self._new_token)

    def _new_token(self) -> NewToken:
        """:raises Rejected, Retryable: there is none, and nothing else was attempted"""
        try:
            answer = self._call(
                "GET",
                TOKEN_PATH,
                operation="token",
                timeout=TOKEN_TIMEOUT,
                params={"grant_type": "client_credentials"},
                auth=(self._credentials.consumer_key.encode(), self._credentials.consumer_secret.encode()),
            )
        except OutcomeUnknown as exc:
            raise Retryable(exc.message) from exc
        token = given_token(answer)
        if token is None:
            raise token_error(read(answer))
        return token

    def _credential(self) -> str:
        who = self._credentials
        try:
            return credential.security_credential(
                password=who.initiator_password, certificate=who.certificate
            )
        except ValueError as exc:
            raise Rejected(f"Nothing was sent for shortcode {who.shortcode}: {exc}.", stop=True) from exc


def _accepted(reply: Reply, ours: str = "") -> Accepted:
    if not reply.accepted:
        error: GatewayError = reply.error()
        raise error
    return Accepted(
        conversation_id=reply.conversation_id,
        originator_conversation_id=reply.originator_conversation_id or ours,
    )
