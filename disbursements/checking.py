"""Gather the facts, ask the rules, and move a disbursement on, aside or away."""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from common import correlation, rows
from common.gateway import GatewayError, Rejected
from common.moves import LostRace
from common.phone import BadPhone, canonical
from common.remembered import Remembered
from disbursements import checks, limits
from disbursements.checks import Facts, Verdict
from disbursements.models import Disbursement
from disbursements.statuses import NUDGED_FOR, RECHECK, Cause, Status
from mifos.hosts import busy, speaking_to
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import Client, Loan
from partners import pausing
from partners.models import Partner, PauseDial, Shortcode, payout_shortcode

BUSY_GAP = timedelta(seconds=1)
CHECKABLE = (Status.DETECTED, Status.HELD)


def check(*, disbursement_id: UUID, at: datetime) -> bool:
    """Check one detected or held disbursement.

    :returns: whether it is ready to be paid
    :raises LostRace: another worker moved it first
    """
    row = load(disbursement_id)
    if row.status not in CHECKABLE:
        return False
    started = time.monotonic()
    try:
        loan, client = _read_mifos(row, at=at)
    except GatewayError as exc:
        if busy(exc):
            row.due(at + BUSY_GAP)
        else:
            hold(row, _host_trouble(exc), [], at=at)
        return False
    row.outside_ms += round((time.monotonic() - started) * 1000)
    facts, trouble = _facts(row, loan=loan, client=client, at=at)
    verdicts = ([trouble] if trouble else []) + checks.judge(facts)
    if all(verdict.ok for verdict in verdicts) and not limits.limited(facts.rules):
        return _conclude(row, facts, verdicts, at=at)  # one statement
    with transaction.atomic():
        if all(verdict.ok for verdict in verdicts):
            _lock_product(row)
            verdicts += limits.usage(facts)
        return _conclude(row, facts, verdicts, at=at)


def load(disbursement_id: UUID) -> Disbursement:
    """Read a disbursement with what its steps need, and take up its correlation id."""
    row = rows.read(Disbursement, disbursement_id)
    correlation.bind(row.correlation_id)
    return furnish(row)


def furnish(row: Disbursement) -> Disbursement:
    """Put the row's partner, host and product beside it, as they were read a moment ago."""
    row.partner = _partner(row.partner_id)
    row.mifos_partner = _host(row.mifos_partner_id) if row.mifos_partner_id else None
    row.product = _product(row.product_id) if row.product_id else None
    return row


_partner = Remembered[UUID, Partner](lambda row_id: Partner.objects.get(pk=row_id))
_host = Remembered[UUID, MifosPartner](
    lambda row_id: MifosPartner.objects.select_related("partner").get(pk=row_id)
)
_product = Remembered[UUID, LoanProduct](lambda row_id: LoanProduct.objects.get(pk=row_id))


def _read_mifos(row: Disbursement, *, at: datetime) -> tuple[Loan | None, Client | None]:
    host = row.mifos_partner
    if host is None or row.mifos_loan_id is None:
        return None, None
    with speaking_to(host, at=at) as fineract:
        loan = fineract.loan(row.mifos_loan_id, tranches=bool(row.tranche_id))
        return loan, fineract.client(loan.client_id) if loan.client_id else None


def _facts(
    row: Disbursement, *, loan: Loan | None, client: Client | None, at: datetime
) -> tuple[Facts, Verdict | None]:
    rules, trouble = checks.read_rules(row)
    shortcode = payout_shortcode(row.partner_id)
    number, phone_trouble = _phone(row, client)
    facts = Facts(
        disbursement=row,
        at=at,
        loan=loan,
        tranche=next((t for t in loan.tranches if t.id == row.tranche_id), None) if loan else None,
        client=client,
        rules=rules,
        shortcode=shortcode,
        dial=standing_dial(row, shortcode),
        phone=number,
        phone_trouble=phone_trouble,
    )
    return facts, trouble


def standing_dial(row: Disbursement, shortcode: Shortcode | None) -> PauseDial | None:
    """Return the dial that stops this disbursement, if any."""
    return pausing.standing(
        partner_id=row.partner_id, product_id=row.product_id, shortcode_id=shortcode.pk if shortcode else None
    )


def _phone(row: Disbursement, client: Client | None) -> tuple[str, str]:
    if row.source == Disbursement.Source.API:
        return row.phone, ""
    if client is None:
        return "", "the loan belongs to a group, and a group has no phone"
    try:
        return canonical(client.mobile_no), ""
    except BadPhone as exc:
        return "", str(exc)


def _lock_product(row: Disbursement) -> None:
    """Let the checks of one product that count other payments follow each other."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"limits:{row.product_id}"])


def _conclude(row: Disbursement, facts: Facts, verdicts: list[Verdict], *, at: datetime) -> bool:
    refusal = next((verdict for verdict in verdicts if not verdict.ok), None)
    if facts.client is not None:
        row.client_name = facts.client.display_name[:200]
    row.phone = facts.phone
    if refusal is not None and refusal.cause == Cause.AMOUNT_CHANGED and facts.payable is not None:
        row.changed_amount, row.changed_gross_amount = map(checks.cents, facts.payable)
    if refusal is None:
        changes = _seen(row, verdicts) | {"checked_at": at, "next_step_at": at + NUDGED_FOR, "attention": ""}
        row.move(Status.READY, at=at, note="All checks passed.", **changes)
        return True
    if refusal.cancels:
        row.move(
            Status.CANCELLED, at=at, note=refusal.words, evidence=_shown(verdicts), **_seen(row, verdicts)
        )
        return False
    hold(row, refusal, verdicts, at=at)
    return False


def hold(row: Disbursement, refusal: Verdict, verdicts: list[Verdict], *, at: datetime) -> None:
    """Hold a disbursement for the cause of a refusal; the timeline gets a line only when the cause is new."""
    gap = RECHECK.get(refusal.cause)
    again = at + gap if gap else None
    seen = _seen(row, verdicts)
    if row.status == Status.HELD and row.hold_cause == refusal.cause:
        quiet = seen | {"next_step_at": again, "queued_at": None, "reason": refusal.words}
        if not Disbursement.objects.filter(pk=row.pk, status=Status.HELD).update(**quiet):
            raise LostRace(f"{row}: no longer held")
        return
    row.move(
        Status.HELD,
        at=at,
        note=refusal.words,
        evidence=_shown(verdicts),
        hold_cause=refusal.cause,
        next_step_at=again,
        **seen,
    )
    if again is None:
        row.ask_for_person(refusal.words, at=at)


def _seen(row: Disbursement, verdicts: list[Verdict]) -> dict[str, Any]:
    names = ("client_name", "phone", "outside_ms", "changed_amount", "changed_gross_amount")
    seen: dict[str, Any] = {name: getattr(row, name) for name in names}
    return seen | ({"checks": _shown(verdicts)} if verdicts else {})


def _shown(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    return [verdict.shown() for verdict in verdicts]


def _host_trouble(exc: GatewayError) -> Verdict:
    """Say in a verdict why Mifos could not be read; only a definite, odd answer needs a person."""
    if isinstance(exc, Rejected) and not exc.stop:
        return checks.no(
            "mifos", Cause.MIFOS_ANSWER, f"Mifos refused to show the loan: {exc}. Look there, then release."
        )
    return checks.no(
        "mifos", Cause.HOST_DOWN, f"Mifos could not be read: {exc}. It is tried again by itself."
    )
