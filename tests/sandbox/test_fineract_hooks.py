"""Hooks of a Fineract host: registered with a ping, sent once, never signed."""

from typing import Any

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos


async def approve(host: Mifos, loan: int) -> None:
    body = FORMAT | {"approvedOnDate": "2026-06-02", "approvedLoanAmount": 10000}
    assert (await host.post(f"loans/{loan}?command=approve", body)).status == 200


@mifos()
async def test_registering_calls_the_url_with_get_at_once(host: Mifos) -> None:
    answer = await host.register()
    assert answer.json == {"resourceId": 1}
    assert [(one.method, one.path) for one in host.got] == [("GET", "/hook/TOKEN/")]


@mifos()
async def test_any_status_passes_the_ping_but_silence_does_not(host: Mifos) -> None:
    host.inbox_status = 500
    assert (await host.register()).status == 200
    answer = await host.register("http://127.0.0.1:9/hook/")
    assert (answer.status, answer.code) == (400, "validation.msg.hook.url.invalid")


@mifos()
async def test_a_url_without_a_trailing_slash_is_500(host: Mifos) -> None:
    answer = await host.register(host.inbox.rstrip("/"))
    assert answer.status == 500
    assert answer.json["error"] == "Internal Server Error"


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"events": []}, 400, "validation.msg.hook.registered.events.cannot.be.empty"),
    ({"config": {"Payload URL": "http://x/"}}, 400, "validation.msg.hook.required.config.field.not.provided"),
    (
        {"config": {"Payload URL": "http://x/", "Content Type": "xml"}},
        400,
        "validation.msg.hook.content.type.must.be.json.or.form",
    ),
    ({"name": "SMS Bridge"}, 404, "error.msg.hook.template.not.found"),
]


@pytest.mark.parametrize(("change", "status", "code"), REFUSED)
@mifos()
async def test_wrong_registrations_are_refused(
    host: Mifos, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await host.register(**change)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(("version", "status"), [("1.14", 400), ("develop", 200)])
@mifos()
async def test_unknown_keys_are_refused_in_1_14_and_ignored_in_develop(
    host: Mifos, version: str, status: int
) -> None:
    await host.settings(version=version)
    assert (await host.register(secret="s3")).status == status


@pytest.mark.parametrize(("version", "status"), [("1.14", 403), ("develop", 200)])
@mifos(permissions=["READ_LOAN"])
async def test_develop_lets_any_user_create_and_list_hooks(host: Mifos, version: str, status: int) -> None:
    await host.settings(version=version)
    assert (await host.register()).status == status
    assert (await host.get("hooks")).status == status


@mifos()
async def test_a_hook_can_be_read_changed_and_deleted(host: Mifos) -> None:
    await host.register()
    assert (await host.get("hooks/1")).json["displayName"] == "payment-vault"
    config = {"Payload URL": "http://127.0.0.1:9/", "Content Type": "json"}
    body = {"name": "Web", "isActive": False, "config": config}
    body["events"] = [{"entityName": "LOAN", "actionName": "REPAYMENT"}]
    assert (await host.send("PUT", "hooks/1", json=body)).status == 200  # no ping here
    assert (await host.get("hooks")).json[0]["isActive"] is False
    assert (await host.send("DELETE", "hooks/1")).status == 200
    assert (await host.get("hooks/1")).status == 404


@mifos()
async def test_a_delivery_carries_headers_request_and_response(host: Mifos) -> None:
    await host.register()
    loan = await host.loan(approve=False, charge="500", external_id="LN-1")
    await approve(host, loan)
    (one,) = await host.deliveries()
    assert one.headers["X-Fineract-Entity"] == "LOAN"
    assert one.headers["X-Fineract-Action"] == "APPROVE"
    assert one.headers["Fineract-Platform-TenantId"] == "default"
    assert one.headers["X-Fineract-Endpoint"].endswith("/fineract-provider/api/")
    assert one.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert "Authorization" not in one.headers
    body = one.json
    assert (body["entityName"], body["actionName"], body["officeId"], body["clientId"]) == (
        "LOAN",
        "APPROVE",
        1,
        1,
    )
    assert body["response"]["loanId"] == loan
    assert "loanId" not in body
    assert '"approvedLoanAmount":10000.0' in one.text  # the request's numbers become doubles
    assert '"netDisbursalAmount":9500.000000' in one.text


@mifos()
async def test_approvals_by_control_fire_hooks_too(host: Mifos) -> None:
    await host.register()
    loan = await host.loan(approve=False)
    await host.control(f"fineract/kilimo/loans/{loan}/approve", {"date": "2026-06-02"})
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 3, "product_id": product, "approve": True})
    loans = sorted(one.json["response"]["loanId"] for one in await host.deliveries())
    assert loans == [1, 2, 3, 4]


@mifos()
async def test_only_registered_events_are_sent(host: Mifos) -> None:
    await host.register()
    loan = await host.loan(approve=False)
    await host.control(f"fineract/kilimo/loans/{loan}/reject", {})
    assert await host.deliveries() == []


@mifos()
async def test_a_failed_command_is_announced_without_response_or_status(host: Mifos) -> None:
    await host.register()
    await host.disburse(await host.loan(approve=False))
    (one,) = await host.deliveries()
    assert one.headers["X-Fineract-Action"] == "DISBURSE"
    assert one.json.keys().isdisjoint({"response", "status"})


@mifos()
async def test_a_receiver_that_fails_gets_no_second_try(host: Mifos) -> None:
    await host.register()
    host.inbox_status = 500
    await host.loan()
    assert len(await host.deliveries()) == 1


@mifos()
async def test_the_query_string_and_user_of_the_url_are_dropped(host: Mifos) -> None:
    await host.register(host.inbox.replace("http://", "http://user:pw@") + "?token=1")
    await host.loan()
    (one,) = await host.deliveries()
    assert one.path == "/hook/TOKEN/"
    assert "Authorization" not in one.headers


@mifos()
async def test_form_mode_sends_flat_texts_only(host: Mifos) -> None:
    await host.register(content_type="form")
    await host.loan()
    (one,) = await host.deliveries()
    assert one.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert "entityName=LOAN" in one.text
    assert "response" not in one.text


@pytest.mark.parametrize(("kind", "count"), [("not_delivered", 0), ("double", 2)])
@mifos()
async def test_deliveries_may_be_missing_or_double(host: Mifos, kind: str, count: int) -> None:
    await host.register()
    await host.fault("hook", kind)
    await host.loan()
    assert len(await host.deliveries()) == count


@mifos()
async def test_deliveries_may_come_late_and_out_of_order(host: Mifos) -> None:
    await host.register()
    await host.fault("hook", "late", params={"seconds": 3600})
    loan = await host.loan()
    await host.disburse(loan)
    while not any(one.method == "POST" for one in host.got):
        await host.client.get("/control/clock")
    await host.control("clock", {"shift_seconds": 3600})
    actions = [one.headers["X-Fineract-Action"] for one in await host.deliveries()]
    assert actions == ["DISBURSE", "APPROVE"]


@mifos(cache_hooks=True)
async def test_with_the_server_cache_the_first_events_list_serves_all(host: Mifos) -> None:
    await host.register()
    loan = await host.loan()  # APPROVE is registered, so its list is cached
    await host.active_loan()
    await host.control(f"fineract/kilimo/loans/{loan}/undo-approval", {})
    actions = {one.headers["X-Fineract-Action"] for one in await host.deliveries()}
    assert "APPROVALUNDO" in actions


@mifos()
async def test_a_forged_delivery_can_be_sent(host: Mifos) -> None:
    await host.register()
    await host.control("fineract/kilimo/hooks/announce", {"loan_id": 4711})
    await host.control("fineract/kilimo/hooks/announce", {"action": "DISBURSE"})
    forged, empty = sorted(await host.deliveries(), key=lambda one: one.headers["X-Fineract-Action"])
    assert forged.json["response"]["loanId"] == 4711
    assert "response" not in empty.json


@mifos()
async def test_the_template_names_the_two_fields(host: Mifos) -> None:
    template = (await host.get("hooks/template")).json["templates"][0]
    assert [field["fieldName"] for field in template["schema"]] == ["Payload URL", "Content Type"]


@mifos()
async def test_a_redirect_turns_the_delivery_into_a_get(host: Mifos) -> None:
    await host.register()
    host.inbox_redirect = "/elsewhere/"
    await host.loan()
    await host.settle()
    assert [(one.method, one.path) for one in host.got[1:]] == [
        ("POST", "/hook/TOKEN/"),
        ("GET", "/elsewhere/"),
    ]
