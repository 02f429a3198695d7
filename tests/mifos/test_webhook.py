"""The address by which Mifos wakes us, its rotation, and the hook on the host."""

import json
import re
from datetime import timedelta

import pytest
import responses

from common import tokens
from common.gateway import OutcomeUnknown, Rejected
from mifos import operations
from mifos.models import MifosPartner
from tests.make import NOW
from tests.mifos import make_mifos as make

HOOKS = f"{make.BASE}/hooks"
GRACE = timedelta(days=2)


@pytest.fixture
def row(db: None) -> MifosPartner:
    return make.connection()


def whose(token: str, at_hours: int = 0) -> MifosPartner | None:
    return operations.read_webhook_token(token=token, at=NOW + timedelta(hours=at_hours))


def rotate(row: MifosPartner) -> MifosPartner:
    return operations.rotate_webhook_token(mifos_partner_id=row.pk, at=NOW, grace=GRACE)


def listed(row: MifosPartner, hook_id: int = 4, name: str = "payment-vault") -> dict[str, object]:
    fields = [{"fieldName": "Payload URL", "fieldValue": operations.webhook_address(row)}]
    return {"id": hook_id, "displayName": name, "isActive": True, "config": fields}


def test_the_address_holds_a_token_and_ends_in_a_slash(row: MifosPartner) -> None:
    assert re.fullmatch(r"http.*/callbacks/mifos/[0-9a-f]{76}/", operations.webhook_address(row))
    assert whose(operations.webhook_token(row)) == row


def test_two_tokens_are_good_for_a_while(row: MifosPartner) -> None:
    old = operations.webhook_token(row)
    new = operations.webhook_token(rotate(row))
    assert old != new
    assert whose(old, 47) == whose(new, 47) == whose(new, 1000) == row
    assert whose(old, 48) is None


def test_a_second_rotation_ends_the_first_token(row: MifosPartner) -> None:
    oldest = operations.webhook_token(row)
    old = operations.webhook_token(rotate(row))
    rotate(row)
    assert whose(oldest) is None
    assert whose(old) == row


def test_versions_begin_again_at_the_end(row: MifosPartner) -> None:
    MifosPartner.objects.update(webhook_token_version=0x7FFE)
    row.refresh_from_db()
    old = operations.webhook_token(row)
    assert rotate(row).webhook_token_version == 0
    assert whose(old) == row


def test_nothing_else_opens_the_door(row: MifosPartner) -> None:
    good = operations.webhook_token(row)
    forged = [
        "",
        "x",
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        tokens.make("b2c", row.pk),
        tokens.make("mifos", row.partner_id),
        tokens.make("mifos", row.pk, version=1),
    ]
    assert [whose(token) for token in forged] == [None] * len(forged)


@responses.activate
def test_the_first_registration_makes_a_hook(row: MifosPartner) -> None:
    responses.get(HOOKS, json=[listed(row, name="another system")])
    sent = responses.post(HOOKS, json={"resourceId": 4})
    assert operations.register_webhook(mifos_partner_id=row.pk) == 4
    body = json.loads(sent.calls[0].request.body)
    assert body["config"]["Payload URL"] == operations.webhook_address(row)
    assert {event["actionName"] for event in body["events"]} == {"APPROVE", "APPROVALUNDO", "DISBURSE"}
    row.refresh_from_db()
    assert (row.webhook_hook_id, row.webhook_url) == (4, operations.webhook_address(row))


@responses.activate
def test_after_a_rotation_the_same_hook_is_changed(row: MifosPartner) -> None:
    responses.get(HOOKS, json=[listed(row)])
    changed = responses.put(f"{HOOKS}/4", json={"resourceId": 4})
    rotate(row)
    operations.register_webhook(mifos_partner_id=row.pk)
    row.refresh_from_db()
    body = json.loads(changed.calls[0].request.body)
    assert body["config"]["Payload URL"] == operations.webhook_address(row) == row.webhook_url


@responses.activate
def test_who_may_not_list_hooks_changes_the_one_he_knows(row: MifosPartner) -> None:
    MifosPartner.objects.update(webhook_hook_id=4)
    responses.get(HOOKS, status=403, body=make.refusal(403, "error.msg.not.authorized"))
    responses.put(f"{HOOKS}/4", status=404, body=make.refusal(404, "error.msg.hook.identifier.not.found"))
    responses.post(HOOKS, json={"resourceId": 5})
    assert operations.register_webhook(mifos_partner_id=row.pk) == 5


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, make.refusal(400, "validation.msg.hook.url.invalid"), Rejected),
        (500, make.boot(500), OutcomeUnknown),
        (200, "{}", OutcomeUnknown),
    ],
)
def test_a_hook_that_was_not_made_is_not_noted(
    row: MifosPartner, status: int, body: str, error: type[Exception]
) -> None:
    responses.get(HOOKS, json=[])
    responses.post(HOOKS, status=status, body=body)
    with pytest.raises(error):
        operations.register_webhook(mifos_partner_id=row.pk)
    row.refresh_from_db()
    assert (row.webhook_hook_id, row.webhook_url) == (None, "")
