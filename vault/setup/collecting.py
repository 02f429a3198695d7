"""The parts of a set-up file that are about customers' payments."""

from datetime import datetime

from c2b import registering
from common.changes import By
from partners.models import Partner, Shortcode
from vault.setup.outcome import CREATED, UNCHANGED, UPDATED, PartnerOutcome, PartOutcome
from vault.setup.schema import CollectionsPart, ShortcodePart

RULES = (
    "prefixes",
    "prefer",
    "excess",
    "refuse_unknown",
    "min_amount",
    "max_amount",
    "by_national_id",
    "by_typed_phone",
    "by_payer",
    "blocked_phones",
    "second_person_above",
    "tell_customer",
    "tell_partner",
    "tell_balance",
)


def put_collections(
    wanted: CollectionsPart, partner: Partner, outcome: PartnerOutcome, by: By, at: datetime
) -> None:
    """Set how the partner's payments are handled. (`unmatched` has one value only, so nothing is kept of it.)"""
    fields = {name: "" if value is None else value for name, value in wanted.given(*RULES).items()}
    saved = registering.put_rule(partner=partner, fields=fields, by=by, at=at)
    result = CREATED if saved.made else UPDATED if saved.changed else UNCHANGED
    changed = [] if saved.made else list(saved.changed)
    outcome.add(PartOutcome(part="collections", result=result, changed=changed))


def put_collector(part: ShortcodePart, shortcode: Shortcode, *, by: By, at: datetime) -> list[str]:
    """Set what only a collecting shortcode has, and return the names of what changed."""
    fields = part.given("passkey", "store_number", "pull_phone")
    if "pull_phone" in fields:
        fields["pull_phone"] = part.pull_phone or ""
        fields["pull_enabled"] = bool(part.pull_phone)
    if not fields:
        return []
    saved = registering.put_collector(shortcode=shortcode, fields=fields, by=by, at=at)
    if "pull_enabled" in saved.changed:
        registering.start_pull(shortcode_id=shortcode.pk, at=at)
    return [name for name in saved.changed if name in fields]


def addresses(partner: Partner) -> dict[str, str]:
    """Return the addresses that M-Pesa is to call for each collecting shortcode of a partner."""
    rows = Shortcode.objects.filter(partner=partner).exclude(kind=Shortcode.Kind.B2C).order_by("number")
    return {
        f"c2b_{what}_{row.number}": address
        for row in rows
        for what, address in registering.callbacks(row).items()
    }
