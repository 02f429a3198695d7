"""The connection test says in words what is wrong; it changes nothing on the host."""

import socket
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from mifos import operations
from mifos.models import MifosPartner
from tests.mifos import loopback
from tests.mifos import make_mifos as make

AUTH = f"{make.BASE}/authentication"


@pytest.fixture
def row(db: None, settings: Any) -> MifosPartner:
    settings.ALLOW_PRIVATE_HOSTS = True
    return make.connection()


def findings(row: MifosPartner) -> dict[str, tuple[bool, str]]:
    found = operations.test_connection(mifos_partner_id=row.pk)
    return {finding.step: (finding.ok, finding.words) for finding in found}


def at(row: MifosPartner, url: str, **fields: Any) -> MifosPartner:
    MifosPartner.objects.filter(pk=row.pk).update(mifos_host_url=url, **fields)
    return row


def answers(**replaced: Any) -> None:
    """Let all steps succeed but those that are replaced: a body, or (status, text)."""
    paths = {
        "authentication": make.LOGIN,
        "loanproducts": make.PRODUCTS,
        "loans": {"pageItems": []},
        "paymenttypes": make.PAYMENT_TYPES,
        "businessdate/BUSINESS_DATE": {"date": [2026, 6, 29]},
    }
    for path, body in (paths | replaced).items():
        method = responses.POST if path == "authentication" else responses.GET
        if isinstance(body, tuple):
            responses.add(method, f"{make.BASE}/{path}", status=body[0], body=body[1])
        else:
            responses.add(method, f"{make.BASE}/{path}", json=body)


@responses.activate
def test_when_all_is_well_every_step_says_so_and_what_was_learned_is_kept(row: MifosPartner) -> None:
    answers()
    found = findings(row)
    assert all(ok for ok, _ in found.values()), found
    assert list(found) == [
        "log in",
        "permissions for payouts",
        "permissions for collections",
        "loan products",
        "approved loans",
        "payment type",
        "business date",
    ]
    assert found["business date"][1] == "Mifos's business date is 2026-06-29."
    row.refresh_from_db()
    assert (row.payment_type_id, row.list_order_by) == (3, "id")


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, make.boot(400), "Mifos does not know the tenant default."),
        (
            401,
            make.refusal(401, "error.msg.not.authenticated"),
            "Mifos does not accept the user name or password.",
        ),
        (401, make.boot(401), "Mifos does not accept the user name or password."),
        (404, make.boot(404), "There is no Mifos API at this address; look at the API endpoint."),
        (502, "<html>Bad Gateway</html>", "A web page answered instead of Mifos's API"),
        (200, "<html>Welcome</html>", "A web page answered instead of Mifos's API"),
        (302, "", "The host sends us to another address (HTTP 302)."),
        (403, make.boot(403), "two-factor"),
        (400, make.refusal(400, "error.msg.password.outdated"), "The password has expired."),
    ],
)
def test_a_login_that_fails_ends_the_test(row: MifosPartner, status: int, body: str, words: str) -> None:
    answers(authentication=(status, body))
    found = findings(row)
    assert list(found) == ["log in"]
    assert found["log in"][0] is False
    assert words in found["log in"][1]


@responses.activate
@pytest.mark.parametrize(
    ("login", "step", "words"),
    [
        ({"shouldRenewPassword": True}, "password", "has expired"),
        ({"isTwoFactorAuthenticationRequired": True}, "two-factor", "BYPASS_TWOFACTOR"),
    ],
)
def test_logins_that_do_not_do(row: MifosPartner, login: dict[str, bool], step: str, words: str) -> None:
    answers(authentication=make.LOGIN | login)
    found = findings(row)
    assert words in found[step][1]
    assert "loan products" not in found


@responses.activate
def test_missing_permissions_are_named(row: MifosPartner) -> None:
    answers(authentication=make.LOGIN | {"permissions": ["ALL_FUNCTIONS_READ", "REPAYMENT_LOAN"]})
    found = findings(row)
    assert found["permissions for payouts"] == (False, "The user has no DISBURSE_LOAN.")
    assert found["permissions for collections"] == (False, "The user has no DEPOSIT_SAVINGSACCOUNT.")


@responses.activate
@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([], "Mifos has no payment type M-Pesa. It has no others that fit."),
        ([{"id": 2, "name": "m-pesa", "isCashPayment": True}], "is marked as cash in Mifos; it must not be."),
    ],
)
def test_a_payment_type_that_does_not_do_is_said(row: MifosPartner, listed: list[Any], words: str) -> None:
    answers(paymenttypes=listed)
    ok, said = findings(row)["payment type"]
    assert not ok
    assert words in said


@responses.activate
def test_one_refused_step_does_not_hide_the_next(row: MifosPartner) -> None:
    refused = (
        403,
        make.refusal(403, "error.msg.not.authorized", "User has no authority to READ loanproducts"),
    )
    answers(loanproducts=refused)
    found = findings(row)
    assert found["loan products"] == (False, "User has no authority to READ loanproducts.")
    assert found["payment type"][0]


@responses.activate
@pytest.mark.parametrize("refusal", [(400, make.refusal(400, "error.msg.sql")), (500, make.boot(500))])
def test_a_list_that_cannot_be_ordered_by_id_is_ordered_by_account(row: MifosPartner, refusal: Any) -> None:
    by_id = responses.matchers.query_param_matcher({"orderBy": "id"}, strict_match=False)
    responses.get(f"{make.BASE}/loans", status=refusal[0], body=refusal[1], match=[by_id])
    answers()
    assert findings(row)["approved loans"] == (True, "Approved loans can be read, ordered by accountNo.")
    row.refresh_from_db()
    assert row.list_order_by == "accountNo"


@responses.activate
@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        ((404, make.refusal(404, "x")), True, "Mifos keeps no business date of its own."),
        ((403, make.refusal(403, "error.msg.not.authorized")), True, "READ_BUSINESS_DATE"),
        ((500, make.boot(500)), False, "HTTP 500"),
    ],
)
def test_the_business_date_is_optional(row: MifosPartner, answer: Any, ok: bool, words: str) -> None:
    answers(**{"businessdate/BUSINESS_DATE": answer})
    found = findings(row)["business date"]
    assert found[0] is ok
    assert words in found[1]


@responses.activate
def test_a_host_that_does_not_answer_in_time_is_said(row: MifosPartner) -> None:
    responses.post(AUTH, body=requests.ReadTimeout(TimeoutError("timed out")))
    assert "did not answer in time" in findings(row)["log in"][1]


def test_a_name_that_does_not_exist(row: MifosPartner) -> None:
    assert "not known (DNS)" in findings(at(row, "https://no-such-host.invalid"))["log in"][1]


def test_a_port_where_nobody_listens(row: MifosPartner) -> None:
    assert "refuses the connection" in findings(at(row, "https://127.0.0.1:1"))["log in"][1]


def test_a_certificate_that_is_not_trusted_until_it_is_pasted(row: MifosPartner, tmp_path: Path) -> None:
    certificate, pem = loopback.self_signed(tmp_path / "mifos.pem")
    with loopback.server(certificate) as url:
        ok, words = findings(at(row, url))["log in"]
        assert not ok
        assert "The host's certificate is not trusted: self-signed certificate." in words
        trusted = findings(at(row, url, ca_certificate=pem))
        assert all(ok for ok, _ in trusted.values()), trusted


def test_a_host_without_tls(row: MifosPartner) -> None:
    with loopback.server() as url:
        assert "does not speak TLS" in findings(at(row, url.replace("http:", "https:")))["log in"][1]
        assert findings(at(row, url))["log in"][0]


def test_a_private_address_is_refused_in_production(row: MifosPartner, settings: Any) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "not public" in findings(at(row, f"https://127.0.0.1:{port}"))["log in"][1]


def test_a_plain_address_is_refused_in_production(row: MifosPartner, settings: Any) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    found = findings(at(row, "http://kilimo.example"))
    assert found["address"] == (
        False,
        "The Mifos address cannot be used. The address must begin with https://.",
    )
