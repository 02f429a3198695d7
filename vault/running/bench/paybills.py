"""Savers at every host of the bench, and payments for them: what posting and the month's end are measured with."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.db import connection

from c2b import receiving
from c2b.models import C2bEvent, C2bTransaction, Collector, Posting
from c2b.set_up import CollectionRule
from c2b.statuses import Channel
from mpesa.collections import parse_notice
from mpesa.times import EAT
from partners.models import Partner, Shortcode
from vault.running.bench.ground import Ground, partner_codes

SAVERS = 20  # at each host
AMOUNT = Decimal(100)


@dataclass(kw_only=True)
class Paybills:
    """Each host's collecting shortcode and the numbers of its savings accounts; `made` counts all payments."""

    ground: Ground
    shortcodes: list[Shortcode] = field(default_factory=list)
    accounts: list[list[str]] = field(default_factory=list)
    made: int = 0

    def prepare(self) -> None:
        """Make them, once for all parts of a run."""
        for place, code in enumerate(partner_codes()):
            partner = Partner.objects.get(code=code)
            CollectionRule.objects.update_or_create(
                partner=partner, defaults={"prefixes": {"S": "savings"}, "tell_customer": False}
            )
            row, _ = Shortcode.objects.get_or_create(
                number=str(610_000 + place), defaults={"kind": Shortcode.Kind.C2B, "partner": partner}
            )
            Collector.objects.get_or_create(shortcode=row)
            self.shortcodes.append(row)
            self.accounts.append([self._saver(code) for _ in range(SAVERS)])

    def _saver(self, code: str) -> str:
        client = self.ground.outside.post(f"fineract/{code}/clients")["id"]
        made = self.ground.outside.post(f"fineract/{code}/savings", client_id=client)
        return f"S{int(made['id']):09d}"

    def notice(self, host: int) -> dict[str, str]:
        """Write the next payment to a host as M-Pesa tells it, each saver's by turns."""
        self.made += 1
        now = datetime.now(tz=EAT)
        return {
            "TransactionType": "Pay Bill",
            "TransID": f"B{self.made:09d}",
            "TransTime": now.strftime("%Y%m%d%H%M%S"),
            "TransAmount": str(AMOUNT),
            "BusinessShortCode": self.shortcodes[host].number,
            "BillRefNumber": self.accounts[host][self.made // len(self.shortcodes) % SAVERS],
            "MSISDN": "2547 ***** 149",
            "FirstName": "JANE",
        }

    def take(self, host: int) -> None:
        """Let the next payment to a host come in, as if it had just been confirmed."""
        said = parse_notice(json.dumps(self.notice(host)))
        assert said is not None
        row, at = self.shortcodes[host], datetime.now(tz=UTC)
        receiving.take(said, shortcode=row, channel=Channel.C2B, raw="", at=at)

    def forget(self) -> None:
        """Take all payments out of our tables again, so that none is waiting in what is measured next."""
        with connection.cursor() as cursor:
            tables = ", ".join(f'"{model._meta.db_table}"' for model in (C2bTransaction, C2bEvent, Posting))
            cursor.execute(f"truncate {tables} cascade")
