"""A partner with a collecting shortcode and a simulated Mifos; notices as M-Pesa sends them."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.test import Client as Web

from c2b import addresses, matching, posting, reading
from c2b.models import C2bTransaction, CollectionRule
from mifos.models import MifosPartner
from partners.models import Partner, Shortcode
from tests import make
from tests.sandbox.conftest import Sandbox

RECEIPT = "SF30ABCDEF"
NOTICE = {
    "TransactionType": "Pay Bill",
    "TransID": RECEIPT,
    "TransTime": "20260603100000",
    "TransAmount": "500.00",
    "BusinessShortCode": "600100",
    "BillRefNumber": "000000001",
    "InvoiceNumber": "",
    "OrgAccountBalance": "25.00",
    "ThirdPartyTransID": "",
    "MSISDN": "2547 ***** 149",
    "FirstName": "JANE",
    "MiddleName": "",
    "LastName": "",
}


def notice(**changes: Any) -> dict[str, Any]:
    """Write a notice; None leaves a field out."""
    return {name: value for name, value in (NOTICE | changes).items() if value is not None}


@dataclass
class World:
    sandbox: Sandbox
    partner: Partner
    host: MifosPartner
    shortcode: Shortcode

    def rule(self, **fields: Any) -> CollectionRule:
        return CollectionRule.objects.update_or_create(partner=self.partner, defaults=fields)[0]

    def post(self, body: Any, what: str = "confirmation", *, shortcode: Shortcode | None = None) -> Any:
        """Call our address as M-Pesa does."""
        found = reading.shortcode_of((shortcode or self.shortcode).pk)
        assert found is not None
        path = "/callbacks" + addresses.address(found, what).split("/callbacks", 1)[1]
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return Web().post(path, data=text, content_type="application/json")

    def received(self, **changes: Any) -> C2bTransaction:
        body = notice(**changes)
        assert self.post(body).status_code == 200
        return C2bTransaction.objects.get(mpesa_receipt=body["TransID"])

    def matched(self, *, at: datetime = make.NOW, **changes: Any) -> C2bTransaction:
        row = self.received(**changes)
        matching.match(transaction_id=row.pk, at=at)
        row.refresh_from_db()
        return row

    def posted(self, *, at: datetime = make.NOW, **changes: Any) -> C2bTransaction:
        row = self.matched(at=at, **changes)
        posting.post(transaction_id=row.pk, at=at)
        row.refresh_from_db()
        return row

    def go_on(self, row: C2bTransaction, *, at: datetime = make.NOW) -> C2bTransaction:
        posting.post(transaction_id=row.pk, at=at)
        row.refresh_from_db()
        return row

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return self.sandbox.control(method, f"fineract/{path}", body)

    def client(self, **fields: Any) -> int:
        return int(self.control("kilimo/clients", {"name": "Jane Doe"} | fields)["id"])

    def loan(self, *, client_id: int | None = None, principal: int = 10000, **fields: Any) -> int:
        """Give a client an active loan."""
        product = self.control("kilimo/products", {"name": "Personal"})["id"]
        owner = client_id or self.client(mobile_no="0708374149")
        body = {"client_id": owner, "product_id": product, "principal": str(principal), "approve": True}
        loan_id = int(self.control("kilimo/loans", body | {"approved_on": "2026-06-01"} | fields)["id"])
        self.control(f"kilimo/loans/{loan_id}/disburse-by-hand", {"date": "2026-06-02"})
        return loan_id

    def savings(self, *, client_id: int, **fields: Any) -> int:
        return int(self.control("kilimo/savings", {"client_id": client_id} | fields)["id"])

    def books(self) -> Any:
        return self.control("kilimo/books", method="GET")

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.sandbox.fault("fineract", operation, kind, **({"times": 1} | more))


def make_world(sandbox: Sandbox) -> World:
    settings = {"host": "kilimo", "username": "api", "password": "secret", "business_date": "2026-06-03"}
    sandbox.control("POST", "fineract/hosts", settings)
    sandbox.switch(fineract__retry_seconds=0)
    partner = make.partner()
    host = MifosPartner.objects.create(
        partner=partner,
        mifos_host_url=sandbox.url,
        api_endpoint="/fineract/kilimo/fineract-provider/api/v1",
        mifos_username="api",
        mifos_password="secret",
    )
    shortcode = make.shortcode("600100", kind=Shortcode.Kind.C2B, partner=partner)
    return World(sandbox=sandbox, partner=partner, host=host, shortcode=shortcode)
