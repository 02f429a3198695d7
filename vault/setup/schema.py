"""What a set-up file may say. Each field tells in words what is expected; texts may be written as numbers."""

from collections.abc import Callable
from datetime import time
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError as DjangoError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from common.money import BadAmount, kes
from common.phone import BadPhone, canonical
from mifos import address
from mifos.rules import BadRules, read_rules
from vault.setup.document import WrittenFloat, WrittenInt


def _as_written(value: Any) -> Any:
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


def _money(value: Any) -> Decimal:
    try:
        amount = kes(_as_written(value))
    except BadAmount as exc:
        raise ValueError(str(exc)) from None
    if amount < 0:
        raise ValueError("an amount below zero")
    return amount


def _phone(text: str) -> str:
    try:
        return canonical(text)
    except BadPhone as exc:
        raise ValueError(str(exc)) from None


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("there is no such time zone") from None
    return text


def _as_mifos(check: Callable[[str], str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            return check(text)
        except DjangoError as exc:
            raise ValueError(" ".join(exc.messages)) from None

    return checked


def _rules(written: Any) -> dict[str, Any]:
    plain = _plain(written)
    try:
        read_rules(plain)
    except BadRules as exc:
        raise ValueError("; ".join(str(exc).splitlines())) from None
    found: dict[str, Any] = plain
    return found


def _plain(value: Any) -> Any:
    """Give numbers back their ordinary type, for what is kept as JSON."""
    if isinstance(value, WrittenInt):
        return int(value)
    if isinstance(value, WrittenFloat):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_as_written), StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[Text, StringConstraints(max_length=100)]
Money = Annotated[Decimal, BeforeValidator(_money)]
Phone = Annotated[Text, AfterValidator(_phone)]
ShortcodeNumber = Annotated[Text, Field(pattern=r"^\d{5,7}$")]
Band = Annotated[
    tuple[Money, Money], Field(description="a pair [up to, fee] in shillings, such as [1000, 10]")
]
NUMBER_WORDS = '5 to 7 digits in quotes, such as "600992"'


Hour = Annotated[time, BeforeValidator(_as_written)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self, *names: str) -> dict[str, Any]:
        """Return those of the named fields that the file has; what it does not say stays as it is."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


class ShortcodePart(Part):
    number: ShortcodeNumber = Field(description=NUMBER_WORDS)
    kind: Literal["b2c", "c2b", "both"] = Field(description="b2c, c2b or both")
    consumer_key: Text = Field(default="", description="the consumer key of the Daraja app")
    consumer_secret: Text = Field(default="", description="the consumer secret of the Daraja app")
    initiator: Name = Field(default="", description="the name of the API operator")
    initiator_password: Text = Field(default="", description="the API operator's password")
    certificate: Text = Field(default="", description="the path of Safaricom's certificate (PEM)")
    response_type: Literal["Completed", "Cancelled"] = Field(
        default="Completed", description="Completed or Cancelled"
    )
    version: Literal["v1", "v2"] = Field(default="v2", description="v1 or v2")
    passkey: Text = Field(default="", description="the passkey for prompts on phones")
    store_number: ShortcodeNumber = Field(default="", description="a till's store number, in quotes")
    pull_phone: Phone | None = Field(default=None, description="the number nominated for Pull")
    rate_per_second: Annotated[Decimal, BeforeValidator(_as_written), Field(gt=0, le=1000)] = Field(
        default=Decimal(5), description="payouts per second, above 0"
    )


class BankPart(Part):
    account: Text = Field(description="the account number at NCBA")
    till: Text = Field(default="", description="the till number")
    till_username: Text = Field(default="", description="the user name of the till API")
    till_password: Text = Field(default="", description="the password of the till API")
    gateway_user: Text = Field(default="", description="the user of the Open Banking gateway")
    gateway_password: Text = Field(default="", description="the password of the Open Banking gateway")
    subscription_key: Text = Field(default="", description="the subscription key")
    push_username: Text = Field(default="", description="the user name in NCBA's notices")
    push_password: Text = Field(default="", description="the password in NCBA's notices")
    push_secret: Text = Field(default="", description="the secret key of NCBA's notices")
    hash_mode: Literal["off", "log", "enforce"] = Field(default="log", description="off, log or enforce")


class MifosPart(Part):
    host_url: Annotated[Text, AfterValidator(_as_mifos(address.origin))] = Field(
        description="the host's address, such as https://kilimo.example:8443"
    )
    api_endpoint: Annotated[Text, AfterValidator(_as_mifos(address.endpoint))] = Field(
        default="/fineract-provider/api/v1", description="the path, such as /fineract-provider/api/v1"
    )
    tenant_id: Name = Field(default="default", description="the tenant, such as default")
    username: Name = Field(description="the name of the API user in Mifos")
    password: Text = Field(description="the password of the API user in Mifos")
    timezone: Annotated[Text, AfterValidator(_zone)] = Field(
        default="Africa/Nairobi", description="the tenant's time zone, such as Africa/Nairobi"
    )
    payment_type: Name = Field(default="M-Pesa", description="the name of a payment type in Mifos")
    release: Annotated[Literal["1.14", "develop"], BeforeValidator(_as_written)] = Field(
        default="1.14", description='"1.14" or "develop"'
    )
    poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=15, description="whole seconds, 1 or more"
    )


class ProductsPart(Part):
    auto_disburse: Literal["all"] | list[int] = Field(
        default_factory=list, description="all, or a list of Mifos product numbers such as [1, 4]"
    )
    rules: Annotated[dict[str, Any], BeforeValidator(_rules)] = Field(
        default_factory=dict, description="rules such as {max_per_client_per_day: 1}"
    )


class AutoFloatPart(Part):
    below: Annotated[Money, Field(gt=0)] = Field(description="an amount in shillings, above zero")
    buy: Annotated[Money, Field(gt=0)] = Field(description="whole shillings, above zero")
    max_per_day: Annotated[Money, Field(gt=0)] = Field(description="an amount in shillings, above zero")
    hours: tuple[Hour, Hour] | None = Field(
        default=None, description='hours of Nairobi such as ["06:00", "20:00"]; without it, at any hour'
    )

    @model_validator(mode="after")
    def one_fits_into_a_day(self) -> "AutoFloatPart":
        if self.buy != self.buy.to_integral_value():
            raise ValueError("`buy` must be whole shillings")
        if self.max_per_day < self.buy:
            raise ValueError("`max_per_day` must not be below `buy`, or nothing would ever be bought")
        if self.hours and self.hours[0] >= self.hours[1]:
            raise ValueError("`hours` must begin before they end")
        return self


class WalletPart(Part):
    opening_balance: Money = Field(default=Decimal(0), description="an amount in shillings")
    opening_float: Money = Field(default=Decimal(0), description="an amount in shillings")
    low_balance_threshold: Money = Field(default=Decimal(0), description="an amount in shillings")
    auto_float: AutoFloatPart | None = Field(default=None, description="below, buy and max_per_day")


class TariffPart(Part):
    payout: Annotated[list[Band], Field(min_length=1)] = Field(
        default_factory=list, description="rising pairs [up to, fee], such as [[1000, 10], [250000, 45]]"
    )
    sms: Money | None = Field(default=None, description="shillings per segment")
    float_purchase: Money | None = Field(default=None, description="shillings per purchase")

    @model_validator(mode="after")
    def bands_rise(self) -> "TariffPart":
        limits = [up_to for up_to, _ in self.payout]
        if any(low >= high for low, high in zip([Decimal(0), *limits], limits, strict=False)):
            raise ValueError("the first numbers of the payout bands must rise from band to band")
        return self


class CollectionsPart(Part):
    prefixes: dict[str, Literal["loan", "savings"]] = Field(
        default_factory=dict, description="such as {L: loan, S: savings}"
    )
    unmatched: Literal["suspense"] = Field(default="suspense", description="suspense")
    prefer: Literal["loan", "savings"] | None = Field(default=None, description="loan or savings")
    excess: Literal["savings", "suspense", "post"] = Field(
        default="suspense", description="savings, suspense or post"
    )
    refuse_unknown: bool = Field(default=False, description="true or false")
    min_amount: Money = Field(default=Decimal(1), description="an amount in shillings")
    max_amount: Money = Field(default=Decimal(250_000), description="an amount in shillings")
    by_national_id: bool = Field(default=True, description="true or false")
    by_typed_phone: bool = Field(default=True, description="true or false")
    by_payer: bool = Field(default=False, description="true or false")
    blocked_phones: list[Phone] = Field(default_factory=list, description="a list of Kenyan mobile numbers")
    second_person_above: Money = Field(default=Decimal(50_000), description="an amount in shillings")
    tell_customer: bool = Field(default=True, description="true or false")
    tell_partner: bool = Field(default=False, description="true or false")
    tell_balance: bool = Field(default=False, description="true or false")


class SmsPart(Part):
    gateway: Literal["ultimate_sms", "airtouch", "partner_id", "africastalking"] = Field(
        default="ultimate_sms", description="ultimate_sms, airtouch, partner_id or africastalking"
    )
    api_key: Text = Field(default="", description="the key of the SMS account")
    username: Text = Field(default="", description="the user name of the SMS account")
    password: Text = Field(default="", description="the password of the SMS account")
    partner_code: Name = Field(default="", description="the partnerID of the SMS account")
    sender_id: Annotated[Text, Field(max_length=11)] = Field(
        default="", description="a registered sender ID, up to 11 characters"
    )
    base_url: Text = Field(default="", description="the address of the SMS gateway")
    language: Literal["en", "sw"] = Field(default="en", description="en or sw")


class PartnerPart(Part):
    code: Annotated[Text, Field(max_length=30, pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field(
        description="small letters, digits and hyphens, such as kilimo"
    )
    name: Annotated[Text, Field(max_length=150)] = Field(description="the partner's name")
    phones: list[Phone] = Field(
        default_factory=list, description='a list of Kenyan mobile numbers, such as ["254711000001"]'
    )
    mifos: MifosPart | None = Field(default=None, description="host_url, username, password, …")
    products: ProductsPart | None = Field(default=None, description="auto_disburse and rules")
    shortcodes: list[ShortcodePart] = Field(default_factory=list, description="a list of shortcodes")
    wallet: WalletPart | None = Field(default=None, description="opening_balance, opening_float, …")
    tariff: TariffPart | None = Field(default=None, description="payout, sms, float_purchase")
    collections: CollectionsPart | None = Field(default=None, description="prefixes, unmatched, …")
    sms: SmsPart | None = Field(default=None, description="gateway, api_key, sender_id, language")

    @model_validator(mode="after")
    def products_need_mifos(self) -> "PartnerPart":
        if self.products and not self.mifos:
            raise ValueError("products come from Mifos, so `mifos` is needed beside `products`")
        return self


class SetupFile(Part):
    shared_shortcodes: list[ShortcodePart] = Field(default_factory=list, description="a list of shortcodes")
    bank: BankPart | None = Field(default=None, description="the platform's account at NCBA")
    partners: list[PartnerPart] = Field(default_factory=list, description="a list of partners")
