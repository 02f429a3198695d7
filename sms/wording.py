"""What we say by SMS: types of message, their variables, and the texts that hold until somebody edits them.

All of these are transactional; none may carry marketing (operators' rule for transactional sender IDs).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from django.db import models

from sms.segments import transliterate

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
LANGUAGES = (("en", "English"), ("sw", "Kiswahili"))
LONGEST_VALUE = 60
LONGEST = {"partner": 30, "client": 30, "reason": 90}  # so that the usual text stays in one part


class MessageType(models.TextChoices):
    DISBURSEMENT_CONFIRMATION = "disbursement_confirmation", "Loan paid (client)"
    PAYMENT_RECEIPT = "payment_receipt", "Payment receipt (client)"
    ACCOUNT_BALANCE_UPDATE = "account_balance_update", "Account balance update (client)"
    TRANSACTION_CONFIRMATION = "transaction_confirmation", "Transaction confirmation (client)"
    DISBURSEMENT_SUCCESS = "disbursement_success", "Payout succeeded (partner)"
    DISBURSEMENT_FAILURE = "disbursement_failure", "Payout failed (partner)"
    BALANCE_ALERT = "balance_alert", "Low balance (partner)"
    TOPUP_CONFIRMATION = "topup_confirmation", "Top-up received (partner)"
    FLOAT_PURCHASE = "float_purchase", "Float bought (partner)"
    FLOAT_PURCHASE_FAILURE = "float_purchase_failure", "Float not bought (partner)"
    SYSTEM_ERROR = "system_error", "System error (partner)"
    ONE_TIME_CODE = "one_time_code", "One-time code (partner)"
    TEST_MESSAGE = "test_message", "Test message (partner)"
    OPERATOR_ALARM = "operator_alarm", "Alarm (operators)"


VARIABLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        MessageType.DISBURSEMENT_CONFIRMATION: frozenset({"partner", "client", "amount", "receipt", "loan"}),
        MessageType.PAYMENT_RECEIPT: frozenset({"partner", "client", "amount", "receipt", "account"}),
        MessageType.ACCOUNT_BALANCE_UPDATE: frozenset({"partner", "client", "account", "balance"}),
        MessageType.TRANSACTION_CONFIRMATION: frozenset(
            {"partner", "client", "amount", "receipt", "account", "balance"}
        ),
        MessageType.DISBURSEMENT_SUCCESS: frozenset({"partner", "client", "amount", "receipt", "loan"}),
        MessageType.DISBURSEMENT_FAILURE: frozenset({"partner", "client", "amount", "loan", "reason"}),
        MessageType.BALANCE_ALERT: frozenset({"partner", "balance", "threshold"}),
        MessageType.TOPUP_CONFIRMATION: frozenset({"partner", "amount", "reference", "balance"}),
        MessageType.FLOAT_PURCHASE: frozenset({"partner", "amount", "reference", "balance"}),
        MessageType.FLOAT_PURCHASE_FAILURE: frozenset({"partner", "amount", "reference", "reason"}),
        MessageType.SYSTEM_ERROR: frozenset({"partner", "reason"}),
        MessageType.ONE_TIME_CODE: frozenset({"partner", "code", "purpose", "minutes"}),
        MessageType.TEST_MESSAGE: frozenset({"partner", "person"}),
        MessageType.OPERATOR_ALARM: frozenset({"partner", "reason"}),
    }
)

TEXTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (MessageType.DISBURSEMENT_CONFIRMATION, "en"): (
            "Dear {client}, {amount} for loan {loan} has been sent to your M-Pesa. "
            "Receipt {receipt}. {partner}"
        ),
        (MessageType.DISBURSEMENT_CONFIRMATION, "sw"): (
            "Ndugu {client}, {amount} za mkopo {loan} zimetumwa kwa M-Pesa yako. Risiti {receipt}. {partner}"
        ),
        (MessageType.PAYMENT_RECEIPT, "en"): (
            "Dear {client}, we have received {amount} for account {account}. Receipt {receipt}. {partner}"
        ),
        (MessageType.PAYMENT_RECEIPT, "sw"): (
            "Ndugu {client}, tumepokea {amount} kwa akaunti {account}. Risiti {receipt}. Asante. {partner}"
        ),
        (MessageType.ACCOUNT_BALANCE_UPDATE, "en"): (
            "Dear {client}, the balance of account {account} is now {balance}. {partner}"
        ),
        (MessageType.ACCOUNT_BALANCE_UPDATE, "sw"): (
            "Ndugu {client}, salio la akaunti {account} sasa ni {balance}. {partner}"
        ),
        (MessageType.TRANSACTION_CONFIRMATION, "en"): (
            "{client}, {amount} posted to account {account}. Receipt {receipt}. Balance {balance}. {partner}"
        ),
        (MessageType.TRANSACTION_CONFIRMATION, "sw"): (
            "{client}, {amount} zimewekwa kwa akaunti {account}. Risiti {receipt}. Salio {balance}. {partner}"
        ),
        (MessageType.DISBURSEMENT_SUCCESS, "en"): (
            "{partner}: {amount} paid to {client} for loan {loan}. Receipt {receipt}."
        ),
        (MessageType.DISBURSEMENT_SUCCESS, "sw"): (
            "{partner}: {amount} zimelipwa kwa {client}, mkopo {loan}. Risiti {receipt}."
        ),
        (MessageType.DISBURSEMENT_FAILURE, "en"): (
            "{partner}: {amount} to {client} for loan {loan} was not paid: {reason}"
        ),
        (MessageType.DISBURSEMENT_FAILURE, "sw"): (
            "{partner}: {amount} kwa {client}, mkopo {loan}, hazikulipwa: {reason}"
        ),
        (MessageType.BALANCE_ALERT, "en"): (
            "{partner}: your wallet balance is low: {balance} (alert at {threshold}). Please top up."
        ),
        (MessageType.BALANCE_ALERT, "sw"): (
            "{partner}: salio la pochi yenu ni dogo: {balance} (onyo kwa {threshold}). Tafadhali ongezeni."
        ),
        (MessageType.TOPUP_CONFIRMATION, "en"): (
            "{partner}: top-up of {amount} received, reference {reference}. Wallet balance {balance}."
        ),
        (MessageType.TOPUP_CONFIRMATION, "sw"): (
            "{partner}: {amount} zimepokelewa, kumbukumbu {reference}. Salio la pochi {balance}."
        ),
        (MessageType.FLOAT_PURCHASE, "en"): (
            "{partner}: M-Pesa float of {amount} bought, reference {reference}. Wallet balance {balance}."
        ),
        (MessageType.FLOAT_PURCHASE, "sw"): (
            "{partner}: float ya M-Pesa ya {amount} imenunuliwa, kumbukumbu {reference}. Salio {balance}."
        ),
        (MessageType.FLOAT_PURCHASE_FAILURE, "en"): (
            "{partner}: M-Pesa float of {amount} was not bought ({reference}), the money is back: {reason}"
        ),
        (MessageType.FLOAT_PURCHASE_FAILURE, "sw"): (
            "{partner}: float ya M-Pesa ya {amount} haikununuliwa ({reference}), fedha zimerudi: {reason}"
        ),
        (MessageType.OPERATOR_ALARM, "en"): "Payment Vault alarm, {partner}: {reason}",
        (MessageType.OPERATOR_ALARM, "sw"): "Payment Vault tahadhari, {partner}: {reason}",
        (MessageType.SYSTEM_ERROR, "en"): "{partner}: Payment Vault needs your attention: {reason}",
        (MessageType.SYSTEM_ERROR, "sw"): "{partner}: Payment Vault inahitaji uangalizi wenu: {reason}",
        (MessageType.ONE_TIME_CODE, "en"): (
            "{code} is your code for: {purpose}. Valid for {minutes} minutes. Tell it to nobody. {partner}"
        ),
        (MessageType.ONE_TIME_CODE, "sw"): (
            "{code} ni namba yako ya: {purpose}. Inatumika kwa dakika {minutes}. Usimwambie mtu. {partner}"
        ),
        (MessageType.TEST_MESSAGE, "en"): (
            "{partner}: a test message from Payment Vault, sent by {person}. SMS reach this phone."
        ),
        (MessageType.TEST_MESSAGE, "sw"): (
            "{partner}: ujumbe wa majaribio wa Payment Vault, umetumwa na {person}. SMS zinafika simu hii."
        ),
    }
)

SAMPLE: Mapping[str, str] = MappingProxyType(
    {
        "partner": "Kilimo SACCO",
        "client": "Jane Wanjiku",
        "amount": "KES 9,500",
        "receipt": "SGH7XK2LMN",
        "loan": "000000123",
        "account": "000000456",
        "balance": "KES 12,300",
        "threshold": "KES 5,000",
        "reference": "FT26154ABCDE",
        "reason": "the recipient is not registered for M-Pesa",
        "code": "482913",
        "purpose": "float purchase of KES 50,000",
        "minutes": "5",
        "person": "wanjiru",
    }
)


class BadWording(ValueError):
    """A text, or what should be put into it, does not fit its type of message; says why in words."""


def check(message_type: str, text: str) -> None:
    """Refuse a text that could not be filled in later.

    :raises BadWording: empty, a variable that its type does not have, or a stray brace
    """
    if not text.strip():
        raise BadWording("The text is empty.")
    known = VARIABLES[message_type]
    unknown = sorted(set(_VARIABLE.findall(text)) - known)
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in unknown)
        raise BadWording(f"Unknown: {names}. This message has: {', '.join(sorted(known))}.")
    if re.search(r"[{}]", _VARIABLE.sub("", text)):
        raise BadWording("A brace stands alone. Variables are written like {amount}.")


def check_context(message_type: str, context: Mapping[str, str]) -> None:
    """Refuse to queue a message whose values are not all there, whatever today's text uses of them.

    :raises BadWording: an unknown type, or a variable of the type without a value
    """
    if message_type not in VARIABLES:
        raise BadWording(f"{message_type!r} is no type of message.")
    missing = sorted(VARIABLES[message_type] - context.keys())
    if missing:
        raise BadWording(f"{message_type} lacks: {', '.join(missing)}.")


def render(text: str, context: Mapping[str, str]) -> str:
    """Fill in a checked text and write it in GSM-7 where possible."""
    return transliterate(_VARIABLE.sub(lambda found: _value(found[1], context), text)).strip()


def _value(name: str, context: Mapping[str, str]) -> str:
    value = " ".join(str(context[name]).split())
    longest = LONGEST.get(name, LONGEST_VALUE)
    return value if len(value) <= longest else value[: longest - 2].rstrip() + ".."
