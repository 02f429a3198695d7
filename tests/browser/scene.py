"""One of everything, so that no page is looked at empty: paid, failed, unknown and held loans, payments, float."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.utils import timezone

from c2b.models import C2bTransaction
from common.changes import By
from disbursements.models import Disbursement
from partners.models import Partner
from tests.browser.stage import Stage
from tests.endtoend.platform import eventually
from wallet import asking
from wallet.purchases import FloatPurchase

PAID = (  # host, client, phone, principal, fee
    ("kilimo", "Grace Wambui", "254710000001", 9500, 0),
    ("kilimo", "Juma Otieno", "254710000002", 24000, 500),
    ("kilimo", "Faraja Chebet", "254710000003", 3200, 0),
    ("pwani", "Hamisi Abdalla", "254720000001", 15000, 300),
    ("pwani", "Imani Were", "254720000002", 6800, 0),
)
REFUSED = ("kilimo", "Daudi Mutua", "254799990033", 4100)  # the phone is not registered for M-Pesa (2040)
DOUBTFUL = ("kilimo", "Lilian Njeri", "254799990071", 7300)  # M-Pesa says "Authorized", whenever it is asked
WITHOUT_PHONE = ("kilimo", "Baraka Barasa", "", 5200)


@dataclass(frozen=True, slots=True)
class Scene:
    """The rows that tests open pages of."""

    paid: Disbursement
    refused: Disbursement
    unknown: Disbursement
    held: Disbursement
    posted: C2bTransaction
    suspended: C2bTransaction
    purchase: FloatPurchase


def play(stage: Stage) -> Scene:
    """Let all of it happen, and wait until it has."""
    loans = [
        (host, stage.approve(host, name, phone, amount, charge=str(fee)))
        for host, name, phone, amount, fee in PAID
    ]
    refused, doubtful = (stage.approve(*one) for one in (REFUSED, DOUBTFUL))
    pathless = stage.approve(*WITHOUT_PHONE)
    purchase = _ask_for_float()
    for host, loan in loans:
        row_in(stage, host, loan, "completed")
    paid = row_in(stage, *loans[1], "completed")
    posted = stage.pay(paid.loan_account_no, "254710000002", 2500)
    suspended = stage.pay("KAMAU HARDWARE", "254733000111", 1800)
    return Scene(
        paid=paid,
        refused=row_in(stage, "kilimo", refused, "failed"),
        unknown=row_in(stage, "kilimo", doubtful, "unknown"),
        held=row_in(stage, "kilimo", pathless, "held"),
        posted=payment(posted, "posted"),
        suspended=payment(suspended, "unmatched"),
        purchase=purchase,
    )


def row_in(stage: Stage, host: str, loan: int, status: str) -> Disbursement:
    """Wait until a loan is in a status."""
    rows = Disbursement.objects.filter(mifos_partner__partner__code=host, mifos_loan_id=loan)
    eventually(lambda: rows.filter(status=status).exists(), f"loan {loan} of {host} is {status}", 45)
    return rows.get()


def payment(receipt: str, status: str) -> C2bTransaction:
    """Wait until a customer's payment is in a status."""
    rows = C2bTransaction.objects.filter(mpesa_receipt=receipt)
    eventually(lambda: rows.filter(status=status).exists(), f"payment {receipt} is {status}", 45)
    return rows.get()


def _ask_for_float() -> FloatPurchase:
    kilimo = Partner.objects.get(code="kilimo")
    wish = asking.Wish(partner_id=kilimo.pk, amount=Decimal(20_000), reason="For the market day")
    by = By(actor=get_user_model().objects.get(username="otieno"))
    return asking.ask(wish=wish, by=by, at=timezone.now())
