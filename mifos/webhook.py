"""The address by which Mifos wakes us: a token in the path, the old one good for a while after the new."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common import tokens
from common.gateway import Rejected
from mifos.client import HOOK_NAME, Mifos
from mifos.models import MifosPartner

PURPOSE = "mifos"
_VERSIONS = 0x7FFF  # what the column holds


def webhook_token(mifos_partner: MifosPartner) -> str:
    return tokens.make(PURPOSE, mifos_partner.pk, version=mifos_partner.webhook_token_version)


def webhook_address(mifos_partner: MifosPartner) -> str:
    return f"{settings.PUBLIC_BASE_URL}/callbacks/mifos/{webhook_token(mifos_partner)}/"


def rotate_webhook_token(*, mifos_partner_id: UUID, at: datetime, grace: timedelta) -> MifosPartner:
    """Begin a new token. The old one stays good for a while; the one before it ends now."""
    with transaction.atomic():
        row = MifosPartner.objects.select_for_update().get(pk=mifos_partner_id)
        row.webhook_token_version = (row.webhook_token_version + 1) % _VERSIONS
        row.webhook_previous_until = at + grace
        row.save(update_fields=["webhook_token_version", "webhook_previous_until", "updated_at"])
    return row


def read_webhook_token(*, token: str, at: datetime) -> MifosPartner | None:
    """Return whose webhook a token opens, or None; an earlier version is good within its grace."""
    subject = tokens.read(PURPOSE, token)
    row = MifosPartner.objects.filter(pk=subject.id).select_related("partner").first() if subject else None
    if subject is None or row is None:
        return None
    if subject.version == row.webhook_token_version:
        return row
    previous = (row.webhook_token_version - 1) % _VERSIONS
    until = row.webhook_previous_until
    return row if subject.version == previous and until is not None and at < until else None


def put_hook(client: Mifos, mifos_partner: MifosPartner) -> int:
    """Point our hook on the host to the present address, or make one; return its id.

    Ours is told by the id in its token, whatever its version, so that repeating this makes no second hook.
    """
    address = webhook_address(mifos_partner)
    mark = f"/callbacks/mifos/{mifos_partner.pk.hex}"
    try:
        ours = [hook.id for hook in client.hooks() if hook.display_name == HOOK_NAME and mark in hook.url]
    except Rejected as exc:
        if exc.stop:
            raise
        return _put_unlisted(client, address, mifos_partner.webhook_hook_id)
    return client.change_hook(min(ours), address) if ours else client.register_hook(address)


def _put_unlisted(client: Mifos, address: str, hook_id: int | None) -> int:
    """Change or make the hook for a user who may not list hooks; a second one would only wake us twice."""
    if hook_id is not None:
        try:
            return client.change_hook(hook_id, address)
        except Rejected as exc:
            if exc.stop:
                raise
    return client.register_hook(address)
