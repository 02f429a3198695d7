"""All Fineract hosts of the sandbox, and the switches and faults that belong to them."""

from sandbox.fineract.host import Host
from sandbox.fineract.records import Loan, User
from sandbox.fineract.wire import Json, boot_time
from sandbox.world import World

VERSIONS = ("1.14", "develop")
DATABASES = ("postgresql", "mariadb")

# Played inside the handlers; the generic kinds are the router's.
FAULT_KINDS = (
    "booked_error",
    "cob_lock",
    "conflict",
    "double",
    "inline_cob",
    "late",
    "not_delivered",
    "read_only",
    "scheduler",
    "slow_processing",
    "stale_totals",
    "stuck",
    "wrong_event",
)


class State:
    """The hosts by name, and the choices that hold for all of them unless a host has its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hosts: dict[str, Host] = {}
        switches = world.switches
        switches.register("fineract.version", "1.14", choices=VERSIONS)
        switches.register("fineract.database", "postgresql", choices=DATABASES)
        switches.register("fineract.key_awaiting", "under_processing", choices=("under_processing", "replay"))
        switches.register("fineract.page_shape", "page_impl", choices=("page_impl", "paged_model"))
        switches.register("fineract.total_records", "right", choices=("right", "zero", "page"))
        switches.register("fineract.list_order", "unstable", choices=("unstable", "insertion"))
        switches.register("fineract.hook_form", "flat", choices=("flat", "broken"))
        switches.register("fineract.retry_seconds", 1.0)
        world.faults.register("fineract", *FAULT_KINDS)
        world.error_bodies["fineract"] = self._error_body

    def _error_body(self) -> Json:
        return boot_body(self.world, 500, "/fineract-provider/api/v1/loans")

    def version(self, host: Host) -> str:
        """The release that a host plays."""
        return host.version or str(self.world.switches.get("fineract.version"))

    def develops(self, host: Host) -> bool:
        """Whether a host plays `develop (mid-2026)`."""
        return self.version(host) == "develop"

    def on_postgresql(self, host: Host) -> bool:
        """Whether a host's database is PostgreSQL."""
        return (host.database or self.world.switches.get("fineract.database")) == "postgresql"


_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
}


def boot_body(world: World, status: int, path: str) -> Json:
    """Spring Boot's error JSON."""
    reason = _REASONS.get(status, "Internal Server Error")
    return {"timestamp": boot_time(world.clock.now()), "status": status, "error": reason, "path": path}


def sees(user: User, loan: Loan) -> bool:
    """Whether a loan is in the user's office or below it; office 1 is the head office."""
    return user.office_id in (1, loan.client.office_id)
