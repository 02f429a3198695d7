"""Who may call a Fineract host, and how it refuses."""

import pytest
from aiohttp import encode_basic_auth

from tests.sandbox.fineract_client import HEADERS, Mifos, mifos


@mifos()
async def test_a_missing_tenant_is_400_in_boot_shape_before_credentials(host: Mifos) -> None:
    answer = await host.get("loans", headers={}, login=encode_basic_auth("api", "wrong"))
    assert answer.status == 400
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Fineract Platform API"'
    assert answer.json.keys() == {"timestamp", "status", "error", "path"}
    assert answer.json["path"] == "/fineract-provider/api/v1/loans"


@mifos(tenant="shamba")
async def test_the_tenant_may_come_in_the_query(host: Mifos) -> None:
    assert (await host.get("loans", headers={})).status == 400
    assert (await host.get("loans?tenantIdentifier=shamba", headers={})).status == 200


@mifos()
async def test_wrong_credentials_are_401_in_boot_shape(host: Mifos) -> None:
    for login in (None, encode_basic_auth("api", "wrong"), encode_basic_auth("nobody", "secret")):
        answer = await host.get("loans", login=login)
        assert answer.status == 401
        assert answer.json["error"] == "Unauthorized"
        assert "WWW-Authenticate" in answer.headers


@mifos()
async def test_a_browser_gets_the_boot_error_as_a_page(host: Mifos) -> None:
    answer = await host.get("loans", login=None, headers=HEADERS | {"Accept": "text/html"})
    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("text/html")


@mifos(permissions=["READ_LOAN", "DISBURSE_LOAN"])
async def test_authentication_lists_the_permissions(host: Mifos) -> None:
    answer = await host.post("authentication", {"username": "api", "password": "secret"}, login=None)
    assert answer.status == 200
    assert answer.json["permissions"] == ["DISBURSE_LOAN", "READ_LOAN"]
    assert answer.json["authenticated"] is True


@mifos()
async def test_bad_authentication_is_401_in_fineract_shape(host: Mifos) -> None:
    answer = await host.post("authentication", {"username": "api", "password": "no"}, login=None)
    assert (answer.status, answer.code) == (401, "error.msg.not.authenticated")
    assert answer.json["httpStatusCode"] == "401"


@mifos(password_expired=True)
async def test_an_expired_password_is_403_with_the_user(host: Mifos) -> None:
    answer = await host.post("authentication", {"username": "api", "password": "secret"}, login=None)
    assert answer.status == 403
    assert answer.json["shouldRenewPassword"] is True


@mifos(password_outdated=True)
async def test_an_outdated_password_refuses_every_call(host: Mifos) -> None:
    answer = await host.get("loans")
    assert (answer.status, answer.code) == (400, "error.msg.password.outdated")


@mifos(permissions=["READ_CLIENT"])
async def test_reads_and_commands_name_the_missing_permission(host: Mifos) -> None:
    loan = await host.loan()
    read, command = await host.get("loans"), await host.disburse(loan)
    assert (read.status, read.code) == (403, "error.msg.not.authorized")
    assert read.json["errors"][0]["defaultUserMessage"] == "User has no authority to READ loans"
    assert command.json["errors"][0]["defaultUserMessage"] == "User has no authority to: DISBURSE_LOAN"
    assert (await host.books())["loans"][0]["status"] == 200


@mifos(permissions=["ALL_FUNCTIONS_READ"])
async def test_all_functions_read_passes_reads_only(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.get("loans")).status == 200
    assert (await host.disburse(loan)).status == 403


@mifos(office_id=2)
async def test_a_user_sees_only_the_loans_of_the_own_office(host: Mifos) -> None:
    await host.loan()
    mine = await host.loan(client_id=await host.client_of(office_id=2))
    page = (await host.get("loans?status=200")).json
    assert [row["id"] for row in page["pageItems"]] == [mine]


@pytest.mark.parametrize(("version", "listed", "one"), [("1.14", 403, 403), ("develop", 200, 403)])
@mifos(permissions=["READ_LOAN"])
async def test_payment_types_need_a_permission_by_release(
    host: Mifos, version: str, listed: int, one: int
) -> None:
    await host.settings(version=version)
    assert (await host.get("paymenttypes")).status == listed
    refused = await host.get("paymenttypes/3")
    assert refused.status == one
    assert ("timestamp" in refused.json) is (version == "develop")


@mifos()
async def test_health_is_open_and_needs_no_tenant(host: Mifos) -> None:
    path = "/fineract/kilimo/fineract-provider/actuator/health"
    answer = await host.get(path, headers={}, login=None)
    assert answer.json["status"] == "UP"
