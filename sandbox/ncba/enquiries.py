"""Account details, statements, the charge of a rail, and what became of an order."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.daraja.ids import NAIROBI
from sandbox.ncba import ids
from sandbox.ncba.gateway import Call, error, invalid
from sandbox.ncba.orders import INVALID_ACCOUNT, amount_of, refusal_body
from sandbox.ncba.state import Account, Line
from sandbox.routing import answer
from sandbox.world import World

MINI_LINES = 10


async def account_details(world: World, call: Call) -> web.Response:
    """Balance, currency and name."""
    if missing := call.missing("country", "accountNo"):
        return invalid(missing)
    account = call.account(world, call.text("accountNo"))
    if account is None:
        return answer(refusal_body(INVALID_ACCOUNT, ""))
    told = {
        "accountNo": account.account,
        "accountName": account.name,
        "currency": account.currency,
        "availableBalance": f"{account.balance:.2f}",
        "currentBalance": f"{account.balance:.2f}",
    }
    return answer({"data": told} if world.ncba.switch("details_shape") == "data" else told)


async def mini_statement(world: World, call: Call) -> web.Response:
    """The last lines, newest first."""
    if missing := call.missing("country", "accountNo"):
        return invalid(missing)
    account = call.account(world, call.text("accountNo"))
    if account is None:
        return answer(refusal_body(INVALID_ACCOUNT, ""))
    return _statement(world, account, list(reversed(account.lines[-MINI_LINES:])))


async def full_statement(world: World, call: Call) -> web.Response:
    """The lines of some days, oldest first; both days are ``ddMMyyyy`` and belong to it."""
    if missing := call.missing("country", "accountNo", "fromDate", "toDate"):
        return invalid(missing)
    try:
        first, last = ids.day_of(call.text("fromDate")), ids.day_of(call.text("toDate"))
    except ValueError:
        return invalid(["fromDate", "toDate"])
    account = call.account(world, call.text("accountNo"))
    if account is None:
        return answer(refusal_body(INVALID_ACCOUNT, ""))
    lines = [line for line in account.lines if first <= line.at.astimezone(NAIROBI).date() <= last]
    return _statement(world, account, lines)


def _statement(world: World, account: Account, lines: list[Line]) -> web.Response:
    rows = [_row(account, line) for line in lines]
    shape = world.ncba.switch("statement_shape")
    if shape == "single" and len(rows) == 1:
        return answer(rows[0])
    return answer({"data": rows} if shape == "data" else rows)


def _row(account: Account, line: Line) -> dict[str, Any]:
    debit = line.amount < 0
    return {
        "ValueDate": ids.statement_day(line.at),
        "CreditDebitFlag": "D" if debit else "C",
        "InstrumentReferenceNumber": line.reference,
        "CreditAmount": "0.00" if debit else f"{line.amount:.2f}",
        "DebitAmount": f"{-line.amount:.2f}" if debit else "0.00",
        "RunningBalance": f"{line.balance:.2f}",
        "Narrative": line.narrative,
        "TransactionCode": line.trans_type,
        "TransactionCodeDescription": "DEBIT" if debit else "CREDIT",
        "PaymentDetails": line.name,
        "CreditReference": "" if debit else line.reference,
        "AdditionalReference": line.receipt,
        "TransactionCurrency": account.currency,
    }


async def charge_enquiry(world: World, call: Call) -> web.Response:
    """What a rail costs; the same for all (switch ``ncba.charge``)."""
    wanted = ("country", "debitAccount", "chargeCurrency", "transactionAmount", "serviceType")
    if missing := call.missing(*wanted):
        return invalid(missing)
    if call.account(world, call.text("debitAccount")) is None:
        return answer(refusal_body(INVALID_ACCOUNT, ""))
    if amount_of(call.text("transactionAmount")) is None:
        return invalid(["transactionAmount"])
    told = {"resultCode": "000", "statusDescription": "SUCCESS", "serviceType": call.text("serviceType")}
    charge = {"chargeAmount": f"{world.ncba.switch('charge'):.2f}", "chargeCurrency": "KES"}
    return answer(told | charge)


async def status_query(world: World, call: Call) -> web.Response:
    """What became of an order, by our reference; broken unless switched on, as in production."""
    shape = world.ncba.switch("status_query")
    if shape == "broken":
        return error(500, "Internal server error")
    if missing := call.missing("country", "transactionId"):
        return invalid(missing)
    order = world.ncba.orders.get(call.text("transactionId"))
    if order is None or call.account(world, order.account) is None:
        missing_text = "Transaction not found"
        if shape == "flat":
            return answer({"ErrorCode": "404", "ErrorMessage": missing_text})
        return answer({"Code": "404", "Description": missing_text, "Transaction": None})
    if shape == "flat":
        told = {"ErrorCode": "000", "ErrorMessage": "Success", "TransactionId": order.our_reference}
        return answer(told | {"CoreReference": order.reference, "Status": "PASSED"})
    transaction = {
        "Currency": "KES",
        "Amount": f"{order.amount:.2f}",
        "Date": ids.status_time(order.at),
        "AccountNumber": order.account,
        "Narrative": order.narration,
        "CustomerReference": order.our_reference,
        "CBSReference": order.reference,
        "ThirdPartyReference": order.beneficiary,
        "Status": "PASSED",
        "ThirdPartyStatus": "COMPLETED",
    }
    return answer({"Code": "000", "Description": "Success", "Transaction": transaction})
