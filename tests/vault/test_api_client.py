"""A client that a generator made of our schema works against the running application."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.api import open_doors
from disbursements.models import Disbursement
from partners.models import Partner
from tests import make
from tests.events.make_events import moved, payout
from tests.make_api import key

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "vault_client"


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Generate the client, and let it be imported for this test."""
    schema, settings = tmp_path / "schema.json", tmp_path / "settings.yaml"
    schema.write_text(json.dumps(open_doors.described(), default=str))
    settings.write_text(f"package_name_override: {NAME}\npost_hooks: []\n")
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        str(schema),
        "--meta",
        "none",
    ]
    options = ["--config", str(settings), "--output-path", str(tmp_path / NAME), "--fail-on-warning"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield NAME
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


def the(name: str) -> Any:
    return importlib.import_module(f"{NAME}.{name}")


def test_it_lists_pays_and_is_told_what_is_wrong(generated: str, live_server: Any) -> None:
    owner: Partner = make.partner()
    moved(payout(owner, "earlier"), "ready", "sending", "paid")
    _, text = key(owner)
    with the("client").AuthenticatedClient(base_url=live_server.url, token=text) as client:
        _use(client)


def _use(client: Any) -> None:
    calls = "api.loans.loans_disbursements"
    listed = the(f"{calls}_list").sync(client=client)
    assert [row.client_request_id for row in listed.results] == ["earlier"]
    assert listed.results[0].amount == "9500.00"

    asked = the("models").PayoutAskedRequest(phone="0708374149", amount="1200")
    create = the(f"{calls}_create").sync
    taken = create(client=client, body=asked, idempotency_key="wish-1")
    again = create(client=client, body=asked, idempotency_key="wish-1")
    row = Disbursement.objects.get(amount=1200)
    assert (taken.id, again.id, taken.status) == (row.pk, row.pk, "detected")

    told = the(f"{calls}_retrieve").sync(taken.id, client=client)
    assert [line.new for line in told.timeline] == ["detected"]

    wrong = the("models").PayoutAskedRequest(phone="12", amount="1200")
    problem = create(client=client, body=wrong, idempotency_key="wish-2")
    assert (type(problem).__name__, problem.code, problem.status) == ("ProblemShown", "invalid", 400)
    assert problem.errors[0].field == "phone"
