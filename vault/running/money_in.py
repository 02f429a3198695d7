"""What the demo's partners and customers pay in: top-ups by three roads, and payments to the partners' paybills."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from c2b import registering
from c2b.models import C2bTransaction
from common.changes import By
from disbursements.models import Disbursement
from disbursements.statuses import Status
from partners.models import Partner, Shortcode
from vault.running import money_rows
from vault.running.outside import Outside
from wallet import bank, topups
from wallet.bank_models import BankCredit
from wallet.models import FLOAT_KINDS, Account, Kind
from wallet.purchases import OPEN, AutoFloatRule, FloatPurchase

BY = By(name="demo")
BANK_ACCOUNT, TILL = "1000000001", "123456"
PUSH = {"push_user": "vault", "push_password": "demo-push", "push_secret": "demo-push-secret"}
PAYBILLS = {"kilimo": "600100", "pwani": "600300"}
PAYERS = {"kilimo": "254711000001", "pwani": "254722000001"}  # who tops up for a partner
BETWEEN_TOPUPS = 12.0  # seconds, in the gentle stream
BETWEEN_PAYMENTS = 3.0
STRANGE_EVERY = 8  # each so-manieth payment names nothing that we know: it goes to suspense
NOTHING = Decimal(0)


@dataclass(kw_only=True)
class MoneyIn:
    """The payers, and how often they paid in this run."""

    outside: Outside
    dice: random.Random
    savings: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # host -> number, client's phone
    topups: int = 0
    payments: int = 0

    def connect(self) -> None:
        """Give the bank and M-Pesa what our book says that they hold, and tell both where to call us."""
        for number, held in money_rows.floats().items():
            self.outside.post("daraja/shortcodes", number=number, utility=str(held + _on_the_way(number)))
        account = bank.active()
        assert account is not None  # the set-up file has one
        addresses = bank.callback_addresses(account)
        self.outside.post(
            "ncba/accounts",
            account=BANK_ACCOUNT,
            balance=str(_at_bank()),
            push_b_url=addresses["paybill"],
            push_c_url=addresses["account"],
        )
        for row in Shortcode.objects.filter(number__in=PAYBILLS.values()):
            registering.register_urls(shortcode_id=row.pk, at=timezone.now(), by=BY)

    def bring_back_orders(self) -> None:
        """Float that was ordered when the last run ended: the bank would still have taken the money for it."""
        for row in FloatPurchase.objects.filter(status__in=OPEN).exclude(route="daraja_topup"):
            self.outside.post(
                "ncba/transfer-in",
                account=BANK_ACCOUNT,
                amount=str(-row.amount),
                narrative=f"FLOAT {row.shortcode.number} {row.reference}",
            )

    def pay(self, *, topups: int, payments: int, first_loan_id: dict[str, int]) -> None:
        """Let top-ups and payments happen until there were so many in all."""
        while self.topups < topups:
            self._top_up()
        while self.payments < payments and self._pay_in(first_loan_id):
            pass

    def _top_up(self) -> None:
        """By turns: a question on a phone, the till, a transfer from another bank; now and then for nobody."""
        code = list(PAYERS)[self.topups % len(PAYERS)]
        road, phone = self.topups // len(PAYERS) % 3, PAYERS[code]
        thousands = self.dice.randrange(5, 100)
        if road == 0:
            self.outside.post("daraja/phones", phone=phone, balance="1000000")
            self._ask(code, phone, Decimal(thousands * 1000))
        elif road == 1:
            named = "NOBODY" if self.topups % STRANGE_EVERY == 2 else code.upper()
            self.outside.post("ncba/pay", till=TILL, code=named, phone=phone, amount=str(thousands * 1000))
        else:
            self.outside.post(
                "ncba/transfer-in",
                account=BANK_ACCOUNT,
                amount=str(thousands * 10_000),
                narrative=f"{TILL}#{code.upper()}",
                name=code.upper(),
            )
        self.topups += 1

    def _ask(self, code: str, phone: str, amount: Decimal) -> None:
        partner = Partner.objects.get(code=code)
        key = f"demo-{uuid4()}"
        topups.ask_topup(partner_id=partner.pk, phone=phone, amount=amount, client_key=key, at=timezone.now())

    def _pay_in(self, first_loan_id: dict[str, int]) -> bool:
        """Let one customer repay a loan or save; False while nobody has anything to pay for."""
        host = list(PAYBILLS)[self.payments % len(PAYBILLS)]
        bill_ref, phone = self._account(host, first_loan_id.get(host, 1))
        if not phone:
            return False
        if self.payments % STRANGE_EVERY == 3:
            bill_ref = f"chama {self.dice.randrange(10, 99)}"
        self.outside.post(
            "daraja/pay",
            shortcode=PAYBILLS[host],
            phone=phone,
            amount=str(self.dice.randrange(100, 1500, 50)),
            bill_ref=bill_ref,
            wait=False,
        )
        self.payments += 1
        return True

    def _account(self, host: str, first_loan_id: int) -> tuple[str, str]:
        """Return what a customer of a partner types, and the phone; nothing while no loan is paid."""
        paid = Disbursement.objects.filter(
            mifos_partner__partner__code=host, mifos_loan_id__gte=first_loan_id, status=Status.COMPLETED
        )
        last = list(paid.order_by("-mifos_loan_id").values_list("mifos_loan_id", "phone")[:100])
        if not last:
            return "", ""
        if self.savings.get(host) and self.dice.random() < 0.3:
            saved, phone = self.dice.choice(self.savings[host])
            return f"S{saved:09d}", phone
        number, phone = self.dice.choice(last)
        return self.dice.choice(("L{:09d}", "l {:09d}", "L-{:09d}")).format(number), phone


def accounts(now_after: int) -> dict[str, dict[str, object]]:
    """Return what the sandbox's bank is to know before anything else, by control path.

    :param now_after: references go on above this one
    """
    return {
        "ncba/references": {"after": now_after},
        "ncba/accounts": {"account": BANK_ACCOUNT, "name": "Payment Vault", "till": TILL, **PUSH},
        "ncba/users": {"user": "vault", "password": "demo-gateway", "subscription_key": "demo-subscription"},
        "ncba/till-users": {"user": "vault-till", "secret": "demo-till"},
    }


def due(*, loans: int | None, seconds: float) -> tuple[int, int]:
    """Return how many top-ups and payments there should have been by now."""
    if loans:
        return 4 + loans // 10, max(4, loans // 2)
    return int(seconds / BETWEEN_TOPUPS) + 1, int(seconds / BETWEEN_PAYMENTS)


def _on_the_way(number: str) -> Decimal:
    rows = FloatPurchase.objects.filter(shortcode__number=number, status__in=OPEN)
    return sum(rows.values_list("amount", flat=True), NOTHING)


def _at_bank() -> Decimal:
    """Return what the bank has to hold: all wallets, what is in suspense, and something of the platform's own."""
    held = Account.objects.exclude(kind__in=FLOAT_KINDS).filter(balance__isnull=False)
    return sum((row.balance or NOTHING for row in held), Decimal(1_000_000))


def settled(*, topups: int, payments: int, since: datetime) -> bool:
    """Whether all that was paid in has come to rest, and no float is being bought or about to be."""
    seen = BankCredit.objects.filter(created_at__gte=since).exclude(status="ignored").count()
    told = C2bTransaction.objects.filter(created_at__gte=since).count()
    return (
        seen >= topups and told >= payments and not money_rows.under_way(since=since) and not _float_is_low()
    )


def _float_is_low() -> bool:
    """Whether a rule is about to buy: its partner's float is below the mark."""
    for rule in AutoFloatRule.objects.filter(is_active=True):
        row = Account.objects.filter(kind=Kind.FLOAT, partner_id=rule.partner_id).first()
        if row and (row.balance or NOTHING) < rule.below:
            return True
    return False
