"""A thousand Mifos hosts, of which some are slow and some are dead: how long until each was asked once."""

import time
from typing import Any

from django.utils import timezone

from mifos.models import LoanProduct, MifosPartner
from partners.models import Partner
from vault.running.bench.ground import Ground
from vault.running.processes import CannotStart

HOSTS = 1000
DEAD = 20
LONGEST_SECONDS = 300


def measure(ground: Ground) -> dict[str, Any]:
    """Ask a thousand hosts once and say how long the round took."""
    ground.start_platform()
    begun_at = timezone.now()
    _make_hosts(ground)
    begun = time.monotonic()
    due = MifosPartner.objects.filter(partner__code__startswith="many")
    due.update(next_step_at=timezone.now(), is_active=True)
    while due.filter(last_poll_at__gte=begun_at).count() < HOSTS:
        if time.monotonic() - begun > LONGEST_SECONDS:
            raise CannotStart("not every host was asked within the time")
        ground.supervisor.pause(0.2)
    seconds = time.monotonic() - begun
    due.update(is_active=False)
    return {"hosts_polled": HOSTS, "hosts_dead": DEAD, "poll_round_seconds": round(seconds, 1)}


def _make_hosts(ground: Ground) -> None:
    if Partner.objects.filter(code__startswith="many").exists():
        return
    partners = [Partner(code=f"many{n:04}", name=f"Many {n:04}", phones=[]) for n in range(HOSTS)]
    Partner.objects.bulk_create(partners)
    rows = [_host(ground, partner, dead=n < DEAD) for n, partner in enumerate(partners)]
    MifosPartner.objects.bulk_create(rows)
    LoanProduct.objects.bulk_create(
        LoanProduct(
            mifos_partner=row, mifos_product_id=1, product_name="Biashara", is_auto_disbursement_enabled=True
        )
        for row in rows
    )
    for partner in partners[DEAD:]:
        ground.outside.post(
            "fineract/hosts", host=partner.code, username="vault", password="secret", version="develop"
        )


def _host(ground: Ground, partner: Partner, *, dead: bool) -> MifosPartner:
    return MifosPartner(
        partner=partner,
        mifos_host_url="http://127.0.0.1:9" if dead else ground.outside.url,
        api_endpoint=f"/fineract/{partner.code}/fineract-provider/api/v1",
        mifos_username="vault",
        mifos_password="secret",
        release="develop",
        poll_seconds=600,
        is_active=False,
    )
