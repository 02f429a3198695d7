"""What M-Pesa asks and allows, by date. Safaricom's form "C1-Public", registered recipients."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from decimal import Decimal

Bands = tuple[tuple[int, int], ...]  # (up to and including, KES)
Table = tuple[tuple[date, Bands], ...]  # oldest first

B2C_FEES: Table = (
    (date(2023, 1, 1), ((100, 0), (1_500, 4), (5_000, 8), (20_000, 10), (150_000, 12))),
    # The form ends at 150,000; the Central Bank and the press extend its last band to 250,000.
    (date(2023, 8, 15), ((100, 0), (1_500, 5), (5_000, 9), (20_000, 11), (250_000, 13))),
)
WITHDRAWAL_FEES: Bands = (
    (49, 0),
    (100, 11),
    (2_500, 29),
    (3_500, 52),
    (5_000, 69),
    (7_500, 87),
    (10_000, 115),
    (15_000, 167),
    (20_000, 185),
    (35_000, 197),
    (50_000, 278),
    (250_000, 309),
)
# Paybill, shared ("Mgao"), 2024: (up to and including, the customer pays, the business pays). A secondary source.
MGAO: tuple[tuple[int, int, int], ...] = (
    (100, 0, 0),
    (500, 5, 0),
    (1_000, 10, 0),
    (1_500, 10, 5),
    (2_500, 13, 7),
    (3_500, 16, 9),
    (5_000, 16, 18),
    (7_500, 17, 25),
    (10_000, 18, 30),
    (15_000, 18, 39),
    (20_000, 19, 43),
    (25_000, 20, 47),
    (30_000, 20, 52),
    (35_000, 21, 62),
    (40_000, 23, 76),
    (45_000, 23, 80),
    (250_000, 24, 84),
)
C2B_TARIFFS = ("none", "mgao", "customer", "business")
MINIMUM = Decimal(10)
MAXIMUM = Decimal(250_000)
MAXIMUM_BALANCE = Decimal(500_000)
MAXIMUM_PER_DAY = Decimal(500_000)


def b2c_fee(amount: Decimal, on: date, *, withdrawal: bool = False, table: Table = B2C_FEES) -> Decimal:
    """What the business pays for a payout of that amount on that day."""
    bands = next((bands for start, bands in reversed(table) if start <= on), table[0][1])
    return _band(bands, amount) + (_band(WITHDRAWAL_FEES, amount) if withdrawal else 0)


def c2b_fees(amount: Decimal, tariff: str) -> tuple[Decimal, Decimal]:
    """What customer and business pay for a payment to a paybill; ``customer`` or ``business`` bears all of it."""
    if tariff == "none":
        return Decimal(0), Decimal(0)
    place = min(bisect_left([limit for limit, *_ in MGAO], amount), len(MGAO) - 1)
    _limit, customer, business = MGAO[place]
    if tariff == "customer":
        return Decimal(customer + business), Decimal(0)
    if tariff == "business":
        return Decimal(0), Decimal(customer + business)
    return Decimal(customer), Decimal(business)


def _band(bands: Bands, amount: Decimal) -> Decimal:
    place = bisect_left([limit for limit, _fee in bands], amount)
    return Decimal(bands[min(place, len(bands) - 1)][1])
