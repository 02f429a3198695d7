"""What people may do with a disbursement from its page: when it is offered, to whom, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common.moves import ForbiddenMove, LostRace
from common.windows import ReasonForm
from disbursements import deciding, pages, story
from disbursements.deciding import NotPossible
from disbursements.models import Disbursement, SettlementProposal
from disbursements.statuses import NEEDS_TWO, OPEN, Cause, Status

OPERATE, APPROVE, EITHER = "operate", "approve", "operate_or_approve"  # rights: see the model's permissions


class About(BaseDialogForm):  # type: ignore[misc]
    """A dialog that names the payment and the amount before anything is done."""

    form_before_template = "disbursements/about.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        row = Disbursement.objects.select_related("partner").filter(pk=object_id).first()
        if row is None:
            return {}
        return {
            "row": row,
            "what": story.who_and_how_much(row),
            "title": str(row).capitalize(),
            "proposal": pages.open_proposal(row),
        }


class AboutWithReason(About, ReasonForm):
    """The same, and why it is done."""


class Proposal(About, ReasonForm):
    """What became of an unknown payment, with the proof."""

    outcome = forms.ChoiceField(choices=SettlementProposal.Outcome.choices, widget=UnfoldAdminSelectWidget)
    receipt = forms.CharField(
        max_length=20,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="M-Pesa's receipt from the statement, if it was paid.",
    )
    field_order = ["outcome", "receipt", "reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Somebody pressed a button: on which row, who, and what they wrote."""

    disbursement_id: UUID
    by: AbstractBaseUser
    at: datetime
    said: Mapping[str, Any]

    @property
    def reason(self) -> str:
        return str(self.said.get("reason", ""))


Do = Callable[[Press], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One button. `do` returns what was done, in words."""

    label: str
    title: str
    meaning: str
    icon: str
    do: Do
    right: str = OPERATE
    form: type[BaseDialogForm] = AboutWithReason
    danger: bool = False
    primary: bool = False


def _hold(press: Press) -> str:
    deciding.hold(disbursement_id=press.disbursement_id, by=press.by, reason=press.reason, at=press.at)
    return "Held. It stays until somebody releases it."


def _release(press: Press) -> str:
    deciding.release(disbursement_id=press.disbursement_id, by=press.by, reason=press.reason, at=press.at)
    return "Released. The checks run again now."


def _approve(press: Press) -> str:
    both = deciding.approve(
        disbursement_id=press.disbursement_id, by=press.by, reason=press.reason, at=press.at
    )
    return (
        "Approved by two people. It goes on now."
        if both
        else "Your approval is noted; another person must approve too."
    )


def _retry(press: Press) -> str:
    deciding.retry(disbursement_id=press.disbursement_id, by=press.by, reason=press.reason, at=press.at)
    return "It is tried again, after new checks."


def _cancel(press: Press) -> str:
    deciding.cancel(disbursement_id=press.disbursement_id, by=press.by, reason=press.reason, at=press.at)
    return "Cancelled. Nothing will be paid by us."


def _ask(press: Press) -> str:
    deciding.ask_now(disbursement_id=press.disbursement_id, by=press.by, at=press.at)
    return "M-Pesa is asked within seconds."


def _propose(press: Press) -> str:
    deciding.propose_settlement(
        disbursement_id=press.disbursement_id,
        outcome=press.said["outcome"],
        receipt=press.said["receipt"],
        note=press.reason,
        by=press.by,
        at=press.at,
    )
    return "Your proposal is noted. Nothing moves until another person agrees."


def _decide(press: Press, *, agree: bool) -> str:
    row = Disbursement.objects.get(pk=press.disbursement_id)
    proposal = pages.open_proposal(row)
    if proposal is None:
        raise NotPossible("There is no open proposal any more.")
    deciding.decide_settlement(
        proposal_id=proposal.pk, agree=agree, by=press.by, reason=press.reason, at=press.at
    )
    return "Settled by two people." if agree else "Refused. It is unknown as before, and M-Pesa is asked on."


ACTS: Mapping[str, Act] = {
    "release": Act(
        label="Release",
        title="Release this payment",
        meaning="It is checked again at once and paid if nothing else speaks against it. A limit, an hour or a "
        "likeness is waived in your name; a changed amount is accepted as it is shown.",
        icon="play_circle",
        do=_release,
        primary=True,
    ),
    "approve": Act(
        label="Approve",
        title="Approve this amount",
        meaning="It is above the partner's limit, so two people must approve it. The second approval lets it go.",
        icon="how_to_reg",
        do=_approve,
        right=APPROVE,
        primary=True,
    ),
    "retry": Act(
        label="Try again",
        title="Try this payment again",
        meaning="The checks run again, and then a new attempt is made. No earlier attempt was paid.",
        icon="replay",
        do=_retry,
        primary=True,
    ),
    "ask": Act(
        label="Ask M-Pesa now",
        title="Ask M-Pesa now",
        meaning="The next question is brought forward. No money moves by it.",
        icon="contact_support",
        do=_ask,
        form=About,
    ),
    "propose": Act(
        label="Propose a settlement",
        title="Say what became of this payment",
        meaning="For a payment that you found, or did not find, in M-Pesa's statement. Nothing moves until a "
        "second person agrees.",
        icon="gavel",
        do=_propose,
        right=EITHER,
        form=Proposal,
    ),
    "agree": Act(
        label="Agree",
        title="Agree to the proposed settlement",
        meaning="Two people then have decided: the money set aside is booked as paid, or released.",
        icon="handshake",
        do=lambda press: _decide(press, agree=True),
        right=APPROVE,
        primary=True,
    ),
    "refuse": Act(
        label="Refuse",
        title="Refuse the proposed settlement",
        meaning="The payment stays unknown, and M-Pesa is asked on.",
        icon="thumb_down",
        do=lambda press: _decide(press, agree=False),
        right=APPROVE,
    ),
    "hold": Act(
        label="Hold",
        title="Hold this payment",
        meaning="Nothing is sent until somebody releases it. What M-Pesa has already cannot be held.",
        icon="front_hand",
        do=_hold,
    ),
    "cancel": Act(
        label="Cancel payment",
        title="Cancel this payment",
        meaning="We will not pay it. The loan stays approved in Mifos until somebody changes it there.",
        icon="cancel",
        do=_cancel,
        danger=True,
    ),
}


_MOVED = "Somebody or something else moved it a moment ago. Look again before you go on."
_OTHER_RECEIPT = "That receipt belongs to another payment already; nothing was changed."
_REFUSED_BY_DATABASE = {  # what two people can run into at once, or one by a slip of the pen
    "settlement_one_open": "Somebody else proposed a settlement a moment ago; agree to it or refuse it first.",
    "disbursement_two_people": "You have approved it already; another person must approve it too.",
    "disbursement_receipt_once": _OTHER_RECEIPT,
    "attempt_receipt_once": _OTHER_RECEIPT,
}


def offered(
    row: Disbursement, *, proposal: SettlementProposal | None, to: AbstractBaseUser | None = None
) -> set[str]:
    """Return what fits where a row is now, without what `to` may not do because it is the second person's."""
    held_for_two = row.status == Status.HELD and row.hold_cause in NEEDS_TWO
    fits = {
        "hold": row.status in OPEN and row.hold_cause != Cause.BY_PERSON,
        "release": row.status == Status.HELD and not held_for_two,
        "approve": held_for_two,
        "retry": row.status in (Status.FAILED, Status.CANCELLED),
        "cancel": row.status in OPEN | {Status.FAILED},
        "ask": row.status in (Status.ACCEPTED, Status.UNKNOWN),
        "propose": row.status == Status.UNKNOWN and proposal is None,
        "agree": proposal is not None,
        "refuse": proposal is not None,
    }
    own = set()
    if to is not None and row.first_approver_id == to.pk:
        own.add("approve")
    if to is not None and proposal is not None and proposal.proposed_by_id == to.pk:
        own.add("agree")
    return {name for name, fitting in fits.items() if fitting} - own


def perform(name: str, press: Press) -> str:
    """Do what a button says, and return what was done, in words.

    :raises NotPossible: it does not fit any more, or somebody else was quicker; the message says so
    """
    row = Disbursement.objects.get(pk=press.disbursement_id)
    if name not in offered(row, proposal=pages.open_proposal(row)):
        raise NotPossible(
            f"It is {row.get_status_display().lower()} now, so “{ACTS[name].label}” does not fit any more. "
            f"{story.next_words(row, now=press.at)}"
        )
    try:
        return ACTS[name].do(press)
    except (LostRace, ForbiddenMove):
        raise NotPossible(_MOVED) from None
    except IntegrityError as exc:
        words = _REFUSED_BY_DATABASE.get(_constraint(exc))
        if words is None:
            raise
        raise NotPossible(words) from None


def _constraint(exc: IntegrityError) -> str:
    return str(getattr(getattr(exc.__cause__, "diag", None), "constraint_name", ""))
