"""A ground where customers pay to partners' paybills: borrowers with loans and savings, M-Pesa's notices and lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vault.running.ground import Ground, Lender

BORROWED = 8000  # so little that a few payments repay it, and the next one has to go elsewhere
PULL_PHONE = "254711000001"
PAYERS_FROM = 500_000  # above the phones of the loans that are approved during the run
PREFIXES = {"L": "loan", "S": "savings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paybill:
    """How a partner collects. Without Pull somebody imports its statement."""

    number: str
    version: str = "v2"
    validates: bool = True  # M-Pesa asks us before it takes the money
    pulls: bool = True
    rule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def secrets(self) -> dict[str, str]:
        return {"consumer_key": f"paybill-{self.number}", "consumer_secret": f"secret-{self.number}"}

    def as_part(self) -> dict[str, Any]:
        """Return it as a set-up file says it."""
        part = {"number": self.number, "kind": "c2b", "version": self.version} | self.secrets
        return part | ({"pull_phone": PULL_PHONE} if self.pulls else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrower:
    """A client with an active loan; `savings_id` is 0 for one who saves nothing."""

    code: str
    client_id: int
    phone: str
    loan_id: int
    savings_id: int


@dataclass(kw_only=True)
class PaybillGround(Ground):
    """All processes, and customers who pay. Call `register` once Django is usable."""

    paybills: Mapping[str, Paybill]  # by the partner's code
    borrowers_each: int = 10
    borrowers: dict[str, list[Borrower]] = field(default_factory=dict)

    def _set_up_outside(self) -> None:
        super()._set_up_outside()
        for code, paybill in self.paybills.items():
            self.outside.post(
                "daraja/shortcodes",
                number=paybill.number,
                kind="c2b",
                external_validation=paybill.validates,
                **paybill.secrets,
            )
            lender = next(one for one in self.lenders if one.code == code)
            self.borrowers[code] = [self._borrower(lender, place) for place in range(self.borrowers_each)]

    def _borrower(self, lender: Lender, place: int) -> Borrower:
        """Let a client have got a loan from the office, long before we were there; every second one saves."""
        path, phone = f"fineract/{lender.code}", str(lender.first_phone + PAYERS_FROM + place)
        client = self.outside.post(f"{path}/clients", mobile_no=phone)["id"]
        asked = {"client_id": client, "product_id": 1, "principal": str(BORROWED), "approve": True}
        loan = self.outside.post(f"{path}/loans", **asked)["id"]
        self.outside.post(f"{path}/loans/{loan}/disburse-by-hand")
        saves = place % 2 == 0
        savings = self.outside.post(f"{path}/savings", client_id=client)["id"] if saves else 0
        return Borrower(code=lender.code, client_id=client, phone=phone, loan_id=loan, savings_id=savings)

    def _setup(self, certificate: Path) -> dict[str, Any]:
        setup = super()._setup(certificate)
        for part in setup["partners"]:
            if paybill := self.paybills.get(part["code"]):
                part["shortcodes"] = [*part.get("shortcodes", []), paybill.as_part()]
                part["collections"] = {"prefixes": PREFIXES} | dict(paybill.rule)
        return setup

    def register(self) -> None:
        """Tell M-Pesa where to send its notices."""
        from django.utils import timezone

        from c2b import registering
        from common.changes import By
        from partners.models import Shortcode

        for row in Shortcode.objects.filter(number__in=[one.number for one in self.paybills.values()]):
            registering.register_urls(shortcode_id=row.pk, at=timezone.now(), by=By(name="ground"))

    def pay(self, borrower: Borrower, amount: int, bill_ref: str) -> None:
        """Let a customer pay; M-Pesa asks us, books it and tells us while we go on."""
        self.outside.post(
            "daraja/pay",
            shortcode=self.paybills[borrower.code].number,
            phone=borrower.phone,
            amount=str(amount),
            bill_ref=bill_ref,
            wait=False,
        )
