"""What can befall the platform's own processes at any moment."""

import contextlib
import os
import random
import signal

import psutil
import redis

from vault import embedded_postgres, embedded_redis
from vault.running.children import kill_group
from vault.running.ground import Ground

READY_SECONDS = 60.0


def kill(ground: Ground, name: str) -> None:
    """`kill -9` a process and all that it started; the supervisor starts it again."""
    child = ground.child(name)
    if child.pid:
        child.deaths = 0  # it dies of us: no reason to start it more slowly each time
        kill_group(child.pid)


def kill_web_worker(ground: Ground, dice: random.Random) -> None:
    """`kill -9` one of gunicorn's workers with the requests it holds."""
    with contextlib.suppress(psutil.Error):
        if workers := psutil.Process(ground.child("web").pid).children():
            dice.choice(workers).kill()


def flush_redis(ground: Ground) -> None:
    """Empty Redis: queues, tokens, paces and slots are gone."""
    with contextlib.closing(redis.Redis.from_url(ground.platform.environment["REDIS_URL"])) as server:
        server.flushall()


def kill_redis(ground: Ground) -> None:
    """`kill -9` Redis, and wait until another one is there."""
    kill(ground, "redis")
    port = int((ground.supervisor.run_dir / "redis" / "port").read_text())
    ground.supervisor.wait_until(lambda: embedded_redis.ready(port), what="Redis", seconds=READY_SECONDS)


def restart_postgres(ground: Ground) -> None:
    """Stop PostgreSQL as `pg_ctl -m immediate` does (no goodbye, recovery afterwards), and wait for the next one.

    SIGQUIT is what `pg_ctl` sends; it refuses to be run by root, which a container may be.
    """
    data = ground.supervisor.run_dir / "pg"
    child = ground.child("postgres")
    old, child.deaths = child.pid, 0
    if old:
        os.kill(old, signal.SIGQUIT)
    ground.supervisor.wait_until(
        lambda: child.pid not in (None, old) and embedded_postgres.ready(data),
        what="PostgreSQL",
        seconds=READY_SECONDS,
    )
