"""Is the operator who signs the request the right one? The first thing that M-Pesa looks at."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from sandbox.daraja.state import Shortcode
from sandbox.world import World


def operator_refusal(
    world: World, shortcode: Shortcode, consumer_key: str, role: str, body: Mapping[str, Any]
) -> str | None:
    """The result code with which the operator is refused; None if all is well.

    Wrong passwords are counted, and lock the operator until the shortcode is set up again.
    """
    if shortcode.locked:
        return "8006"
    if shortcode.consumer_key != consumer_key:
        return "2028"
    name = str(body.get("InitiatorName", body.get("Initiator", "")))
    if name != shortcode.initiator:
        return "2001"
    password = world.daraja.key.open(str(body["SecurityCredential"]))
    if password is None or not hmac.compare_digest(password.encode(), shortcode.initiator_password.encode()):
        shortcode.wrong_credentials += 1
        shortcode.locked = shortcode.wrong_credentials >= int(world.switches.get("daraja.lock_after"))
        return "2001"
    shortcode.wrong_credentials = 0
    return None if role in shortcode.roles else "21"
