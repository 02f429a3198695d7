"""``GET /oauth/v1/generate`` and the check of the token that it gives."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import timedelta

from aiohttp import web

from sandbox.daraja import errors
from sandbox.daraja.state import State, Token
from sandbox.routing import answer
from sandbox.world import World

LIFE_SECONDS = 3599
TOKEN_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


async def generate(world: World, request: web.Request) -> web.Response:
    """Give a token for consumer key and secret."""
    fault = world.faults.pick("daraja", "token")
    if fault is not None and (wrong := errors.played(world, fault)) is not None:
        return wrong
    if request.query.get("grant_type") != "client_credentials":
        return errors.refusal(world, 400, "400.008.02", "Invalid grant type passed")
    pair = basic(request.headers.get("Authorization", ""))
    if pair is None:
        return errors.refusal(world, 400, "400.008.01", "Invalid Authentication passed")
    key, secret = pair
    if not _known(world.daraja, key, secret):
        if world.switches.get("daraja.bad_key_body") == "empty":
            return web.Response(status=400)
        return errors.refusal(world, 400, "400.008.01", "Invalid Authentication passed")
    seconds = str(LIFE_SECONDS) if world.switches.get("daraja.expires_in_type") == "string" else LIFE_SECONDS
    return answer({"access_token": _new_token(world, key), "expires_in": seconds})


def basic(header: str) -> tuple[str, str] | None:
    """User and password of a Basic header; None if it is none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, colon, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return None
    return (key, secret) if colon else None


def _known(state: State, key: str, secret: str) -> bool:
    return any(
        shortcode.consumer_key == key
        and hmac.compare_digest(shortcode.consumer_secret.encode(), secret.encode())
        for shortcode in state.shortcodes.values()
    )


def _new_token(world: World, key: str) -> str:
    state = world.daraja
    if world.switches.get("daraja.invalidate_previous_token") == "on":
        state.tokens = {text: token for text, token in state.tokens.items() if token.consumer_key != key}
    text = "".join(world.random.choices(TOKEN_LETTERS, k=28))
    state.tokens[text] = Token(key, world.clock.now() + timedelta(seconds=LIFE_SECONDS))
    state.tokens_given += 1
    return text


def consumer_key(world: World, request: web.Request) -> str | None:
    """The app that the request's token belongs to; None if the token is not good."""
    token = world.daraja.tokens.get(bearer(request))
    return token.consumer_key if token is not None and token.expires_at > world.clock.now() else None


def bearer(request: web.Request) -> str:
    """The token in the Authorization header."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
