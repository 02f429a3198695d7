"""Random work on several partners, compared step by step with a plain model in Python."""

from collections import defaultdict
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from common.ids import new_id
from tests import make
from tests.wallet.make_wallet import Funded, capture, funded, release
from wallet import operations
from wallet.models import Kind
from wallet.operations import Contradiction, InsufficientFunds
from wallet.proof import prove

PARTNERS = ("kilimo", "mlima", "ziwa")
partners = st.sampled_from(PARTNERS)
amounts = st.decimals(min_value="0.01", max_value="400", places=2)
purposes = st.sampled_from(["payout", "float_purchase"])


class Ledger(RuleBasedStateMachine):
    """Money as a dictionary: what the database must agree with."""

    holds = Bundle("holds")
    transfers = Bundle("transfers")

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()  # each run begins with an empty ledger
        self.undone.__enter__()
        shared = make.shortcode()
        self.books: dict[str, Funded] = {
            code: funded(code, wallet=500, float_=500, shortcode=shared) for code in PARTNERS
        }
        self.money: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for code in PARTNERS:
            self.money[code, "wallet"] = self.money[code, "float"] = Decimal(500)
        self.ended: dict[UUID, str] = {}
        self.settled: set[UUID] = set()

    def move(self, code: str, source: str, target: str, amount: Decimal) -> None:
        self.money[code, source] -= amount
        self.money[code, target] += amount

    @rule(target=holds, code=partners, principal=amounts, charge=amounts, purpose=purposes)
    def hold(self, code: str, principal: Decimal, charge: Decimal, purpose: str) -> object:
        source = "float" if purpose == "payout" else "wallet"
        needs: dict[str, Decimal] = defaultdict(Decimal)
        needs["wallet"] += charge
        needs[source] += principal
        enough = all(self.money[code, kind] >= needed for kind, needed in needs.items())
        try:
            reference = self.books[code].hold(principal=principal, charge=charge, purpose=purpose)
        except InsufficientFunds:
            assert not enough
            return multiple()
        assert enough
        self.move(code, "wallet", "wallet_held", charge)
        self.move(code, source, f"{source}_held", principal)
        return code, reference, principal, charge, source

    @rule(held=holds, again=st.booleans(), end=st.sampled_from(["captured", "released"]))
    def end(self, held: tuple[str, UUID, Decimal, Decimal, str], again: bool, end: str) -> None:
        code, reference, principal, charge, source = held
        before = self.ended.setdefault(reference, end)
        for _ in range(1 + again):
            try:
                (capture if end == "captured" else release)(reference)
            except Contradiction:
                assert before != end
            else:
                assert before == end
        if reference in self.settled:
            return
        self.settled.add(reference)
        bought = "float" if source == "wallet" else "customers"
        self.move(code, "wallet_held", "wallet" if end == "released" else "fees", charge)
        self.move(code, f"{source}_held", source if end == "released" else bought, principal)

    @rule(
        target=transfers, code=partners, amount=amounts, ends=st.permutations(["wallet", "float", "suspense"])
    )
    def transfer(self, code: str, amount: Decimal, ends: list[str]) -> object:
        source, goal = ends[:2]
        enough = source == "suspense" or self.money[code, source] >= amount
        try:
            booked = operations.transfer(
                type="correction",
                reference=str(new_id()),
                from_account=self.account(code, source),
                to_account=self.account(code, goal),
                amount=amount,
                at=make.NOW,
            )
        except InsufficientFunds:
            assert not enough
            return multiple()
        assert enough
        self.move(code, source, goal, amount)
        return code, booked, source, goal, amount

    @rule(booked=consumes(transfers))
    def reverse(self, booked: tuple[str, UUID, str, str, Decimal]) -> None:
        code, transfer_id, source, goal, amount = booked
        enough = goal == "suspense" or self.money[code, goal] >= amount
        try:
            operations.reverse(transfer_id=transfer_id, at=make.NOW, reason="wrong")
        except InsufficientFunds:
            assert not enough
        else:
            assert enough
            self.move(code, goal, source, amount)

    def account(self, code: str, kind: str) -> UUID:
        if kind == "suspense":
            return operations.platform_account(Kind.SUSPENSE)
        return self.books[code].account(kind)

    @invariant()
    def agrees(self) -> None:
        for code, books in self.books.items():
            kinds = ("wallet", "wallet_held", "float", "float_held")
            assert books.money() == tuple(self.money[code, kind] for kind in kinds)

    def teardown(self) -> None:
        try:
            assert not prove().differences
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)


@pytest.mark.django_db
def test_the_ledger_agrees_with_a_plain_model_whatever_happens() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, derandomize=True, database=None
        ),
    )
