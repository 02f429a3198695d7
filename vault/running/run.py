"""`make run`: the platform against the outside systems that the environment names."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from vault.running import stack
from vault.running.processes import CannotStart, Say, Stopped, Supervisor

MAKE_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"

URLS = {
    "PUBLIC_BASE_URL": "https://vault.example",
    "MPESA_BASE_URL": "https://api.safaricom.co.ke",
    "DAMZA_BASE_URL": "https://sms.damzaltd.com",
    "DATABASE_URL": "postgres://user:password@host:5432/vault",
    "REDIS_URL": "redis://host:6379/0",
}
SAME = {
    "https": {"http", "https"},
    "postgres": {"postgres", "postgresql"},
    "redis": {"redis", "rediss", "unix"},
}


def run(supervisor: Supervisor, *, host: str, port: int, given: Mapping[str, str], say: Say) -> int:
    """Start everything and keep it running until the end is asked for.

    :raises CannotStart: a setting is missing or wrong, or a part did not start
    """
    if problems := refusals(given):
        raise CannotStart("\n".join(["It cannot start:", *(f"- {problem}" for problem in problems)]))
    stack.check_port(host, port)
    platform = stack.Stack(supervisor=supervisor, host=host, port=port)
    platform.environment |= addresses(given, port=port)
    if not given.get("PUBLIC_BASE_URL"):
        say(f"PUBLIC_BASE_URL is not set: outside systems are told {platform.environment['PUBLIC_BASE_URL']}")
    platform.start_services(given)
    say("Migrating the database …")
    platform.manage("migrate", "migrate", "--no-input")
    platform.start_platform()
    say(f"Running: {platform.address}/admin/ · logs: {supervisor.run_dir / 'logs'} · Ctrl-C stops it")
    try:
        while True:
            supervisor.pause(3600)
    except Stopped:
        say("Stopping …")
    return 0


def addresses(given: Mapping[str, str], *, port: int) -> dict[str, str]:
    """Say by which names the platform is called, where the environment does not."""
    public = given.get("PUBLIC_BASE_URL") or f"http://127.0.0.1:{port}"
    return {
        "PUBLIC_BASE_URL": public,
        "ALLOWED_HOSTS": given.get("ALLOWED_HOSTS") or stack.allowed_hosts(public),
    }


def refusals(given: Mapping[str, str]) -> list[str]:
    """List what keeps the platform from starting, each with what to do about it."""
    problems = []
    if not given.get("SECRET_KEY"):
        problems.append(f"SECRET_KEY is not set. Make one: {MAKE_SECRET}")
    keys = [key.strip() for key in given.get("VAULT_ENCRYPTION_KEYS", "").split(",") if key.strip()]
    if not keys:
        problems.append(f"VAULT_ENCRYPTION_KEYS is not set. Make one: {MAKE_KEY}")
    problems += [
        f"VAULT_ENCRYPTION_KEYS: key {place} of {len(keys)} is not a Fernet key. Make one: {MAKE_KEY}"
        for place, key in enumerate(keys, start=1)
        if not _is_fernet(key)
    ]
    problems += [
        f"{name} must be a whole address such as {example}."
        for name, example in URLS.items()
        if given.get(name) and not _is_url(given[name], scheme=example.partition(":")[0])
    ]
    return problems


def _is_url(value: str, *, scheme: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in SAME[scheme] and bool(parts.netloc or parts.path)


def _is_fernet(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
