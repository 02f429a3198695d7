"""Where money in suspense may belong: suggestions for a person, each with its reason. None acts by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from django.db.models import Q

from c2b import finding, references
from c2b.finding import Target
from c2b.models import C2bTransaction, KnownAccount
from c2b.planning import plan
from c2b.reading import host_of, rule_of
from c2b.references import Reading
from common.gateway import GatewayError
from mifos.accounts import Account, AccountKind
from mifos.client import Mifos
from mifos.collecting import PEOPLE
from mifos.hosts import speaking_to
from mifos.models import MifosPartner

log = structlog.get_logger("c2b.suggestions")

MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An account that a payment may be for. `after` is what it would owe or hold with all of the rest."""

    account: Account
    why: str
    confidence: str
    warning: str = ""
    after: Decimal | None = None


def suggest(row: C2bTransaction, *, at: datetime) -> tuple[list[Suggestion], str]:
    """Return the suggestions, and what kept us from finding more, in words."""
    host = host_of(row.partner_id) if row.partner_id else None
    if host is None or row.partner_id is None:
        return [], "The payment belongs to no partner with a Mifos connection."
    found: dict[tuple[AccountKind, int], Suggestion] = {}
    try:
        with speaking_to(host, at=at) as client:
            for target, why, confidence in _guesses(row, host, client):
                place = (target.kind, target.account_id)
                if place not in found and len(found) < MOST:
                    account = client.account(*place)
                    found[place] = _suggestion(row, account, target, why, confidence)
    except GatewayError as exc:
        log.info("suggestions cut short", payment=str(row.pk), reason=str(exc))
        return list(found.values()), f"Mifos could not be asked for more: {exc}."
    return list(found.values()), ""


def _suggestion(
    row: C2bTransaction, account: Account, target: Target, why: str, confidence: str
) -> Suggestion:
    assert row.partner_id is not None
    wanted = plan(row.rest, account, excess=rule_of(row.partner_id).excess, by_person=False)
    after = None
    if account.kind == AccountKind.LOAN and account.outstanding is not None:
        after = account.outstanding - row.rest
    elif account.balance is not None:
        after = account.balance + row.rest
    warning = "" if wanted.take == row.rest else wanted.words
    return Suggestion(account=account, why=why, confidence=confidence, warning=warning, after=after)


def _guesses(row: C2bTransaction, host: MifosPartner, client: Mifos) -> Iterator[tuple[Target, str, str]]:
    """Yield accounts with reason and confidence, the likeliest first.

    :raises Rejected, Retryable: Mifos did not answer
    """
    assert row.partner_id is not None
    readings = references.readings(row.bill_ref, rule_of(row.partner_id).prefixes)
    yield from _by_number(readings, client)
    yield from _of_people(row, readings, client)
    yield from _of_known(row, host)


def _by_number(readings: list[Reading], client: Mifos) -> Iterator[tuple[Target, str, str]]:
    for reading in readings:
        for hit in finding.by_number(client, reading):
            yield finding.from_hit(hit), "This is the number that the customer typed", "high"
        meant = ((references.lookalike(reading.text), "letters that look like digits are read as digits"),)
        short = references.padded(reading.text)
        for text, how in (*meant, (short, "zeros are put before it")):
            hits = finding.by_number(client, Reading(text=text, kind=reading.kind)) if text else []
            for hit in hits:
                yield finding.from_hit(hit), f"The number that was typed, if {how}: {text}", "fair"


def _of_people(
    row: C2bTransaction, readings: list[Reading], client: Mifos
) -> Iterator[tuple[Target, str, str]]:
    """Yield the active accounts of who was typed, and of who paid."""
    asked: list[tuple[str, str]] = []
    for reading in readings:
        if phone := references.as_phone(reading.text):
            asked += [
                (text, "The phone that was typed is the client's")
                for text in references.phone_spellings(phone)
            ]
        if document := references.as_document(reading.text):
            asked.append((document, "The national id that was typed is the client's"))
    if row.customer_phone:
        spelled = references.phone_spellings(row.customer_phone)
        asked += [(text, "The payer's phone is the client's") for text in spelled]
    for text, why in asked:
        for hit in client.search(text, among=PEOPLE):
            if hit.client_id is None:
                continue
            for account in client.accounts_of(hit.client_id):
                if account.active and account.plain:
                    yield finding.from_account(account, client_name=hit.client_name), why, "fair"


def _of_known(row: C2bTransaction, host: MifosPartner) -> Iterator[tuple[Target, str, str]]:
    """Yield accounts that we have seen, of the payer's hash or mask."""
    rows = KnownAccount.objects.filter(mifos_partner=host)
    head, star, _ = row.msisdn_raw.partition("*")
    tail = row.msisdn_raw.rsplit("*", 1)[-1].strip()
    same = Q(phone_hash=row.phone_hash) if row.phone_hash else Q(pk=None)
    for known in rows.filter(same)[:MOST]:
        yield _known(known), "The payer has the client's phone, by its hash", "fair"
    if star and head.strip().isdigit() and tail.isdigit():
        masked = rows.filter(phone__startswith=head.strip(), phone__endswith=tail)
        first = row.customer_name.split(" ")[0]
        for known in masked.filter(client_name__icontains=first)[:MOST] if first else []:
            yield _known(known), "Name and the visible digits of the phone fit the client", "low"


def _known(row: KnownAccount) -> Target:
    return Target(
        kind=AccountKind(row.kind),
        account_id=row.account_id,
        account_no=row.account_no,
        client_id=row.client_id,
        client_name=row.client_name,
    )
