"""Read a command's body field by field: some mistakes are thrown at once, others collected."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from sandbox.fineract.errors import Refusal, invalid, item, not_found, unsupported
from sandbox.fineract.host import Host
from sandbox.fineract.java_dates import BadPattern, known_locale, read_date, read_number
from sandbox.fineract.records import PaymentDetail
from sandbox.fineract.wire import Json

PAYMENT_KEYS: Final = ("accountNumber", "checkNumber", "routingCode", "receiptNumber", "bankNumber")


class Fields:
    """One body under one validation resource such as `loan.disbursement`."""

    def __init__(self, body: Json, resource: str, known: frozenset[str]) -> None:
        """:raises Refusal: 400 for keys that are not supported"""
        strange = [name for name in body if name not in known]
        if strange:
            raise unsupported(*strange)
        self.body, self.resource, self.errors = body, resource, list[Json]()

    def get(self, name: str) -> Any:
        """The value; blank text counts as absent."""
        value = self.body.get(name)
        return None if isinstance(value, str) and not value.strip() else value

    def collect(self, name: str, rule: str, message: str) -> None:
        """Note an error under the resource's code."""
        self.errors.append(item(f"validation.msg.{self.resource}.{name}.{rule}", message, name))

    def throw(self) -> None:
        """:raises Refusal: 400 with what was collected"""
        if self.errors:
            raise invalid(*self.errors)

    def _format(self, name: str) -> str:
        value = self.get(name)
        if value is None:  # thrown at once, alone
            message = f"The parameter `{name}` is mandatory."
            raise invalid(item(f"validation.msg.missing.{name}.parameter", message, name))
        return str(value)

    def _locale(self) -> str:
        locale = self._format("locale")
        if not known_locale(locale):
            message = f"The parameter `locale` has an invalid language value {locale}."
            raise invalid(item("validation.msg.invalid.locale.format", message, "locale"))
        return locale

    def date(self, name: str, *, required: bool = False) -> date | None:
        """A date by `dateFormat`.

        :raises Refusal: 400 at once for a missing or wrong format
        """
        value = self.get(name)
        if value is None:
            if required:
                self.collect(name, "cannot.be.blank", f"The parameter `{name}` is mandatory.")
            return None
        pattern = self._format("dateFormat")
        self._locale()
        try:
            return read_date(str(value), pattern)
        except BadPattern:
            raise self._bad_date("dateFormat", pattern, pattern) from None
        except ValueError:
            raise self._bad_date(name, value, pattern) from None

    def _bad_date(self, name: str, value: object, pattern: str) -> Refusal:
        message = f"The parameter `{name}` is invalid based on the dateFormat: `{pattern}` provided: {value}"
        return invalid(item("validation.msg.invalid.dateFormat.format", message, name))

    def number(self, name: str, *, required: bool = False, zero: bool = False) -> Decimal | None:
        """A number above zero (`zero`: or zero) by `locale`.

        :raises Refusal: 400 at once for a missing locale or no number
        """
        value = self.get(name)
        if value is None:
            if required:
                self.collect(name, "cannot.be.blank", f"The parameter `{name}` is mandatory.")
            return None
        locale = self._locale()
        try:
            number = read_number(value, locale)
        except ValueError:
            message = f"The parameter `{name}` has value: {value} which is invalid decimal value"
            raise invalid(item("validation.msg.invalid.decimal.format", message, name)) from None
        if zero and number < 0:
            self.collect(name, "not.zero.or.greater", f"The parameter `{name}` must be zero or greater.")
        elif not zero and number <= 0:
            self.collect(name, "not.greater.than.zero", f"The parameter `{name}` must be greater than 0.")
        return number

    def text(self, name: str, limit: int) -> str | None:
        """A text of at most `limit` characters."""
        value = self.get(name)
        if value is None:
            return None
        text = str(value)
        if len(text) > limit:
            message = f"The parameter `{name}` exceeds max length of {limit}."
            self.collect(name, "exceeds.max.length", message)
        return text

    def payment(self, *, required: bool = False) -> PaymentDetail | None:
        """The payment details; without `paymentTypeId` they are dropped silently, as the server does."""
        texts = [self.text(name, 50) for name in PAYMENT_KEYS]
        value = self.get("paymentTypeId")
        if value is None:
            if required:
                self.collect(
                    "paymentTypeId", "cannot.be.blank", "The parameter `paymentTypeId` is mandatory."
                )
            return None
        number = str(value).removesuffix(".0")
        if not number.isdigit() or int(number) < 1:
            message = "The parameter `paymentTypeId` must be greater than 0."
            self.collect("paymentTypeId", "not.greater.than.zero", message)
            return None
        account, check, routing, receipt, bank = texts
        return PaymentDetail(
            type_id=int(number),
            account_number=account,
            check_number=check,
            routing_code=routing,
            receipt_number=receipt,
            bank_number=bank,
        )


def payment_changes(payment: PaymentDetail | None) -> Json:
    """What an answer's `changes` shows of the payment details."""
    if payment is None:
        return {}
    names = ("account_number", "check_number", "routing_code", "receipt_number", "bank_number")
    shown = zip(PAYMENT_KEYS, (getattr(payment, name) for name in names), strict=True)
    return {"paymentTypeId": payment.type_id} | {key: value for key, value in shown if value is not None}


def need_payment_type(host: Host, payment: PaymentDetail | None) -> None:
    """:raises Refusal: 404 for a payment type that the host does not know"""
    if payment is not None and all(kind.id != payment.type_id for kind in host.payment_types):
        text = f"Payment Type with identifier {payment.type_id} does not exist"
        raise not_found("error.msg.payment.type.invalid", text, payment.type_id)
