"""What there is: a partner's balances, and what M-Pesa says about its shortcodes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from common import rows
from common.ids import new_id
from common.money import kes, shown
from partners.models import Shortcode
from wallet import drift, operations
from wallet.models import Account, Kind, Transfer, TransferType

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatBalance:
    """A partner's part of a shortcode's float; `observed` is M-Pesa's figure for the whole shortcode."""

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
    minute = at.replace(second=0, microsecond=0)
    rows.run(
        _OBSERVE,
        [at, utility, working, shortcode_id, at, new_id(), shortcode_id, minute, utility, working, at],
    )


_OBSERVE = rows.Statement(
    """with newest as (
        update shortcodes set balance_at = $1, utility_balance = coalesce($2, utility_balance),
            working_balance = coalesce($3, working_balance)
        where id = $4 and (balance_at is null or balance_at <= $5)
    )
    insert into observed_balances (id, shortcode_id, minute, utility, working, observed_at)
    values ($6, $7, $8, $9, $10, $11)
    on conflict (shortcode_id, minute) do update set observed_at = excluded.observed_at,
        utility = coalesce(excluded.utility, observed_balances.utility),
        working = coalesce(excluded.working, observed_balances.working)
    where observed_balances.observed_at <= excluded.observed_at""",
    (
        *("timestamptz", "numeric", "numeric", "uuid", "timestamptz"),
        *("uuid", "uuid", "timestamptz", "numeric", "numeric", "timestamptz"),
    ),
)


def follow_observed(*, shortcode_id: UUID, at: datetime) -> Decimal | None:
    """Set the float of a partner's own shortcode to M-Pesa's figure, which is the truth there.

    Done only while nothing is in flight, nothing was booked around the moment of M-Pesa's figure or since, and
    no bought float is on its way: otherwise a difference may be our own doing, and explaining it away would
    hide it.

    :returns: the signed difference that was booked as unexplained, or None when it is not the moment for it
    :raises ValueError: the shortcode is shared; there the ledger is the only one who knows whose float it is
    """
    shortcode = Shortcode.objects.get(pk=shortcode_id)
    if shortcode.partner_id is None:
        raise ValueError(f"Shortcode {shortcode.number} is shared")
    with transaction.atomic():
        operations.take_turn(shortcode.partner_id)
        free = _quiet_float(shortcode_id, partner_id=shortcode.partner_id)
        shortcode.refresh_from_db(fields=["utility_balance", "balance_at"])
        observed, observed_at = shortcode.utility_balance, shortcode.balance_at
        if free is None or observed is None or observed_at is None:
            return None
        compared = drift.compare(shortcode)
        if compared is None or not compared.exact:
            return None
        inside = Account.objects.filter(shortcode_id=shortcode_id).values("pk")
        touched = Q(from_account__in=inside) | Q(to_account__in=inside)
        if Transfer.objects.filter(touched, created_at__gt=observed_at).exists():
            return None
        return _book_difference(free, observed=observed, observed_at=observed_at, at=at)


def _quiet_float(shortcode_id: UUID, *, partner_id: UUID) -> Account | None:
    """Return the float account, locked against new holds, if nothing of it is held."""
    accounts = Account.objects.select_for_update(no_key=True).order_by("pk")
    rows = accounts.filter(partner_id=partner_id, shortcode_id=shortcode_id)
    both = {account.kind: account for account in rows}
    held = both.get(Kind.FLOAT_HELD)
    return both[Kind.FLOAT] if held and not held.balance else None


def _book_difference(free: Account, *, observed: Decimal, observed_at: datetime, at: datetime) -> Decimal:
    difference = observed - (free.balance or ZERO)
    if difference:
        unexplained = operations.platform_account(Kind.MPESA_UNEXPLAINED)
        more = difference > 0
        operations.transfer(
            type=TransferType.FLOAT_ADJUSTMENT,
            reference=f"{free.shortcode_id}:{observed_at.isoformat()}",
            from_account=unexplained if more else free.pk,
            to_account=free.pk if more else unexplained,
            amount=abs(difference),
            at=at,
            event_at=observed_at,
            description=f"M-Pesa said {shown(observed)}",
        )
    return difference
