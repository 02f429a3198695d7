"""``/control/ncba/…``: set up accounts and users, pay in, send pushes again, read the books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.control import Expected, money, need, read
from sandbox.ncba import notices, pushing
from sandbox.ncba.booking import Movement, book_and_announce
from sandbox.ncba.paying import is_mobile, pay_till
from sandbox.ncba.state import HASH_FIELDS, Account, GatewayUser, as_books
from sandbox.routing import answer
from sandbox.world import World

TEXTS = ("name", "currency", "push_user", "push_password", "push_secret", "push_b_url", "push_c_url")
CHOICES = {"push_b_form": ("json", "xml"), "credit_account": ("paybill", "till", "account")}
HASHABLE = {*HASH_FIELDS, "FTRef", "Narrative", "BusinessShortCode", "AccountNr"}
HASHES = ("hex", "extra_equals", "raw", "wrong", "stale")


def control_routes(world: World) -> list[web.RouteDef]:
    """NCBA's control pages."""

    async def accounts(request: web.Request) -> web.Response:
        return answer(set_account(world, await read(request)))

    async def users(request: web.Request) -> web.Response:
        return answer(set_user(world, await read(request)))

    async def till_users(request: web.Request) -> web.Response:
        body = await read(request)
        need(body, "user", "secret")
        world.ncba.till_users[str(body["user"])] = str(body["secret"])
        return answer({"user": str(body["user"])})

    async def pay(request: web.Request) -> web.Response:
        return answer(await take_payment(world, await read(request)))

    async def transfer_in(request: web.Request) -> web.Response:
        return answer(await take_transfer(world, await read(request)))

    async def send(request: web.Request) -> web.Response:
        return answer(await send_push(world, int(request.match_info["id"]), await read(request)))

    async def references(request: web.Request) -> web.Response:
        body = await read(request)
        need(body, "after")
        return answer({"after": world.ncba.references_after(int(body["after"]))})

    async def books(request: web.Request) -> web.Response:
        return answer(as_books(world.ncba))

    return [
        web.post("/control/ncba/accounts", accounts),
        web.post("/control/ncba/users", users),
        web.post("/control/ncba/till-users", till_users),
        web.post("/control/ncba/pay", pay),
        web.post("/control/ncba/transfer-in", transfer_in),
        web.post("/control/ncba/pushes/{id}/send", send),
        web.post("/control/ncba/references", references),
        web.get("/control/ncba/books", books),
    ]


def set_account(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create or update; what is not named stays. A new balance is set without a line."""
    need(body, "account")
    state, number = world.ncba, str(body["account"])
    changes: dict[str, Any] = {name: str(body[name]) for name in TEXTS if name in body}
    for name, choices in CHOICES.items():
        if name in body:
            if body[name] not in choices:
                raise Expected(f"{name}: one of {', '.join(choices)} expected, not {body[name]!r}")
            changes[name] = body[name]
    if "balance" in body:
        changes["balance"] = money(body["balance"], "balance")
    if "hash_fields" in body:
        changes["hash_fields"] = _hash_fields(body["hash_fields"])
    if "till" in body:
        changes["till"] = _free_till(world, str(body["till"]), number)
    account = state.accounts.setdefault(number, Account(account=number))
    for name, value in changes.items():
        setattr(account, name, value)
    state.by_till = {one.till: one for one in state.accounts.values() if one.till}
    return {
        "account": number,
        "name": account.name,
        "balance": f"{account.balance:.2f}",
        "till": account.till,
    }


def _hash_fields(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not set(given) <= HASHABLE:
        raise Expected(f"hash_fields: a list of {', '.join(sorted(HASHABLE))} expected")
    return tuple(given)


def _free_till(world: World, till: str, number: str) -> str:
    holder = world.ncba.by_till.get(till)
    if holder is not None and holder.account != number:
        raise Expected(f"till: {till} belongs to account {holder.account}")
    return till


def set_user(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create or update a customer of the gateway; what is not named stays."""
    need(body, "user")
    state, name = world.ncba, str(body["user"])
    changes: dict[str, Any] = {key: str(body[key]) for key in ("password", "subscription_key") if key in body}
    for key in ("ips", "accounts"):
        if key in body:
            changes[key] = _texts(body[key], key)
    if name not in state.users:
        need(body, "password", "subscription_key")
    user = state.users.setdefault(name, GatewayUser(user=name))
    for key, value in changes.items():
        setattr(user, key, value)
    return {"user": name, "ips": user.ips, "accounts": user.accounts}


def _texts(given: Any, name: str) -> tuple[str, ...] | None:
    if given is not None and not isinstance(given, list):
        raise Expected(f"{name}: a list or null expected")
    return None if given is None else tuple(str(one) for one in given)


def _positive(body: dict[str, Any]) -> Decimal:
    amount = money(body["amount"], "amount")
    if amount <= 0:
        raise Expected("amount: above zero")
    return amount


async def take_payment(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """A customer pays the till by M-Pesa; what the wallet lacks is brought in cash."""
    need(body, "till", "phone", "amount")
    amount, number, till = _positive(body), str(body["phone"]), str(body["till"])
    if not is_mobile(number):
        raise Expected("phone: 2547… or 2541… expected")
    if till not in world.ncba.by_till:
        raise Expected(f"till: one of {', '.join(world.ncba.by_till) or 'none yet'} expected")
    phone = world.daraja.phone(number)
    if phone.balance >= amount:
        phone.balance -= amount
    name, code = str(body.get("name") or phone.name), str(body.get("code", ""))
    line = await pay_till(world, till=till, code=code, phone=number, name=name, amount=amount)
    return line.as_dict()


async def take_transfer(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Money comes in from another bank; a negative amount is taken out, as the bank does with its fees."""
    need(body, "account", "amount")
    amount = money(body["amount"], "amount")
    if not amount:
        raise Expected("amount: not zero")
    movement = Movement(
        kind="transfer_in" if amount > 0 else "transfer_out",
        amount=amount,
        narrative=str(body.get("narrative", "")),
        counter_account=str(body.get("counter_account", "")),
        name=str(body.get("name", "BANK CUSTOMER")),
    )
    account = world.ncba.accounts[str(body["account"])]
    return (await book_and_announce(world, account, movement)).as_dict()


async def send_push(world: World, push_id: int, body: dict[str, Any]) -> dict[str, Any]:
    """Send a push now, whatever became of it; ``changes`` alter fields, ``hash`` says how they are sealed."""
    if not 0 < push_id <= len(world.ncba.pushes):
        raise Expected(f"no push {push_id}")
    push = world.ncba.pushes[push_id - 1]
    how = str(body.get("hash", world.ncba.switch("push_hash")))
    if how not in HASHES:
        raise Expected(f"hash: one of {', '.join(HASHES)} expected, not {how!r}")
    changes = {str(name): str(value) for name, value in dict(body.get("changes") or {}).items()}
    fields = None
    if changes or "hash" in body:
        fields = push.fields | changes
        if how != "stale":
            account = world.ncba.accounts[push.account]
            fields = notices.sealed(world.ncba, account, push.kind, fields, how)
    for _ in range(int(body.get("times", 1))):
        await pushing.post(world, push, fields)
    return push.as_dict()
