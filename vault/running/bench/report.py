"""Run the parts, print what each measured, and keep it in `.run/bench.json`."""

import json
from collections.abc import Mapping
from typing import Any

from vault.running.bench.ground import Ground
from vault.running.processes import Say, Supervisor

PARTS = ("pgbench", "wallet", "confirmations", "loans", "posting", "month_end", "hosts", "pages")
LONGEST = 300  # characters of a figure that are told; all are in the file


def bench(supervisor: Supervisor, *, port: int, only: str | None, given: Mapping[str, str], say: Say) -> int:
    """Measure everything, or one part; the numbers of the others stay in the file."""
    ground = Ground(supervisor=supervisor, port=port, given=given, say=say)
    ground.prepare()
    # They need Django's settings.
    from vault.running.bench import confirmations, hosts, loans, month_end, pages, posting, yardsticks

    alone = (yardsticks.pgbench, yardsticks.hot_wallet, confirmations.measure)  # before the workers start
    whole = (loans.measure, posting.measure, month_end.measure, hosts.measure, pages.measure)
    measure = dict(zip(PARTS, (*alone, *whole), strict=True))
    path = supervisor.run_dir / "bench.json"
    found: dict[str, Any] = json.loads(path.read_text()) if only and path.exists() else {}
    for name, part in measure.items():
        if only in (None, name):
            say(f"Measuring {name} …")
            found |= (measured := part(ground))
            for key, value in measured.items():
                if len(told := str(value)) <= LONGEST:  # the rest was a table
                    say(f"  {key:<28} {told}")
    path.write_text(json.dumps(found, indent=2, default=str) + "\n")
    say(f"Written to {path}")
    return 0
