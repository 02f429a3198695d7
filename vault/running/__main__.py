"""Read the command line, and run one of the ways to run."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import environ

from vault import embedded
from vault.running.bench.report import PARTS
from vault.running.lock import AlreadyRunning
from vault.running.processes import CannotStart, Stopped, Supervisor
from vault.running.stack import PROJECT


def main(words: list[str] | None = None) -> int:
    """Run what the command line names and return the exit code."""
    options = _parser().parse_args(words)
    given = settings_given(PROJECT / ".env")
    try:
        if options.way == "chaos":
            from vault.running import chaos

            return chaos.run(seed=options.seed, loans=options.loans, payments=options.payments, say=say)
        with Supervisor(embedded.RUN_DIR, say=say) as supervisor:
            return _run(options, supervisor, given)
    except (AlreadyRunning, CannotStart) as exc:
        say(str(exc))
        return 1
    except Stopped:
        say("Stopped before it was up.")
        return 130


def _run(options: argparse.Namespace, supervisor: Supervisor, given: Mapping[str, str]) -> int:
    host = options.host
    if options.way == "run":
        from vault.running.run import run

        return run(supervisor, host=host, port=options.port, given=given, say=say)
    if options.way == "bench":
        from vault.running.bench.report import bench

        return bench(supervisor, port=options.port, only=options.only, given=given, say=say)
    from vault.running.demo import Demo

    demo = Demo(supervisor=supervisor, host=host, port=options.port, given=given, say=say)
    return demo.run(loans=options.loans, exit_when_settled=options.exit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vault.running", description=__doc__)
    ways = parser.add_subparsers(dest="way", required=True)
    run = ways.add_parser("run", help="the platform, against the outside systems of the environment")
    demo = ways.add_parser("demo", help="the platform and a simulated outside, with loans coming in")
    demo.add_argument("--loans", type=_positive, help="approve so many loans, quickly, then no more")
    demo.add_argument("--exit", action="store_true", help="stop when all are settled and compare the books")
    bench = ways.add_parser("bench", help="measure, on the real processes")
    bench.add_argument("--only", choices=PARTS, help="one part alone")
    chaos = ways.add_parser("chaos", help="everything that can go wrong under a seed, then compare the books")
    chaos.add_argument("--seed", type=int, default=1, help="decides all that goes wrong")
    chaos.add_argument("--loans", type=_positive, default=300)
    chaos.add_argument("--payments", type=_positive, default=300)
    for way in (run, demo, bench):
        way.add_argument("--port", type=int, default=8000)
        way.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number above zero is expected")
    return number


def settings_given(env_file: Path) -> dict[str, str]:
    """Return the environment, with `.env` behind it."""
    if env_file.exists():
        environ.Env.read_env(str(env_file))  # what the environment has already stays
    return dict(os.environ)


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
