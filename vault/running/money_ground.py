"""A ground with a bank: partners with small floats, wallets that are topped up, and rules that buy float."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from vault.running.ground import Ground

ACCOUNT, TILL = "1000000001", "123456"
AT_BANK = Decimal(50_000_000)
BANK = {
    "account": ACCOUNT,
    "till": TILL,
    "till_username": "vault-till",
    "till_password": "till-password",
    "gateway_user": "vault",
    "gateway_password": "gateway-password",
    "subscription_key": "subscription",
    "push_username": "vault",
    "push_password": "push-password",
    "push_secret": "push-secret",
    "hash_mode": "enforce",
}
PACES = {"NCBA_STATEMENT_POLL_SECONDS": "5", "NCBA_TOPUP_ASK_SECONDS": "3", "NCBA_READ_TIMEOUT_SECONDS": "8"}


@dataclass(kw_only=True)
class MoneyGround(Ground):
    """All processes, and NCBA among those outside."""

    def _environment(self) -> dict[str, str]:
        addresses = {
            "NCBA_OPEN_BANKING_URL": f"{self.outside.url}/ncba",
            "NCBA_TILL_URL": f"{self.outside.url}/ncba-till",
            "NCBA_FLOAT_ROUTE": "float_purchase",
            "FLOAT_PURCHASE_CONFIRM": "second_person",
        }
        return super()._environment() | addresses | PACES

    def _set_up_outside(self) -> None:
        super()._set_up_outside()
        push = {name: BANK[name] for name in ("push_password", "push_secret")} | {
            "push_user": BANK["push_username"]
        }
        self.outside.post("ncba/accounts", account=ACCOUNT, till=TILL, balance=str(AT_BANK), **push)
        self.outside.post(
            "ncba/users",
            user=BANK["gateway_user"],
            password=BANK["gateway_password"],
            subscription_key=BANK["subscription_key"],
        )
        self.outside.post("ncba/till-users", user=BANK["till_username"], secret=BANK["till_password"])

    def _setup(self, certificate: Path) -> dict[str, Any]:
        return super()._setup(certificate) | {"bank": BANK}

    def _connect(self, applied: dict[str, Any]) -> None:
        calls = applied["bank"]["callbacks"]
        self.outside.post(
            "ncba/accounts", account=ACCOUNT, push_b_url=calls["paybill"], push_c_url=calls["account"]
        )
