"""Make a client for a shortcode, from the settings and the row's credentials."""

from functools import lru_cache

from django.conf import settings

from common.http import Session, new_session
from common.token_store import RedisTokenStore
from mpesa.client import Client, Credentials
from mpesa.pace import Pace
from partners.models import Shortcode


def connect(shortcode: Shortcode) -> Client:
    """Return a client that pays and asks in the name of a shortcode."""
    credentials = Credentials(
        shortcode=shortcode.number,
        consumer_key=shortcode.consumer_key,
        consumer_secret=shortcode.consumer_secret,
        initiator=shortcode.initiator,
        initiator_password=shortcode.initiator_password,
        certificate=shortcode.certificate,
    )
    base_url = settings.MPESA_BASE_URL
    return Client(base_url=base_url, credentials=credentials, session=_session(base_url), tokens=_tokens())


def callback_address(kind: str, token: str, what: str) -> str:
    """Return the address that we give to Daraja: `kind` is b2c, status, balance or b2b; `what` result or timeout."""
    return f"{settings.PUBLIC_BASE_URL}/callbacks/{kind}/{token}/{what}"


@lru_cache(maxsize=1)
def pace() -> Pace:
    return Pace(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _session(base_url: str) -> Session:
    return new_session(allow_private=settings.ALLOW_PRIVATE_HOSTS, connections=64)


@lru_cache(maxsize=1)
def _tokens() -> RedisTokenStore:
    return RedisTokenStore(settings.REDIS_URL, system="mpesa")
