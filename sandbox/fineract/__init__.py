"""Apache Fineract (Mifos X), simulated: any number of hosts, releases 1.14 and develop (mid-2026)."""

from aiohttp import web

from sandbox.fineract import (
    api_clients,
    api_hooks,
    api_loans,
    api_platform,
    api_savings,
    api_transactions,
    control,
)
from sandbox.fineract.state import State
from sandbox.fineract.wire import Json
from sandbox.world import World

__all__ = ["State", "books", "control_routes", "routes"]

_APIS = (api_loans, api_transactions, api_clients, api_savings, api_platform, api_hooks)


def routes(world: World) -> list[web.RouteDef]:
    """Fineract's own API for every host."""
    return [route for api in _APIS for route in api.routes(world)]


def control_routes(world: World) -> list[web.RouteDef]:
    """The pages under `/control/fineract`."""
    return control.routes(world)


def books(world: World) -> Json:
    """All hosts' books."""
    return {"hosts": {name: control.host_books(host) for name, host in world.fineract.hosts.items()}}
