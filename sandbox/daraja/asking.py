"""What status, balance and B2B share: a gateway-made id, the operator's check, an asynchronous result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.daraja import ids, results
from sandbox.daraja.delivery import Delivery, deliver
from sandbox.daraja.gateway import Call, accepted, internal_error_text, not_taken
from sandbox.daraja.operators import operator_refusal
from sandbox.world import World

Body = dict[str, Any]


class Asked:
    """One accepted request with the ids that the gateway gave it."""

    def __init__(self, world: World, call: Call) -> None:
        self.world, self.call = world, call
        self.conversation_id = ids.conversation_id(world.random, world.clock.now())
        self.originator_conversation_id = ids.gateway_id(world.random)

    def result(self, code: str, **more: Any) -> Body:
        """A result under this request's ids."""
        defaults = {
            "transaction_id": ids.generic_receipt(self.world.clock.now()),
            "references": {"Key": "Occasion"},
        }
        return results.result(
            self.world,
            code=code,
            originator_conversation_id=self.originator_conversation_id,
            conversation_id=self.conversation_id,
            **(defaults | more),
        )


async def ask(
    world: World,
    call: Call,
    role: str,
    do: Callable[[Asked], Body],
    refuse: Callable[[Asked, str], Body] = lambda asked, code: asked.result(code),
) -> web.Response:
    """Accept, look at the operator when its turn comes, then ``do`` it and send the result.

    There is no client id here, and so no protection against doing it twice.
    """
    kind = call.fault.kind if call.fault else ""
    if call.fault is not None and kind == "response_code":
        return not_taken(world, call.fault)
    internal_error = kind == "duplicate_text_as_internal_error"
    if internal_error and call.fault is not None and not call.fault.params.get("accepted"):
        return internal_error_text(world)
    asked = Asked(world, call)

    def work(forced: str | None) -> Body:
        refused = forced or operator_refusal(world, call.shortcode, call.consumer_key, role, call.body)
        return refuse(asked, refused) if refused else do(asked)

    await deliver(
        world,
        Delivery(
            operation=call.operation,
            request=call.body,
            originator_conversation_id=asked.originator_conversation_id,
            conversation_id=asked.conversation_id,
            work=work,
            fault=call.fault,
        ),
    )
    if internal_error:
        return internal_error_text(world)
    return accepted(asked.conversation_id, asked.originator_conversation_id)
