"""Limits that count other payments: of the client, of the product, and payments that look alike."""

from datetime import timedelta
from decimal import Decimal

from django.db import models

from common import money
from disbursements.checks import Facts, Verdict, no, waive, yes
from disbursements.models import Disbursement
from disbursements.statuses import Cause
from mifos.rules import Rules


def limited(rules: Rules) -> bool:
    """Whether the rules count other payments, so that checks of one product must follow each other."""
    counted = (
        rules.max_per_client_per_day,
        rules.max_amount_per_client_per_day,
        rules.max_per_product_per_day,
        rules.max_amount_per_product_per_day,
        rules.similar_payment_minutes,
    )
    return any(limit is not None for limit in counted)


def usage(facts: Facts) -> list[Verdict]:
    """Judge the limits that count other payments of the day. Call it under the product's lock."""
    ours, rules = facts.disbursement, facts.rules
    midnight = facts.local.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Disbursement.objects.filter(product_id=ours.product_id, checked_at__gte=midnight).exclude(
        pk=ours.pk
    )
    today = today.exclude(status__in=["detected", "held", "failed", "cancelled"])
    of_client = today.filter(mifos_client_id=ours.mifos_client_id)
    verdicts = [
        _limit(
            "the client",
            of_client,
            rules.max_per_client_per_day,
            rules.max_amount_per_client_per_day,
            ours.amount,
        ),
        _limit(
            "the product",
            today,
            rules.max_per_product_per_day,
            rules.max_amount_per_product_per_day,
            ours.amount,
        ),
        _similar(facts),
    ]
    return [waive(verdict, ours) for verdict in verdicts]


def _limit(
    whose: str,
    paid: "models.QuerySet[Disbursement]",
    count: int | None,
    amount: Decimal | None,
    ours: Decimal,
) -> Verdict:
    rule = f"limits of {whose}"
    if count is None and amount is None:
        return yes(rule, f"No daily limit is set for {whose}.")
    sums = paid.aggregate(count=models.Count("pk"), amount=models.Sum("amount", default=Decimal(0)))
    if count is not None and sums["count"] + 1 > count:
        return no(rule, Cause.DAY_LIMIT, f"{sums['count']} paid today for {whose}; at most {count} a day.")
    if amount is not None and sums["amount"] + ours > amount:
        total = money.shown(sums["amount"] + ours)
        return no(
            rule,
            Cause.DAY_LIMIT,
            f"With this one {total} today for {whose}; at most {money.shown(amount)} a day.",
        )
    return yes(rule, f"Within the daily limits for {whose}.")


def _similar(facts: Facts) -> Verdict:
    ours, minutes = facts.disbursement, facts.rules.similar_payment_minutes
    if minutes is None:
        return yes("similar", "Similar payments are not looked for.")
    recent = Disbursement.objects.filter(
        partner_id=ours.partner_id,
        phone=facts.phone,
        amount=ours.amount,
        checked_at__gte=facts.at - timedelta(minutes=minutes),
    )
    twin = recent.exclude(pk=ours.pk).exclude(status__in=["detected", "held", "failed", "cancelled"]).first()
    if twin is None:
        return yes("similar", f"No similar payment in the last {minutes} minutes.")
    words = f"The same phone got as much within {minutes} minutes (loan {twin.mifos_loan_id or 0}). Check, release."
    return no("similar", Cause.SIMILAR, words)
