"""How each of the six steps stands, in a colour and a sentence: green only with evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from common.money import shown
from common.tones import Tone
from disbursements.story import span
from mifos.models import MifosPartner
from partners.models import Shortcode
from partners.operations import missing_for
from vault.wizard.facts import MIFOS_CREDENTIALS, SHORTCODE_CREDENTIALS, SMS_CREDENTIALS, Facts
from wallet.models import Kind

POLL_FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How something stands, and what a person can do about it."""

    tone: Tone
    words: str
    todo: str = ""


def _good(words: str) -> Finding:
    return Finding(tone=Tone.SETTLED, words=words)


def _bad(words: str, todo: str = "") -> Finding:
    return Finding(tone=Tone.PERSON, words=words, todo=todo)


def _undone(words: str, todo: str) -> Finding:
    return Finding(tone=Tone.OFF, words=words, todo=todo)


def _unproved(words: str, todo: str) -> Finding:
    return Finding(tone=Tone.WAITING, words=words, todo=todo)


def partner(facts: Facts) -> Finding:
    if not facts.partner.is_active:
        return _bad(f"{facts.partner} is switched off.", "Switch it on to pay.")
    if not facts.partner.phones:
        return _good("Named and active; nobody there gets SMS.")
    count = len(facts.partner.phones)
    return _good(f"Named and active; SMS go to {count} phone{'' if count == 1 else 's'}.")


def mifos(facts: Facts) -> Finding:
    row = facts.mifos
    if row is None:
        return _undone("Not connected yet.", "Enter the host and the API user.")
    if not row.is_active:
        return _bad("The connection is switched off.", "Switch it on.")
    trouble = mifos_trouble(facts, row)
    if trouble:
        return trouble
    known, on = facts.products
    if not known:
        return _unproved("Mifos answers, but no loan product is known.", "Take the products over.")
    if not on:
        return _unproved(
            f"Mifos answers; none of its loan products ({known}) is paid by itself.",
            "Switch at least one on.",
        )
    return _good(f"{_answers(facts, row)} Paid by themselves: {on} of {_count(known, 'loan product')}.")


def mifos_trouble(facts: Facts, row: MifosPartner) -> Finding | None:
    """Say why a connection cannot be called good; None when it is."""
    if row.failing_since is not None:
        since = span(facts.at - row.failing_since)
        return _bad(f"Failing for {since}: {row.failure_note or 'no reason given'}.", "Test the connection.")
    proof = facts.proofs.get(row.pk)
    fits = proof is not None and proof.fits(row, MIFOS_CREDENTIALS)
    if proof and fits and not proof.is_good:
        return _bad(_first_bad(proof.findings), "Mend it and test again.")
    if fits or _polled(facts, row):
        return None
    if proof:
        return _unproved("Changed since it was tested.", "Test the connection.")
    return _unproved("Entered, but not tested yet.", "Test the connection.")


def _polled(facts: Facts, row: MifosPartner) -> bool:
    """Whether Mifos has answered the last poll, which proves address, user and rights to read."""
    told = row.last_poll_at
    return told is not None and told >= row.updated_at and facts.at - told < POLL_FRESH + _round(row)


def _round(row: MifosPartner) -> timedelta:
    return timedelta(seconds=row.poll_seconds * 3)


def _answers(facts: Facts, row: MifosPartner) -> str:
    if row.last_poll_at is None:
        return "Mifos answered the test."
    return f"Mifos answers, last polled {span(facts.at - row.last_poll_at)} ago."


def shortcodes(facts: Facts) -> Finding:
    row = facts.pays
    if row is None:
        return _undone("No shortcode pays out for it.", "Enter its own, or set up a shared one.")
    whose = "its own" if row.partner_id else "the shared"
    trouble = payout_trouble(facts, row)
    if trouble:
        return trouble
    words = (
        f"Pays by {whose} shortcode {row.number}; M-Pesa told its balance {_when(facts.at, row.balance_at)}."
    )
    for one in facts.own:
        if one.kind != Shortcode.Kind.B2C and (found := collecting_trouble(facts, one)):
            return found
    return _good(words)


def payout_trouble(facts: Facts, row: Shortcode) -> Finding | None:
    """Say why a shortcode that pays cannot be called good; None when M-Pesa has proved it.

    M-Pesa tells a balance only to an initiator that it accepts, so a balance newer than the last change of the
    row proves key, initiator, password and certificate at once.
    """
    missing = missing_for(row)
    if missing:
        return _bad(f"{row.number}: {missing[0]}", "Enter it.")
    proof = facts.proofs.get(row.pk)
    if proof and not proof.is_good and proof.fits(row, SHORTCODE_CREDENTIALS):
        return _bad(f"{row.number}: {_first_bad(proof.findings)}", "Mend it and test again.")
    if row.balance_at is not None and row.balance_at >= row.updated_at:
        return None
    if proof and proof.fits(row, SHORTCODE_CREDENTIALS):
        words = f"{row.number}: M-Pesa accepts the app's key, and has not told the balance yet."
        return _unproved(words, "Ask for the balance: it proves the initiator.")
    return _unproved(f"{row.number} is entered, but not proved since its last change.", "Test it.")


def collecting_trouble(facts: Facts, row: Shortcode) -> Finding | None:
    """Say why a shortcode that collects cannot be called good."""
    if row.kind == Shortcode.Kind.C2B:
        if missing := missing_for(row):
            return _bad(f"{row.number}: {missing[0]}", "Enter it.")
        proof = facts.proofs.get(row.pk)
        if proof and not proof.is_good and proof.fits(row, SHORTCODE_CREDENTIALS):
            return _bad(f"{row.number}: {_first_bad(proof.findings)}", "Mend it and test again.")
    collector = facts.collectors.get(row.pk)
    if collector is None or collector.registered_at is None:
        return _unproved(f"M-Pesa does not know our addresses for {row.number}.", "Register them.")
    if collector.registered_version != collector.token_version:
        return _unproved(f"The addresses of {row.number} are new.", "Register them again.")
    return None


def wallet(facts: Facts) -> Finding:
    if (Kind.WALLET, None) not in facts.balances:
        return _undone("No wallet is open.", "Open it with a tariff.")
    if not facts.tariff:
        return _undone("No tariff says what a payout costs.", "Enter one.")
    whose = "its own tariff" if facts.tariff == "own" else "the platform's tariff"
    return _good(f"The wallet is open and {whose} holds.")


def sms(facts: Facts) -> Finding:
    row = facts.gateway
    if row is None:
        return _undone("No account carries its messages, so nobody is told.", "Enter one.")
    whose = "its own account" if row.partner_id else "the platform's account"
    if row.stopped_at:
        return _bad(f"{row.name} is stopped: {row.stopped_reason}.", "Mend it, then start it again.")
    proof = facts.proofs.get(row.pk)
    fits = proof is not None and proof.fits(row, SMS_CREDENTIALS)
    if proof and fits and not proof.is_good:
        return _bad(f"{row.name}: {_first_bad(proof.findings)}", "Mend it and test again.")
    if row.attention:
        return _unproved(row.attention, "Buy credit from the provider.")
    told = [moment for moment in (row.credits_at, facts.last_sent) if moment]
    if fits or any(moment >= row.updated_at for moment in told):
        left = f", {row.credits:,.0f} credits left" if row.credits is not None else ""
        last = f"; the last message went {span(facts.at - facts.last_sent)} ago" if facts.last_sent else ""
        return _good(f"Sends by {whose} {row.name}{left}{last}.")
    return _unproved(f"{whose.capitalize()} {row.name} is not tested.", "Test it.")


def keys(facts: Facts) -> Finding:
    if not facts.keys and not facts.users:
        return _undone("Nobody at the partner has a key or a login.", "Make one if they need it.")
    parts = [_count(facts.keys, "API key"), _count(facts.users, "user")]
    return _good(f"{' and '.join(part for part in parts if part)} in use.")


def hindrance(facts: Facts) -> Finding | None:
    """Say what keeps a partner that is set up from paying at this moment."""
    if facts.dial:
        words = f"Paused ({facts.dial.get_scope_display().lower()}): {facts.dial.reason}."
        return _bad(words, "Lift the dial when that is mended.")
    if facts.pays and facts.balances.get((Kind.FLOAT, facts.pays.pk), 0) <= 0:
        return _unproved(f"It has no float on {facts.pays.number}.", "Buy float.")
    if facts.balances.get((Kind.WALLET, None), 0) <= 0:
        return _unproved(f"Its wallet holds {shown(Decimal(0))}, so no charge can be taken.", "Top it up.")
    return None


def _first_bad(findings: list[list[object]]) -> str:
    return str(next((words for good, words in findings if not good), "The test failed."))


def _when(at: datetime, told: datetime | None) -> str:
    return f"{span(at - told)} ago" if told else "just now"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


JUDGES: dict[str, Callable[[Facts], Finding]] = {
    "partner": partner,
    "mifos": mifos,
    "shortcodes": shortcodes,
    "wallet": wallet,
    "sms": sms,
    "keys": keys,
}
