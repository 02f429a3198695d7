"""Put the systems together into one aiohttp application."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from aiohttp import web

from sandbox.control import Control, explain_errors
from sandbox.world import World

SYSTEMS = ("daraja", "fineract", "damza")
WORLD: web.AppKey[World] = web.AppKey("world", World)


def load_systems() -> dict[str, ModuleType]:
    """The packages that play the outside systems."""
    found = (name for name in SYSTEMS if importlib.util.find_spec(f"sandbox.{name}"))
    modules = {name: importlib.import_module(f"sandbox.{name}") for name in found}
    return {name: module for name, module in modules.items() if hasattr(module, "State")}


def make_app(*, seed: int = 1) -> web.Application:
    """The whole sandbox; ``app[WORLD]`` is its world."""
    world, systems = World(seed), load_systems()
    app = web.Application(middlewares=[explain_errors], client_max_size=8 * 2**20)
    app[WORLD] = world
    for name, system in systems.items():
        world.add_system(name, system.State)
        app.add_routes(system.routes(world))
        app.add_routes(system.control_routes(world))
    app.add_routes(Control(world, systems).routes())
    app.on_cleanup.append(_close)
    return app


async def _close(app: web.Application) -> None:
    await app[WORLD].close()
