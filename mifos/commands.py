"""Bodies of commands to Fineract, and what their 200s mean."""

from typing import Any

from common.gateway import OutcomeUnknown
from common.http import Answer
from mifos import errors, parsing
from mifos.shapes import DisburseAnswer, DisburseCommand


def disbursement(command: DisburseCommand) -> dict[str, Any]:
    """Write the body; Fineract refuses any key that it does not know, and reads amounts as text of `locale`."""
    body: dict[str, Any] = {
        "actualDisbursementDate": command.on.isoformat(),
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
        "externalId": command.external_id,
    }
    if command.amount is not None:
        body["transactionAmount"] = f"{command.amount:.2f}"
    if command.payment_type_id is not None:
        body["paymentTypeId"] = command.payment_type_id
    if command.receipt:
        body["receiptNumber"] = command.receipt
    if command.note:
        body["note"] = command.note
    return body


def disbursed(answer: Answer, asked: int) -> DisburseAnswer:
    """Judge a 200: done, waiting for a checker, or nothing that proves either.

    :param asked: the loan of the command
    :raises OutcomeUnknown: it is another loan's (keys do not know the loan), or does not say enough
    """
    body = answer.object()
    cached = errors.from_cache(answer)
    loan_id = body.get("loanId") or body.get("resourceId")  # a checker's answer has only the second
    if isinstance(loan_id, int) and loan_id != asked:
        raise OutcomeUnknown(
            "Mifos answered for another loan", code=errors.KEY_OF_ANOTHER_LOAN if cached else errors.SHAPE
        )
    pending = body.get("rollbackTransaction") is True
    active = parsing.part(parsing.part(body, "changes"), "status").get("active") is True
    if pending and loan_id is None:
        loan_id = asked
    if loan_id != asked or not (pending or active or cached):
        raise OutcomeUnknown("Mifos answered 200 without saying that the loan is active", code=errors.SHAPE)
    transaction_id = body.get("subResourceId")
    return DisburseAnswer(
        done=not pending,
        pending_checker=pending,
        from_cache=cached,
        loan_id=asked,
        transaction_id=transaction_id if isinstance(transaction_id, int) else None,
    )
