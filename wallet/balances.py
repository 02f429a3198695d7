"""What there is: a partner's balances, and what M-Pesa says about its shortcodes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from common.ids import new_id
from common.money import kes
from partners.models import Shortcode
from wallet import operations
from wallet.models import FLOAT_KINDS, Account, Kind, LedgerLine, TransferType

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatBalance:
    """A partner's part of what a shortcode can pay out; `observed` is M-Pesa's figure for the whole shortcode."""

    shortcode_id: UUID
    number: str
    available: Decimal
    held: Decimal
    observed: Decimal | None
    observed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """A partner's money: what is free, and what is set aside for work under way."""

    wallet: Decimal
    wallet_held: Decimal
    floats: tuple[FloatBalance, ...]


def of_partner(partner_id: UUID) -> Balances:
    """Return all balances of a partner at one moment; zero where no account was opened."""
    accounts = list(
        Account.objects.filter(partner_id=partner_id)
        .select_related("shortcode")
        .order_by("shortcode__number", "kind")
    )
    found = {(account.kind, account.shortcode_id): account.balance or ZERO for account in accounts}
    return Balances(
        wallet=found.get((Kind.WALLET, None), ZERO),
        wallet_held=found.get((Kind.WALLET_HELD, None), ZERO),
        floats=tuple(
            FloatBalance(
                shortcode_id=shortcode.pk,
                number=shortcode.number,
                available=found[Kind.FLOAT, shortcode.pk],
                held=found[Kind.FLOAT_HELD, shortcode.pk],
                observed=shortcode.utility_balance,
                observed_at=shortcode.balance_at,
            )
            for shortcode in (account.shortcode for account in accounts if account.kind == Kind.FLOAT)
            if shortcode
        ),
    )


def available_for_payout(partner_id: UUID, shortcode_id: UUID) -> tuple[Decimal, Decimal]:
    """Return what is free in the wallet and in the float on a shortcode. Only `hold` makes sure of it."""
    ours = Q(kind=Kind.WALLET) | Q(kind=Kind.FLOAT, shortcode_id=shortcode_id)
    found = dict(Account.objects.filter(ours, partner_id=partner_id).values_list("kind", "balance"))
    return found.get(Kind.WALLET) or ZERO, found.get(Kind.FLOAT) or ZERO


def observe(*, shortcode_id: UUID, utility: Decimal | None, working: Decimal | None, at: datetime) -> None:
    """Keep what M-Pesa says that a shortcode holds; an older figure never replaces a newer one.

    :param at: when M-Pesa's figure held
    """
    utility, working = (None if figure is None else kes(figure) for figure in (utility, working))
    Shortcode.objects.filter(Q(balance_at__isnull=True) | Q(balance_at__lte=at), pk=shortcode_id).update(
        utility_balance=Coalesce(utility, "utility_balance"),
        working_balance=Coalesce(working, "working_balance"),
        balance_at=at,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into observed_balances (id, shortcode_id, minute, utility, working, observed_at)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (shortcode_id, minute) do update set observed_at = excluded.observed_at,
                utility = coalesce(excluded.utility, observed_balances.utility),
                working = coalesce(excluded.working, observed_balances.working)
            where observed_balances.observed_at <= excluded.observed_at""",
            [new_id(), shortcode_id, at.replace(second=0, microsecond=0), utility, working, at],
        )
