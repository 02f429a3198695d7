"""Where a customer's payment can be, and where it may go next."""

from collections.abc import Mapping

from django.db import models


class Status(models.TextChoices):
    RECEIVED = "received", "Received"  # stored; not yet looked at
    MATCHED = "matched", "Matched"  # the account is known; waits for its turn to be booked in Mifos
    POSTING = "posting", "Posting"  # a booking is, or may be, on its way to Mifos
    UNKNOWN = "unknown", "Unknown"  # Mifos may have booked it or not; being asked
    POSTED = "posted", "Posted"  # every shilling is booked in Mifos
    UNMATCHED = "unmatched", "In suspense"  # all of it, or the rest of it, belongs to no account yet
    FAILED = "failed", "Refused by Mifos"  # provably not booked; a person mends the cause, we try again
    REVERSED = "reversed", "Returned"  # the customer got the money back


NEXT: Mapping[str, frozenset[str]] = {
    Status.RECEIVED: frozenset({Status.MATCHED, Status.UNMATCHED}),
    Status.MATCHED: frozenset({Status.POSTING, Status.UNMATCHED}),
    Status.POSTING: frozenset(
        {Status.POSTED, Status.UNKNOWN, Status.MATCHED, Status.UNMATCHED, Status.FAILED}
    ),
    Status.UNKNOWN: frozenset(
        {Status.POSTED, Status.POSTING, Status.MATCHED, Status.UNMATCHED, Status.FAILED}
    ),
    Status.POSTED: frozenset(),
    Status.UNMATCHED: frozenset({Status.RECEIVED, Status.MATCHED, Status.REVERSED}),
    Status.FAILED: frozenset({Status.POSTING, Status.UNMATCHED}),
    Status.REVERSED: frozenset(),
}
AT_MIFOS = frozenset({Status.POSTING, Status.UNKNOWN})  # something of it may be booked without our knowing
ENDED = frozenset({Status.POSTED, Status.REVERSED})
AT_REST = ENDED | {Status.UNMATCHED, Status.FAILED}  # nothing moves them but a person


class Channel(models.TextChoices):
    """How we first heard of a payment; its receipt is one key over all of them."""

    C2B = "c2b", "Paybill notice"
    STK = "stk", "Prompt on the phone"
    PULL = "pull", "Pull"
    STATEMENT = "statement", "Statement"


class TransactionType(models.TextChoices):
    LOAN_REPAYMENT = "loan_repayment", "Loan repayment"
    SAVINGS_DEPOSIT = "savings_deposit", "Savings deposit"


class MatchedBy(models.TextChoices):
    """What led to the account, the surest first."""

    PERSON = "person", "Chosen by a person"
    PROMPT = "prompt", "We asked for this payment"
    NUMBER = "number", "Account number"
    EXTERNAL_ID = "external_id", "External id of the account"
    NATIONAL_ID = "national_id", "National id, one account fits"
    TYPED_PHONE = "typed_phone", "Phone typed as the account, one account fits"
    PAYER = "payer", "The payer's own phone, one account fits"


CONFIDENCE: Mapping[str, str] = {
    MatchedBy.PERSON: "certain",
    MatchedBy.PROMPT: "certain",
    MatchedBy.NUMBER: "certain",
    MatchedBy.EXTERNAL_ID: "certain",
    MatchedBy.NATIONAL_ID: "high",
    MatchedBy.TYPED_PHONE: "high",
    MatchedBy.PAYER: "fair",
}


class PromptStatus(models.TextChoices):
    SENDING = "sending", "Sending"  # committed before a byte leaves
    WAITING = "waiting", "Waiting for the customer"
    UNKNOWN = "unknown", "Unknown"  # the phone may be asked or not, or have paid
    PAID = "paid", "Paid"
    FAILED = "failed", "Not paid"


PROMPT_NEXT: Mapping[str, frozenset[str]] = {
    PromptStatus.SENDING: frozenset(
        {PromptStatus.WAITING, PromptStatus.UNKNOWN, PromptStatus.PAID, PromptStatus.FAILED}
    ),
    PromptStatus.WAITING: frozenset({PromptStatus.UNKNOWN, PromptStatus.PAID, PromptStatus.FAILED}),
    PromptStatus.UNKNOWN: frozenset({PromptStatus.PAID, PromptStatus.FAILED}),
    PromptStatus.PAID: frozenset(),
    PromptStatus.FAILED: frozenset({PromptStatus.PAID}),  # a receipt is proof, whatever was said before
}
