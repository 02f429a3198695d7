"""From a stored account to the client that speaks for it."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from django.conf import settings

from common import tokens
from common.gateway import Rejected
from common.http import new_session
from sms.africastalking import AfricasTalking
from sms.airtouch import AirTouch
from sms.damza import UltimateSms
from sms.gateways import Account, Gateway
from sms.models import SmsGateway
from sms.partner_id import PartnerId

TOKEN_PURPOSE = "sms"
Client = type[UltimateSms] | type[AirTouch] | type[PartnerId] | type[AfricasTalking]
CLIENTS: Mapping[str, Client] = MappingProxyType(
    {
        SmsGateway.Kind.ULTIMATE_SMS: UltimateSms,
        SmsGateway.Kind.AIRTOUCH: AirTouch,
        SmsGateway.Kind.PARTNER_ID: PartnerId,
        SmsGateway.Kind.AFRICASTALKING: AfricasTalking,
    }
)
_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        SmsGateway.Kind.ULTIMATE_SMS: "DAMZA_BASE_URL",
        SmsGateway.Kind.AIRTOUCH: "AIRTOUCH_BASE_URL",
        SmsGateway.Kind.PARTNER_ID: "PARTNER_ID_BASE_URL",
        SmsGateway.Kind.AFRICASTALKING: "AFRICASTALKING_BASE_URL",
    }
)


def load(row: SmsGateway) -> Gateway:
    """Make the client of an account.

    :raises Rejected: its address is plain http without permission; nothing may be sent, since the key would
        travel readable
    """
    base_url = address(row)
    if not base_url.startswith("https://") and not (row.allow_http or settings.ALLOW_PRIVATE_HOSTS):
        raise Rejected("the address is plain http, which this account does not permit", stop=True)
    account = Account(
        base_url=base_url,
        api_key=row.api_key,
        username=row.username,
        password=row.password,
        sender_id=row.sender_id,
        partner_code=row.partner_code,
        phone_format=row.msisdn_format,
        method=row.method,
        success_codes=frozenset(code.lower() for code in row.success_codes),
    )
    return _client(row.kind, account, allow_private=settings.ALLOW_PRIVATE_HOSTS)


def address(row: SmsGateway) -> str:
    """Return where an account's provider is: its own address, else the platform's for the kind."""
    return (row.base_url or str(getattr(settings, _ADDRESSES[row.kind]))).rstrip("/")


def report_address(row: SmsGateway) -> str:
    """Return where the provider should push its delivery reports for an account."""
    token = tokens.make(TOKEN_PURPOSE, row.pk, version=row.callback_version)
    return f"{settings.PUBLIC_BASE_URL}/callbacks/sms/{token}/"


def named_by(token: str) -> SmsGateway | None:
    """Return the account that a callback token names; the version before the present one is still good."""
    subject = tokens.read(TOKEN_PURPOSE, token)
    row = SmsGateway.objects.filter(pk=subject.id).first() if subject else None
    if subject is None or row is None:
        return None
    return row if row.callback_version - 1 <= subject.version <= row.callback_version else None


@lru_cache(maxsize=256)
def _client(kind: str, account: Account, *, allow_private: bool) -> Gateway:
    """Keep an account's connections open; other credentials or another address make another client."""
    return CLIENTS[kind](account, new_session(allow_private=allow_private))
