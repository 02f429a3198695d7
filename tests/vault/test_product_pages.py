"""A loan product's page: its rules are saved with an audit line, its limits come from Mifos, verdicts are shown."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses
from django.contrib.auth.models import Group, User
from django.test import Client

from common.ids import new_id
from common.models import AuditLine
from disbursements.models import Disbursement
from mifos.models import LoanProduct, MifosPartner
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db
HOST = "https://mifos.example"
PRODUCTS = f"{HOST}/fineract-provider/api/v1/loanproducts"


@pytest.fixture
def outside(settings: Any) -> Iterator[responses.RequestsMock]:
    settings.ALLOW_PRIVATE_HOSTS = True
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def product(**fields: Any) -> LoanProduct:
    host = MifosPartner.objects.create(
        partner=make.partner(), mifos_host_url=HOST, mifos_username="vault", mifos_password="p"
    )
    wanted = {"mifos_product_id": 1, "product_name": "Biashara"} | fields
    return LoanProduct.objects.create(mifos_partner=host, **wanted)


def desk_of(role: str) -> Client:
    user = User.objects.create(username=f"ann-{role}", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def at(row: LoanProduct, what: str = "page") -> str:
    return f"/admin/mifos/loanproduct/{row.pk}/{what}/"


def test_rules_and_switch_are_saved_with_before_and_after() -> None:
    row = product()
    typed = {"is_auto_disbursement_enabled": "on", "max_per_client_per_day": "2", "act": "save"}
    desk_of("administrator").post(at(row), typed)
    row.refresh_from_db()
    assert row.is_auto_disbursement_enabled
    assert row.disbursement_rules == {"max_per_client_per_day": 2}
    line = AuditLine.objects.get(object_id=str(row.pk))
    assert line.detail["disbursement_rules"] == {"old": {}, "new": {"max_per_client_per_day": 2}}
    assert line.partner_id == row.mifos_partner.partner_id


def test_a_wrong_rule_is_refused_and_what_was_typed_stays() -> None:
    row = product()
    typed = {"max_per_client_per_day": "0", "blocked_phones": "0711000001"}
    answer = desk_of("administrator").post(at(row), typed)
    assert answer.status_code == 200
    assert "0711000001</textarea>" in answer.content.decode()
    row.refresh_from_db()
    assert row.disbursement_rules == {}


def test_the_effect_is_told_while_typing_and_nothing_is_saved() -> None:
    row = product()
    told = desk_of("administrator").post(at(row, "words"), {"max_per_client_per_day": "3"}).content.decode()
    assert "at most 3 payments a day" in told
    row.refresh_from_db()
    assert row.disbursement_rules == {}


def test_limits_are_read_from_mifos_and_the_change_is_told(outside: responses.RequestsMock) -> None:
    row = product(min_disbursement_amount=500, max_disbursement_amount=1000)
    found = {
        "id": 1,
        "name": "Biashara",
        "minPrincipal": 500,
        "maxPrincipal": 9000,
        "currency": {"code": "KES"},
    }
    outside.get(PRODUCTS, json=[found])
    answer = desk_of("administrator").post(at(row), {"act": "sync"}, follow=True)
    assert "The limits were KES 500 to KES 1,000 and are KES 500 to KES 9,000." in answer.content.decode()


def test_a_host_that_is_down_leaves_the_limits_and_says_so(outside: responses.RequestsMock) -> None:
    row = product(max_disbursement_amount=1000)
    outside.get(PRODUCTS, status=401, json={})
    answer = desk_of("administrator").post(at(row), {"act": "sync"}, follow=True)
    assert "the limits are the old ones. Mifos does not accept the user name or password." in (
        answer.content.decode()
    )
    assert LoanProduct.objects.get().max_disbursement_amount == 1000


def test_the_last_verdicts_are_shown_with_what_was_refused() -> None:
    row = product()
    checks = [{"rule": "hours", "ok": False, "words": "Payments go out from 08:00."}]
    Disbursement.objects.create(
        id=new_id(),
        partner=row.mifos_partner.partner,
        mifos_partner=row.mifos_partner,
        product=row,
        mifos_loan_id=7,
        client_name="Jane Wanjiku",
        amount=9500,
        gross_amount=9500,
        detected_at=NOW,
        moved_at=NOW,
        checks=checks,
    )
    text = desk_of("viewer").get(at(row)).content.decode()
    assert "KES 9,500 to Jane Wanjiku" in text
    assert "Payments go out from 08:00." in text


def test_without_loans_the_page_says_what_will_appear() -> None:
    text = desk_of("viewer").get(at(product())).content.decode()
    assert "No loan of this product was checked yet." in text


def test_a_viewer_changes_nothing() -> None:
    row = product()
    assert desk_of("viewer").post(at(row), {"act": "save"}).status_code == 403
    assert "Let these rules hold" not in desk_of("operator").get(at(row)).content.decode()


def test_rules_that_cannot_be_read_are_told_and_do_not_break_the_page() -> None:
    row = product()
    LoanProduct.objects.filter(pk=row.pk).update(disbursement_rules={"nonsense": 1})
    text = desk_of("viewer").get(at(row)).content.decode()
    assert "These rules cannot be read, so nothing is paid by them." in text
