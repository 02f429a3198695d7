"""From the stored account at NCBA to the clients that speak for it, and the addresses by which NCBA calls us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction

from common import audit, tokens
from common.changes import By, Saved, put
from common.gateway import GatewayError, Rejected
from common.http import Session, new_session
from common.money import shown
from common.token_store import RedisTokenStore
from wallet import ncba_settings
from wallet.bank_models import BankAccount
from wallet.ncba import Gateway, Till
from wallet.ncba_shapes import BankBalance, GatewayLogin, TillLogin

TOKEN_PURPOSE = "ncba"


def active() -> BankAccount | None:
    """Return the account that the platform works with, if there is one."""
    return BankAccount.objects.filter(is_active=True).first()


def put_account(*, number: str, fields: Mapping[str, Any], by: By, at: datetime) -> Saved[BankAccount]:
    """Make or update our account at NCBA, and let it be the one that is used; another one is switched off.

    :param fields: columns of `BankAccount`
    :raises ValidationError: a field is not what the model allows
    """
    row = BankAccount.objects.filter(account=number).first() or BankAccount(account=number)
    with transaction.atomic():
        for other in BankAccount.objects.filter(is_active=True).exclude(account=number):
            put(other, {"is_active": False}, by=by, at=at)
        return put(row, {"account": number, "is_active": True} | dict(fields), by=by, at=at)


def renew_addresses(*, account_id: Any, by: By, at: datetime) -> BankAccount:
    """Give the account new addresses for notices; those before stay good until the next time."""
    with transaction.atomic():
        row = BankAccount.objects.select_for_update(no_key=True).get(pk=account_id)
        row.callback_version += 1
        row.save(update_fields=["callback_version", "updated_at"])
        audit.write(
            action="callback addresses renewed",
            subject=row,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
        )
    return row


def till(account: BankAccount) -> Till:
    """Return a client of the till.

    :raises Rejected: it was never set up
    """
    if not (account.till and account.till_username and account.till_password):
        raise Rejected("The till's number, user name or password is missing", stop=True)
    return Till(
        base_url=settings.NCBA_TILL_URL,
        login=TillLogin(user=account.till_username, password=account.till_password),
        ncba=ncba_settings.current(),
        session=_session(settings.NCBA_TILL_URL),
        tokens=_tokens(),
    )


def gateway(account: BankAccount) -> Gateway:
    """Return a client of the Open Banking gateway.

    :raises Rejected: it was never set up
    """
    if not has_gateway(account):
        raise Rejected("The gateway's address, user, password or subscription key is missing", stop=True)
    login = GatewayLogin(
        user=account.gateway_user,
        password=account.gateway_password,
        subscription_key=account.subscription_key,
    )
    return Gateway(
        base_url=settings.NCBA_OPEN_BANKING_URL,
        login=login,
        ncba=ncba_settings.current(),
        session=_session(settings.NCBA_OPEN_BANKING_URL),
        tokens=_tokens(),
    )


def has_gateway(account: BankAccount) -> bool:
    """Whether the account can be asked for its statement."""
    login = (account.gateway_user, account.gateway_password, account.subscription_key)
    return bool(settings.NCBA_OPEN_BANKING_URL and all(login))


def account_reference(account: BankAccount, code: str) -> str:
    """Return what a partner writes into the account field of its payment."""
    return f"{account.till}#{code.upper()}"


def callback_address(account: BankAccount, what: str) -> str:
    """Return the address for the bank's form: `what` is paybill or account."""
    token = tokens.make(TOKEN_PURPOSE, account.pk, version=account.callback_version)
    return f"{settings.PUBLIC_BASE_URL}/callbacks/ncba/{token}/{what}"


def callback_addresses(account: BankAccount) -> dict[str, str]:
    """Return both addresses for the bank's form, by kind of notice."""
    return {what: callback_address(account, what) for what in ("paybill", "account")}


def named_by(token: str) -> BankAccount | None:
    """Return the account that a callback token names; the version before the present one is still good."""
    subject = tokens.read(TOKEN_PURPOSE, token)
    row = BankAccount.objects.filter(pk=subject.id).first() if subject else None
    if subject is None or row is None:
        return None
    return row if row.callback_version - 1 <= subject.version <= row.callback_version else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What works of an account, in words."""

    lines: tuple[tuple[bool, str], ...]
    balance: BankBalance | None

    @property
    def good(self) -> bool:
        return all(good for good, _ in self.lines)


def examine(account: BankAccount) -> Examination:
    """Try both logins and say what works; no money moves."""
    balance = None
    try:
        till(account).log_in()
        tills = (True, "The till accepts the user name and password.")
    except GatewayError as exc:
        tills = (False, f"The till does not work: {exc}.")
    try:
        balance = gateway(account).balance(account.account)
        gateways = (True, f"The gateway works: the account holds {shown(balance.available)}.")
    except GatewayError as exc:
        gateways = (False, f"The gateway does not work: {exc}.")
    return Examination(lines=(tills, gateways), balance=balance)


@lru_cache(maxsize=4)
def _session(base_url: str) -> Session:
    return new_session(allow_private=settings.ALLOW_PRIVATE_HOSTS)


@lru_cache(maxsize=1)
def _tokens() -> RedisTokenStore:
    return RedisTokenStore(settings.REDIS_URL, system="ncba")
