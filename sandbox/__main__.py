"""``python -m sandbox --port 9000``: run the outside world."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging

from aiohttp import web

from sandbox.app import make_app


def main() -> None:
    """Read the arguments and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(name)s %(levelname)s %(message)s")
    web.run_app(
        make_app(seed=options.seed),
        host=options.host,
        port=options.port,
        access_log=None,
        loop=_fast_loop(),
        shutdown_timeout=1,
    )


def _fast_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it is installed, else the standard one."""
    if importlib.util.find_spec("uvloop"):
        uvloop = importlib.import_module("uvloop")
        return uvloop.new_event_loop()  # type: ignore[no-any-return]
    return asyncio.new_event_loop()


if __name__ == "__main__":
    main()
