"""Speak to a partner's Mifos: within its slots, with its health noted, and not while it rests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from common.gateway import GatewayError, Retryable
from common.http import Timeout
from mifos import operations as mifos
from mifos.client import Mifos
from mifos.host_limit import BUSY, slot
from mifos.models import MifosPartner

RESTING = "host.resting"


@contextmanager
def speaking_to(
    host: MifosPartner, *, at: datetime, timeout: Timeout | None = None, wait: float = 1.0
) -> Iterator[Mifos]:
    """Give a client for a host while one of its slots is free.

    :param timeout: for somebody who cannot wait as long as usual
    :param wait: seconds to wait for a slot
    :raises Retryable: all slots are taken, or the host rests after failures; nothing was sent
    """
    if host.resting(at):
        raise Retryable(f"Mifos is left alone for a while after failures: {host.failure_note}", code=RESTING)
    try:
        with slot(host.base_url, timeout=wait):
            yield mifos.connect(host, timeout=timeout)
    except GatewayError as exc:
        mifos.note(mifos_partner_id=host.pk, at=at, exc=exc)
        raise
    if host.failures:
        mifos.note_success(mifos_partner_id=host.pk, at=at)


def busy(exc: GatewayError) -> bool:
    """Whether only our own other calls were in the way: come back in a moment, nothing is wrong."""
    return exc.code == BUSY
