"""The colour of each state of a top-up and a float purchase."""

from collections.abc import Mapping

from common.tones import Tone
from wallet.bank_models import TopUpStatus
from wallet.purchases import PurchaseStatus

PURCHASES: Mapping[PurchaseStatus, Tone] = {
    PurchaseStatus.ASKED: Tone.WAITING,
    PurchaseStatus.CONFIRMED: Tone.MOVING,
    PurchaseStatus.SENDING: Tone.MOVING,
    PurchaseStatus.ACCEPTED: Tone.WAITING,
    PurchaseStatus.UNKNOWN: Tone.UNKNOWN,
    PurchaseStatus.BOUGHT: Tone.SETTLED,
    PurchaseStatus.FAILED: Tone.OFF,
    PurchaseStatus.CANCELLED: Tone.OFF,
}
TOPUPS: Mapping[TopUpStatus, Tone] = {
    TopUpStatus.ASKED: Tone.MOVING,
    TopUpStatus.SENDING: Tone.MOVING,
    TopUpStatus.PROMPTED: Tone.WAITING,
    TopUpStatus.UNKNOWN: Tone.UNKNOWN,
    TopUpStatus.CREDITED: Tone.SETTLED,
    TopUpStatus.FAILED: Tone.OFF,
    TopUpStatus.EXPIRED: Tone.OFF,
}
