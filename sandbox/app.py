"""Put the systems together into one aiohttp application."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from aiohttp import web

from sandbox import damza, daraja, fineract, ncba, page
from sandbox.control import Control, explain_errors
from sandbox.world import World

SYSTEMS: dict[str, ModuleType] = {
    "daraja": daraja,
    "fineract": fineract,
    "damza": damza,
    "ncba": ncba,
}
WORLD: web.AppKey[World] = web.AppKey("world", World)


def make_app(*, seed: int = 1) -> web.Application:
    """The whole sandbox; ``app[WORLD]`` is its world."""
    world = World(seed)
    app = web.Application(middlewares=[explain_errors], client_max_size=8 * 2**20)
    app[WORLD] = world
    for name, system in SYSTEMS.items():
        world.add_system(name, system.State)
        app.add_routes(system.routes(world))
        app.add_routes(system.control_routes(world))
    app.add_routes(Control(world, SYSTEMS).routes())
    app.add_routes(page.routes(world))
    world.owner_of = partial(_client_name, world)
    app.on_cleanup.append(_close)
    return app


def _client_name(world: World, phone: str) -> str | None:
    """The name of the Mifos client with this phone."""
    clients = (host.by_mobile.get(phone) for host in world.fineract.hosts.values())
    return next((client.name for client in clients if client is not None), None)


async def _close(app: web.Application) -> None:
    await app[WORLD].close()
