"""How much of a payment an account takes, and where the rest goes: the partner's rule, and nothing else."""

from dataclasses import dataclass
from decimal import Decimal

from c2b.set_up import CollectionRule
from common.money import shown
from mifos.accounts import ACTIVE, CLOSED, OVERPAID, Account, AccountKind

Excess = CollectionRule.Excess
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the account takes. `to_savings`: the rest goes there, else to suspense; `words` say why.

    `wait`: the loan's totals are not to be believed yet.
    """

    take: Decimal
    to_savings: bool = False
    words: str = ""
    wait: bool = False


def plan(amount: Decimal, account: Account, *, excess: str, by_person: bool) -> Plan:
    """Divide an amount that is meant for an account.

    :param excess: the partner's rule (`CollectionRule.Excess`)
    :param by_person: somebody chose this account and this amount, so that only Mifos itself can refuse it
    """
    if account.kind == AccountKind.SAVINGS:
        return _savings(amount, account)
    if account.status_id in (CLOSED, OVERPAID):
        if by_person or excess == Excess.POST:
            return Plan(take=amount)
        return _elsewhere(NOTHING, excess, f"The loan has ended ({account.status_text}).")
    if account.status_id != ACTIVE:
        rule = Excess.SUSPENSE if by_person else excess
        return _elsewhere(NOTHING, rule, f"The loan is {account.status_text or account.status_id}.")
    if by_person or excess == Excess.POST:
        return Plan(take=amount)
    if not account.outstanding:  # an active loan owes something: older releases show totals late
        return Plan(take=NOTHING, wait=True, words="Mifos shows an active loan that owes nothing.")
    if amount <= account.outstanding:
        return Plan(take=amount)
    over = shown(amount - account.outstanding)
    return _elsewhere(account.outstanding, excess, f"{over} more than the loan owes.")


def _savings(amount: Decimal, account: Account) -> Plan:
    if account.active and account.plain:
        return Plan(take=amount)
    why = "takes no deposits" if account.active else f"is {account.status_text or account.status_id}"
    return Plan(take=NOTHING, words=f"The savings account {why}.")


def _elsewhere(take: Decimal, excess: str, words: str) -> Plan:
    return Plan(take=take, to_savings=excess == Excess.SAVINGS, words=words)
