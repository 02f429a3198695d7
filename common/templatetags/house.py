"""How templates write times and amounts: as the rest of the house does."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template

from common import money

register = template.Library()


@register.filter
def ago(at: datetime | None) -> str:
    """Say how long ago it was, with the exact time in Nairobi on hover."""
    from common import windows  # it needs unfold, which looks for template tags while it is imported

    return windows.ago(at) if at else "–"


@register.filter
def shown(amount: Decimal | None) -> str:
    """Write an amount for people; a dash where there is none."""
    return "–" if amount is None else money.shown(amount)


_COMES = {
    "disbursement": "A loan appears here seconds after it is approved in Mifos, if its product pays by itself.",
    "attempt": "Each request to M-Pesa for a payout appears here.",
    "c2btransaction": "Customers' paybill payments appear here once a collecting shortcode is registered at M-Pesa.",
    "stkpush": "Prompts that were sent to customers' phones appear here.",
    "topup": "A top-up that is asked for on a phone, from a wallet's page or the API, appears here.",
    "bankcredit": "Money that NCBA tells us of appears here, with the wallet that it went to.",
    "bankdebit": "What left the account at NCBA appears here: the evidence for what we ordered.",
    "partnerwallet": "A wallet is opened with a partner's first money.",
    "wallettransaction": "Every charge, top-up and purchase leaves a line here.",
    "floatpurchase": "Float is bought from a wallet's page, or by a rule; each purchase appears here with its steps.",
    "autofloatrule": "A rule buys float by itself when it runs low, within a limit for each day.",
    "ledgerproof": "Every night all balances are recomputed from their lines; the outcome appears here.",
    "smsnotification": "Messages to clients and partners appear here as they are written.",
    "smstemplate": "Texts that people have changed appear here; all others are those that Payment Vault comes with.",
    "pausedial": "Nothing is paused. A dial that is turned appears here, and as a banner on every page.",
    "auditline": "Whatever a person does is written down here: who, when, why, from where.",
    "inboundmessage": "What M-Pesa, Mifos, NCBA and the SMS gateways send us is kept here, before anything is done.",
    "loanproduct": "Products are read from a partner's Mifos: press “Sync products” on its connection.",
}


@register.filter
def what_comes_here(options: Any) -> str:
    """Say what will be in a list that is still empty, and how to make it appear."""
    return _COMES.get(options.model_name, "They appear here as they are made.")
