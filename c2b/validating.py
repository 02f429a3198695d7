"""Answer within the deadline whether a customer may pay, and say yes when in doubt."""

import time
from datetime import datetime

import structlog

from c2b import finding
from c2b.reading import collector_of, host_of, partner_of, rule_of
from c2b.set_up import CollectionRule
from common.gateway import GatewayError
from common.http import Timeout
from common.phone import sha256
from mifos.accounts import Account, Hit
from mifos.client import Mifos
from mifos.collecting import ACCOUNTS
from mifos.hosts import speaking_to
from mifos.models import MifosPartner
from mifos.shapes import Client
from mpesa.collections import Notice
from partners.models import Shortcode

log = structlog.get_logger("c2b.validation")

ACCEPTED = "0"
BAD_PHONE = "C2B00011"
BAD_ACCOUNT = "C2B00012"
BAD_AMOUNT = "C2B00013"
# C2B00014, "Invalid KYC Details", has no rule here: M-Pesa tells of a payer's identity only a first name, often none,
# and a relative who repays somebody else's loan is welcome. What a name cannot prove must not refuse money.
BAD_SHORTCODE = "C2B00015"
OTHER = "C2B00016"

DEADLINE = 5.0  # seconds for all that is asked of Mifos; M-Pesa waits for about eight
_PATIENCE = Timeout(connect=1.0, read=2.0)


class TooLate(Exception):
    """There is no time left for one more question."""


def judge(notice: Notice | None, *, shortcode: Shortcode, at: datetime) -> str:
    """Return `0`, or M-Pesa's code for why the payment is refused."""
    if notice is None:
        return OTHER
    own = {shortcode.number, collector_of(shortcode).store_number}
    if not shortcode.is_active or (notice.shortcode and notice.shortcode not in own):
        return BAD_SHORTCODE
    if notice.amount is None or notice.amount <= 0:
        return BAD_AMOUNT
    if shortcode.partner_id is None:
        return ACCEPTED
    if not partner_of(shortcode.partner_id).is_active:
        return OTHER
    rule = rule_of(shortcode.partner_id)
    if not rule.min_amount <= notice.amount <= rule.max_amount:
        return BAD_AMOUNT
    if _blocked(notice, rule):
        return BAD_PHONE
    return _account(notice, rule, at=at) if rule.refuse_unknown else ACCEPTED


def _blocked(notice: Notice, rule: CollectionRule) -> bool:
    who = notice.payer
    return any(phone == who.phone or sha256(phone) == who.digest for phone in rule.blocked_phones)


def _account(notice: Notice, rule: CollectionRule, *, at: datetime) -> str:
    """Refuse only what a completed look-up does not find: several accounts, or no answer, are doubt."""
    host = host_of(rule.partner_id)
    if host is None:
        return ACCEPTED
    if finding.known(notice.bill_ref, rule=rule, mifos_partner_id=host.pk, at=at, within=finding.FRESH):
        return ACCEPTED
    try:
        found = _look_up(notice, rule, host, at=at)
    except (GatewayError, TooLate) as exc:
        log.info("accepted in doubt", partner=str(rule.partner_id), reason=type(exc).__name__)
        return ACCEPTED
    return ACCEPTED if found else BAD_ACCOUNT


def _look_up(notice: Notice, rule: CollectionRule, host: MifosPartner, *, at: datetime) -> bool:
    """Whether Mifos has anything that the customer can mean.

    :raises Rejected, Retryable, TooLate: it cannot be said
    """
    ends = time.monotonic() + DEADLINE
    with speaking_to(host, at=at, timeout=_PATIENCE, wait=0.2) as client:
        found = finding.search(notice.bill_ref, notice.payer, rule=rule, client=_InTime(client, ends))
    return found.target is not None or found.doubt


class _InTime:
    """Asks no question whose answer could come too late."""

    def __init__(self, client: Mifos, ends: float) -> None:
        self._client, self._ends = client, ends

    def search(self, text: str, *, among: str = ACCOUNTS) -> tuple[Hit, ...]:
        return self._in_time().search(text, among=among)

    def client(self, client_id: int) -> Client:
        return self._in_time().client(client_id)

    def accounts_of(self, client_id: int) -> tuple[Account, ...]:
        return self._in_time().accounts_of(client_id)

    def _in_time(self) -> Mifos:
        """:raises TooLate: the time left does not suffice"""
        if time.monotonic() + _PATIENCE.connect + _PATIENCE.read > self._ends:
            raise TooLate
        return self._client
