"""Find the account that a payment is for: by number first, then by a person, and only where one fits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from c2b import references
from c2b.known import KnownAccount
from c2b.models import C2bTransaction
from c2b.references import Reading
from c2b.set_up import CollectionRule
from c2b.statuses import MatchedBy, TransactionType
from common.phone import BadPhone, canonical, sha256
from mifos.accounts import Account, AccountKind, Hit
from mifos.collecting import ACCOUNTS, PEOPLE
from mifos.shapes import Client
from mpesa.collections import Payer, fits

FRESH = timedelta(days=1)  # how long an account that we saw is known to be there
_KNOWN = """
select * from c2b_known_accounts
where mifos_partner_id = %s and (number_key = %s or external_key = %s) and seen_at > %s limit 3
"""  # written out, since a validation waits for it
SOLE_FOR = timedelta(minutes=10)  # and its number is taken to be no other account's


class Asked(Protocol):
    """What is asked of Mifos to find an account; the client of `mifos` answers it."""

    def search(self, text: str, *, among: str = ACCOUNTS) -> tuple[Hit, ...]: ...

    def client(self, client_id: int) -> Client: ...

    def accounts_of(self, client_id: int) -> tuple[Account, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account that money can go to."""

    kind: AccountKind
    account_id: int
    account_no: str
    client_id: int | None
    client_name: str

    def shown(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "account_no": self.account_no, "client": self.client_name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where a payment belongs and why, or (without a target) why nobody can say."""

    target: Target | None
    by: str = ""
    words: str
    candidates: tuple[Target, ...] = field(default=())
    sole: bool | None = None  # the number is no other account's; None where only one kind was looked at
    external_id: str = ""
    doubt: bool = False  # something fits, but nobody can say which one

    def evidence(self) -> dict[str, Any]:
        return {"candidates": [one.shown() for one in self.candidates]}


def from_hit(hit: Hit) -> Target:
    """:raises ValueError: it is a client"""
    if hit.kind is None:
        raise ValueError("a client is no account")
    return Target(
        kind=hit.kind,
        account_id=hit.id,
        account_no=hit.account_no,
        client_id=hit.client_id,
        client_name=hit.client_name,
    )


def from_account(account: Account, *, client_name: str = "") -> Target:
    return Target(
        kind=account.kind,
        account_id=account.id,
        account_no=account.account_no,
        client_id=account.client_id,
        client_name=account.client_name or client_name,
    )


def known(
    bill_ref: str,
    *,
    rule: CollectionRule,
    mifos_partner_id: UUID,
    at: datetime,
    within: timedelta = SOLE_FOR,
) -> Finding | None:
    """Look into what we have seen in Mifos lately; None where that does not settle it.

    A number without a prefix is taken from memory only where the last search by that very number found nothing
    else, or the rule says which kind is meant: a loan and a savings account can share it.
    """
    for reading in references.readings(bill_ref, rule.prefixes):
        lately = KnownAccount.objects.raw(_KNOWN, [mifos_partner_id, reading.key, reading.key, at - within])
        found = [row for row in lately if reading.kind in (None, row.kind)]
        if len(found) == 1 and (
            reading.kind or rule.prefer == found[0].kind or (found[0].sole_at or at - within) > at - within
        ):
            target = _from_memory(found[0])
            by = MatchedBy.NUMBER if found[0].number_key == reading.key else MatchedBy.EXTERNAL_ID
            return Finding(target=target, by=by, words=_words(by, target))
        if found:
            return None
    return None


def _from_memory(row: KnownAccount) -> Target:
    return Target(
        kind=AccountKind(row.kind),
        account_id=row.account_id,
        account_no=row.account_no,
        client_id=row.client_id,
        client_name=row.client_name,
    )


def search(bill_ref: str, payer: Payer, *, rule: CollectionRule, client: Asked) -> Finding:
    """Ask Mifos for the account of a reference.

    :raises Rejected, Retryable: Mifos did not answer
    """
    readings = references.readings(bill_ref, rule.prefixes)
    for reading in readings:
        hits = by_number(client, reading)
        if hits:
            return _choose(hits, reading, payer, rule=rule, client=client)
    finding = _by_typed_person(readings, rule=rule, client=client)
    if finding is None and rule.by_payer:
        finding = _by_payer(payer, readings, rule=rule, client=client)
    if finding is not None:
        return finding
    if not readings:
        return Finding(target=None, words="The customer typed no account.")
    return Finding(target=None, words="Mifos knows no account, person or phone of what the customer typed.")


def by_number(client: Asked, reading: Reading) -> list[Hit]:
    """Return the accounts whose number or external id is the reference, but for case, blanks and hyphens.

    :raises Rejected, Retryable: Mifos did not answer
    """
    for spelling in references.spellings(reading.text):
        hits = [
            hit
            for hit in client.search(spelling)
            if hit.kind is not None
            and reading.key in (references.key(hit.account_no), references.key(hit.external_id))
            and reading.kind in (None, hit.kind)
        ]
        if hits:
            return list({(hit.kind, hit.id): hit for hit in hits}.values())
    return []


def _choose(
    hits: Sequence[Hit], reading: Reading, payer: Payer, *, rule: CollectionRule, client: Asked
) -> Finding:
    """Take the one account of a number; of several, the one that rule or payer makes certain."""
    several = tuple(from_hit(hit) for hit in hits)
    chosen = list(hits)
    if len(chosen) > 1 and rule.prefer:
        chosen = [hit for hit in hits if hit.kind == rule.prefer] or chosen
    why = ""
    if len(chosen) > 1:
        chosen, why = _of_payer(chosen, payer, client), " It is the payer's own account."
    if len(chosen) != 1:
        kinds = " and ".join(f"a {target.kind} of {target.client_name}" for target in several)
        words = f"{len(several)} accounts fit {reading.text!r}: {kinds}. A person has to choose."
        return Finding(target=None, words=words, candidates=several, doubt=True)
    target = from_hit(chosen[0])
    by = MatchedBy.NUMBER if references.key(chosen[0].account_no) == reading.key else MatchedBy.EXTERNAL_ID
    return Finding(
        target=target,
        by=by,
        words=_words(by, target) + why,
        candidates=several,
        sole=len(hits) == 1 if reading.kind is None else None,
        external_id=chosen[0].external_id,
    )


def _of_payer(hits: Sequence[Hit], payer: Payer, client: Asked) -> list[Hit]:
    """Keep the accounts whose client has the payer's number for sure; a mask proves nothing."""
    if not (payer.phone or payer.digest):
        return []
    owners = {hit.client_id for hit in hits if hit.client_id is not None}
    if len(owners) < 2:  # all of one client: the payer cannot tell them apart
        return []
    theirs = {owner for owner in owners if fits(payer, mobile_of(client, owner))}
    return [hit for hit in hits if hit.client_id in theirs]


def mobile_of(client: Asked, client_id: int) -> str:
    """Return a client's phone in our form, or nothing where none can be read."""
    try:
        return canonical(client.client(client_id).mobile_no)
    except BadPhone:
        return ""


def _by_typed_person(readings: Sequence[Reading], *, rule: CollectionRule, client: Asked) -> Finding | None:
    """Take a national id or a phone that was typed as the account."""
    for reading in readings:
        document, phone = references.as_document(reading.text), references.as_phone(reading.text)
        asked = [
            (rule.by_national_id, [document], MatchedBy.NATIONAL_ID),
            (rule.by_typed_phone, references.phone_spellings(phone) if phone else [], MatchedBy.TYPED_PHONE),
        ]
        for allowed, texts, by in asked:
            people = _people(client, texts, by) if allowed and any(texts) else set()
            if people:
                return _only_account(people, reading.kind, by, rule=rule, client=client)
    return None


def _by_payer(
    payer: Payer, readings: Sequence[Reading], *, rule: CollectionRule, client: Asked
) -> Finding | None:
    """Take the payer's own phone; by its hash only where we have seen the client before."""
    people: set[tuple[int, str]] = set()
    if payer.phone:
        people = _people(client, references.phone_spellings(payer.phone), MatchedBy.PAYER)
    elif payer.digest:
        rows = KnownAccount.objects.filter(
            phone_hash=payer.digest, mifos_partner__partner_id=rule.partner_id, client_id__isnull=False
        )
        people = {(row.client_id, row.client_name) for row in rows if row.client_id is not None}
    kind = readings[0].kind if readings else None
    return _only_account(people, kind, MatchedBy.PAYER, rule=rule, client=client) if people else None


def _people(client: Asked, texts: Iterable[str], by: str) -> set[tuple[int, str]]:
    """Return the clients of a document number or of a phone, each once."""
    found: set[tuple[int, str]] = set()
    for text in texts:
        for hit in client.search(text, among=PEOPLE):
            document = by == MatchedBy.NATIONAL_ID
            same = hit.mobile_no == text if not document else not hit.mobile_no and hit.account_no == ""
            if hit.client_id is not None and same:
                found.add((hit.client_id, hit.client_name))
    return found


def _only_account(
    people: set[tuple[int, str]], kind: AccountKind | None, by: str, *, rule: CollectionRule, client: Asked
) -> Finding:
    """Return the one active account of the one person, within the kind that was typed or is preferred."""
    if len({person for person, _ in people}) > 1:
        words = "More than one client in Mifos fits what the customer typed."
        return Finding(target=None, words=words, doubt=True)
    client_id, name = next(iter(people))
    accounts = [one for one in client.accounts_of(client_id) if one.active and one.plain]
    targets = tuple(from_account(one, client_name=name) for one in accounts)
    fitting = [one for one in targets if kind in (None, one.kind)]
    if len(fitting) > 1 and rule.prefer:
        fitting = [one for one in fitting if one.kind == rule.prefer] or fitting
    if len(fitting) == 1:
        return Finding(target=fitting[0], by=by, words=_words(by, fitting[0]), candidates=targets)
    words = f"{name or 'The client'} has {len(fitting) or 'no'} active accounts that this could be for."
    return Finding(target=None, words=words, candidates=targets, doubt=len(fitting) > 1)


def _words(by: str, target: Target) -> str:
    how = {
        MatchedBy.NUMBER: "The customer typed the account number",
        MatchedBy.EXTERNAL_ID: "The customer typed the account's external id",
        MatchedBy.NATIONAL_ID: "The customer typed a national id, whose owner has one account that fits",
        MatchedBy.TYPED_PHONE: "The customer typed a phone, whose owner has one account that fits",
        MatchedBy.PAYER: "The payer's phone is a client's, who has one account that fits",
    }[MatchedBy(by)]
    return f"{how}: {target.kind} {target.account_no} of {target.client_name or 'a group'}."


def remember(found: Finding, *, mifos_partner_id: UUID, at: datetime) -> None:
    """Keep an account that a search has found, for quick answers and for suggestions."""
    target = found.target
    assert target is not None
    seen: dict[str, Any] = {
        "account_no": target.account_no[:50],
        "number_key": references.key(target.account_no)[:50],
        "external_id": found.external_id[:100],
        "external_key": references.key(found.external_id)[:100],
        "client_id": target.client_id,
        "client_name": target.client_name[:200],
        "seen_at": at,
    }
    if found.sole is not None:
        seen["sole_at"] = at if found.sole else None
    KnownAccount.objects.update_or_create(
        mifos_partner_id=mifos_partner_id, kind=target.kind, account_id=target.account_id, defaults=seen
    )


def remember_phone(
    *, mifos_partner_id: UUID, client_id: int, phone: str, transaction: C2bTransaction, at: datetime
) -> None:
    """Keep a client's phone beside the accounts of theirs that we have seen, the payment's own at least."""
    kind = AccountKind.LOAN
    if transaction.transaction_type == TransactionType.SAVINGS_DEPOSIT:
        kind = AccountKind.SAVINGS
    KnownAccount.objects.get_or_create(
        mifos_partner_id=mifos_partner_id,
        kind=kind,
        account_id=transaction.mifos_account_id or 0,
        defaults={
            "account_no": transaction.account_no,
            "number_key": references.key(transaction.account_no),
            "client_id": client_id,
            "client_name": transaction.client_name,
            "seen_at": at,
        },
    )
    rows = KnownAccount.objects.filter(mifos_partner_id=mifos_partner_id, client_id=client_id)
    rows.update(phone=phone, phone_hash=sha256(phone))
