"""What must be true before a disbursement is paid: small named rules, each with a verdict in plain words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from common import money, phone
from disbursements.models import Disbursement
from disbursements.statuses import Cause
from mifos.models import MifosPartner
from mifos.rules import DAYS, BadRules, Rules
from mifos.shapes import Client, Loan, Tranche
from partners.models import PauseDial, Shortcode

MPESA_MINIMUM = Decimal(10)  # per payment; Safaricom's B2C limits since Sept 2023
MPESA_MAXIMUM = Decimal(250_000)
NAIROBI = ZoneInfo("Africa/Nairobi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says. A refusal names its cause; `cancels` means that nothing is left to pay."""

    rule: str
    ok: bool
    words: str
    cause: str = ""
    cancels: bool = False

    def shown(self) -> dict[str, Any]:
        return {"rule": self.rule, "ok": self.ok, "words": self.words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules look at, gathered before they are asked. Mifos' side is empty for a direct payout."""

    disbursement: Disbursement
    at: datetime
    loan: Loan | None
    tranche: Tranche | None
    client: Client | None
    rules: Rules
    shortcode: Shortcode | None
    dial: PauseDial | None
    phone: str = ""
    phone_trouble: str = ""

    @property
    def local(self) -> datetime:
        host = self.disbursement.mifos_partner
        return self.at.astimezone(host.zone if host else NAIROBI)

    @property
    def payable(self) -> tuple[Decimal, Decimal] | None:
        """What Mifos says now: (cash for the client, gross to record); None for a direct payout."""
        host = self.disbursement.mifos_partner
        return payable(host, self.loan, self.tranche) if host and self.loan else None


Rule = Callable[[Facts], Verdict]


def payable(host: MifosPartner, loan: Loan, tranche: Tranche | None) -> tuple[Decimal, Decimal]:
    """Return (cash for the client, gross to record) of a loan or of one tranche of it, exactly as Mifos has it."""
    gross = tranche.principal if tranche else loan.approved_principal
    net = tranche.net if tranche else loan.net_disbursal_amount
    return (gross if host.payout_amount == "gross" or net is None else net), gross


def cents(amount: Decimal) -> Decimal:
    """Bring Mifos' six places to our two; what is lost is refused by `amount_payable`, not paid."""
    return amount.quantize(money.CENT, rounding=ROUND_HALF_UP)


def yes(rule: str, words: str) -> Verdict:
    return Verdict(rule=rule, ok=True, words=words)


def no(rule: str, cause: str, words: str) -> Verdict:
    return Verdict(rule=rule, ok=False, cause=cause, words=words)


def gone(rule: str, words: str) -> Verdict:
    return Verdict(rule=rule, ok=False, words=words, cancels=True)


def partner_active(facts: Facts) -> Verdict:
    if facts.disbursement.partner.is_active:
        return yes("partner", "The partner is active.")
    return no("partner", Cause.PARTNER_INACTIVE, "The partner is switched off. Switch it on to pay.")


def not_paused(facts: Facts) -> Verdict:
    if facts.dial is None:
        return yes("pause", "Nothing is paused.")
    return no(
        "pause", Cause.PAUSED, f"Paused ({facts.dial.get_scope_display().lower()}): {facts.dial.reason}"
    )


def product_on(facts: Facts) -> Verdict:
    product = facts.disbursement.product
    if product is None or product.is_auto_disbursement_enabled:
        return yes("product", "The product is paid automatically.")
    return no("product", Cause.PRODUCT_OFF, f"Automatic payment is switched off for {product.product_name}.")


def still_waiting(facts: Facts) -> Verdict:
    loan, tranche = facts.loan, facts.tranche
    if loan is None:
        return yes("loan", "A direct payout: there is no loan to read.")
    if facts.disbursement.tranche_id:
        if tranche is None:
            return gone("loan", "The tranche is no longer planned in Mifos.")
        if tranche.actual_on is not None:
            return gone("loan", f"The tranche was disbursed in Mifos on {tranche.actual_on}, not by us.")
        if loan.waiting_for_disbursal or loan.active:
            return yes("loan", "The tranche still waits for its disbursal in Mifos.")
    elif loan.waiting_for_disbursal:
        return yes("loan", "Mifos shows the loan approved and waiting for disbursal.")
    if loan.status_id == 100:
        return no(
            "loan", Cause.APPROVAL_UNDONE, "The approval was undone in Mifos. It goes on when approved again."
        )
    return gone(
        "loan", f"Mifos shows the loan as {loan.status_text or loan.status_id}; there is nothing to pay."
    )


def no_fraud(facts: Facts) -> Verdict:
    if facts.loan is None or not facts.loan.fraud:
        return yes("fraud", "Mifos has not marked the loan as fraud.")
    return no("fraud", Cause.BLOCKED, "Mifos has marked the loan as fraud.")


def amount_said(facts: Facts) -> Verdict:
    host, part = facts.disbursement.mifos_partner, facts.tranche or facts.loan
    net = part.net if isinstance(part, Tranche) else part.net_disbursal_amount if part else None
    if host is None or part is None or net is not None or host.payout_amount == "gross":
        return yes("net amount", "It is said how much the client should get.")
    words = "Mifos does not say how much the client should get after charges (netDisbursalAmount); nobody guesses."
    return no("net amount", Cause.AMOUNT, words)


def amount_unchanged(facts: Facts) -> Verdict:
    ours = facts.disbursement
    if facts.payable is None or tuple(map(cents, facts.payable)) == (ours.amount, ours.gross_amount):
        return yes("amount", f"{money.shown(ours.amount)}, as approved.")
    now = money.shown(facts.payable[0])
    words = (
        f"Mifos now says {now}; it was {money.shown(ours.amount)} when the approval was seen. Check, release."
    )
    return no("amount", Cause.AMOUNT_CHANGED, words)


def amount_payable(facts: Facts) -> Verdict:
    amount = facts.payable[0] if facts.payable else facts.disbursement.amount
    try:
        money.whole_shillings(amount)
    except money.BadAmount as exc:
        return no("limits", Cause.AMOUNT, f"{exc}. Change the loan in Mifos.")
    if not MPESA_MINIMUM <= amount <= MPESA_MAXIMUM:
        limits = f"{money.shown(MPESA_MINIMUM)} to {money.shown(MPESA_MAXIMUM)}"
        return no(
            "limits",
            Cause.AMOUNT,
            f"{money.shown(amount)} is outside M-Pesa's limits of {limits} for one payment.",
        )
    return _within_product(facts)


def _within_product(facts: Facts) -> Verdict:
    product, gross = facts.disbursement.product, facts.disbursement.gross_amount
    if (
        product is None or facts.disbursement.tranche_id
    ):  # a tranche is a part; the limits are the whole loan's
        return yes("limits", "Within M-Pesa's limits, whole shillings.")
    low, high = product.min_disbursement_amount, product.max_disbursement_amount
    if low is not None and gross < low:
        return no(
            "limits",
            Cause.AMOUNT,
            f"{money.shown(gross)} is below the product's minimum of {money.shown(low)}.",
        )
    if high is not None and gross > high:
        return no(
            "limits",
            Cause.AMOUNT,
            f"{money.shown(gross)} is above the product's maximum of {money.shown(high)}.",
        )
    return yes("limits", "Within the limits of M-Pesa and of the product, whole shillings.")


def shillings(facts: Facts) -> Verdict:
    product = facts.disbursement.product
    if product is None or product.currency == "KES":
        return yes("currency", "Kenyan shillings.")
    return no(
        "currency", Cause.AMOUNT, f"The product is in {product.currency}; M-Pesa pays Kenyan shillings only."
    )


def client_active(facts: Facts) -> Verdict:
    if facts.client is None or facts.client.active:
        return yes("client", "The client is active.")
    words = f"Mifos shows the client as {facts.client.status_text or 'not active'}."
    return no("client", Cause.CLIENT_INACTIVE, f"{words} Activate the client in Mifos, then release.")


def phone_usable(facts: Facts) -> Verdict:
    if facts.phone_trouble:
        words = (
            f"The client's phone cannot be paid: {facts.phone_trouble}. Correct it in Mifos, then release."
        )
        return no("phone", Cause.PHONE, words)
    if facts.phone in facts.rules.blocked_phones:
        return no(
            "phone", Cause.BLOCKED, f"{phone.masked(facts.phone)} is on the product's list of blocked phones."
        )
    return yes("phone", f"{phone.masked(facts.phone)} is a Kenyan mobile number.")


def old_enough(facts: Facts) -> Verdict:
    least = facts.rules.minimum_approval_age_seconds
    if not least:
        return yes("age", "No minimum age of the approval is set.")
    ripe_at = facts.disbursement.detected_at + timedelta(seconds=least)
    if facts.at >= ripe_at:
        return yes("age", f"Approved more than {least} seconds ago.")
    return no(
        "age",
        Cause.TOO_YOUNG,
        f"Approvals are paid after {least} seconds; this one at {_clock(ripe_at, facts)}.",
    )


def allowed_time(facts: Facts) -> Verdict:
    rules, local = facts.rules, facts.local
    if rules.allowed_days is not None and local.weekday() not in rules.allowed_days:
        days = ", ".join(DAYS[day] for day in sorted(rules.allowed_days))
        return no("hours", Cause.OUTSIDE_HOURS, f"Payments go out on {days} only.")
    start, end = rules.allowed_from, rules.allowed_until
    now = local.time().replace(tzinfo=None)
    after_start, before_end = start is None or now >= start, end is None or now < end
    over_midnight = start is not None and end is not None and end <= start
    inside = (after_start or before_end) if over_midnight else (after_start and before_end)
    if inside:
        return yes("hours", "Within the allowed hours and days.")
    words = f"Payments go out from {start or 'midnight'} to {end or 'midnight'}; it is {local:%H:%M} there."
    return no("hours", Cause.OUTSIDE_HOURS, words)


def shortcode_found(facts: Facts) -> Verdict:
    if facts.shortcode is not None:
        return yes("shortcode", f"Shortcode {facts.shortcode.number} pays.")
    return no(
        "shortcode", Cause.SHORTCODE, "No active B2C shortcode: give the partner one, or set up a shared one."
    )


def second_person(facts: Facts) -> Verdict:
    ours, limit = facts.disbursement, facts.disbursement.partner.approval_limit
    if limit is None or ours.amount <= limit:
        return yes("second person", "No second person is needed for this amount.")
    if ours.second_approver_id:
        return yes("second person", "Two people have approved the amount.")
    words = (
        f"{money.shown(ours.amount)} is above the limit of {money.shown(limit)}: two people must approve it."
    )
    return no("second person", Cause.SECOND_PERSON, words)


def not_held_by_person(facts: Facts) -> Verdict:
    cause = facts.disbursement.hold_cause
    if cause in (Cause.BY_PERSON, Cause.CONTRADICTION):
        return no("person", cause, facts.disbursement.reason)
    return yes("person", "Nobody has stopped it.")


RULES: tuple[Rule, ...] = (
    still_waiting,
    no_fraud,
    not_held_by_person,
    partner_active,
    not_paused,
    product_on,
    shillings,
    amount_said,
    amount_unchanged,
    amount_payable,
    client_active,
    phone_usable,
    old_enough,
    allowed_time,
    shortcode_found,
    second_person,
)


def judge(facts: Facts) -> list[Verdict]:
    """Ask every rule. A refusal whose cause people have waived counts as a yes."""
    return [waive(rule(facts), facts.disbursement) for rule in RULES]


def waive(verdict: Verdict, disbursement: Disbursement) -> Verdict:
    by = next((item["by"] for item in disbursement.waived if item["cause"] == verdict.cause), None)
    if verdict.ok or verdict.cancels or by is None:
        return verdict
    return yes(verdict.rule, f"{verdict.words} Released by {by}.")


def read_rules(disbursement: Disbursement) -> tuple[Rules, Verdict | None]:
    """Return the product's rules; broken ones stop everything until a person mends them."""
    if disbursement.product is None:
        return Rules(), None
    try:
        return disbursement.product.rules, None
    except BadRules as exc:
        words = f"The rules of {disbursement.product.product_name} cannot be read: {exc}"
        return Rules(), no("rules", Cause.PRODUCT_OFF, words)


def _clock(moment: datetime, facts: Facts) -> str:
    return f"{moment.astimezone(facts.local.tzinfo):%H:%M:%S}"
