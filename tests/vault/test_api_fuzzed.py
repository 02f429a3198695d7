"""Generated requests against every operation of the schema: no failure of ours, and no answer that it does not name."""

import contextlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from partners.models import Partner
from tests import make
from tests.events.make_events import endpoint, moved, payout, tell
from tests.make_api import key

pytestmark = pytest.mark.django_db
EXAMPLES = 5  # of each operation, of each kind: the walk of `test_api_walk` has the known junk
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
)
FOUND = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Keep the connection between requests, as Django's own test client does: it has the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def rows(partner: Partner) -> dict[str, str]:
    """Return an id that exists for the addresses below these paths, so that not every answer is 404."""
    hook = endpoint(partner)
    told = tell(partner)
    return {
        "/api/loans/disbursements/{id}": str(moved(payout(partner), "ready").pk),
        "/api/events/{id}": str(told.pk),
        "/api/webhook-endpoints/{id}": str(hook.pk),
        "/api/webhook-deliveries/{id}": str(hook.deliveries.get().pk),
        "/api/partners/{id}": str(partner.pk),
        "/api/shortcodes/{id}": str(make.shortcode().pk),
    }


def faults(operation: Any, mode: GenerationMode, known: dict[str, str], text: str) -> list[str]:
    """Send generated requests to one operation and return what is wrong with its answers."""
    found: list[str] = []
    row_id = next((row for path, row in known.items() if operation.path.startswith(path)), None)

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @FOUND
    def one(case: Any) -> None:
        if row_id and mode is GenerationMode.POSITIVE:
            case.path_parameters["id"] = row_id
        response = case.call(headers={"Authorization": f"Bearer {text}"})
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            found.extend(f"{operation.label}: {one}" for one in group.exceptions)

    with (
        contextlib.suppress(Unsatisfiable),
        transaction.atomic(),
    ):  # the first: nothing of it can be made wrong
        one()
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_is_found(mode: GenerationMode) -> None:
    partner = make.partner()
    known = rows(partner)
    _, text = key(rate=60_000)
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 60
    wrong = [fault for one in operations for fault in faults(one, mode, known, text)]
    assert wrong == [], "\n\n".join(dict.fromkeys(wrong))
