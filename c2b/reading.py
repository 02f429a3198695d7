"""Read a payment with what its steps need; settings rows are remembered for a moment."""

from uuid import UUID

from c2b.models import C2bTransaction
from c2b.set_up import CollectionRule, Collector
from common import correlation, rows
from common.remembered import Remembered
from mifos.models import MifosPartner
from partners.models import Partner, Shortcode


def load(transaction_id: UUID) -> C2bTransaction:
    """Read a payment, and take up its correlation id."""
    row = rows.read(C2bTransaction, transaction_id)
    correlation.bind(row.correlation_id)
    return row


def _rule(partner_id: UUID) -> CollectionRule:
    found = CollectionRule.objects.filter(partner_id=partner_id).first()
    return found or CollectionRule(partner_id=partner_id)


def _shortcode(shortcode_id: UUID) -> Shortcode | None:
    rows_of = Shortcode.objects.select_related("partner", "collector")
    return rows_of.filter(pk=shortcode_id).exclude(kind=Shortcode.Kind.B2C).first()


rule_of = Remembered[UUID, CollectionRule](_rule)
host_of = Remembered[UUID, MifosPartner | None](
    lambda partner_id: (
        MifosPartner.objects.select_related("partner").filter(partner_id=partner_id, is_active=True).first()
    )
)
partner_of = Remembered[UUID, Partner](lambda partner_id: Partner.objects.get(pk=partner_id))
shortcode_of = Remembered[UUID, Shortcode | None](_shortcode)


def collector_of(shortcode: Shortcode) -> Collector:
    """Return how a shortcode collects; one that nobody set up has the defaults."""
    found: Collector | None = getattr(shortcode, "collector", None)
    return found or Collector(shortcode=shortcode)
