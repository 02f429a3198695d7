"""What is done with a partner's Mifos, on a real database, with answers as Fineract gives them."""

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses
from django.db import connection as database

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from mifos import operations
from mifos.client import Mifos
from mifos.host_limit import BUSY
from mifos.models import LoanProduct, MifosPartner
from tests.make import NOW
from tests.mifos import make_mifos as make

PRODUCTS = f"{make.BASE}/loanproducts"
TYPES = f"{make.BASE}/paymenttypes"
BUSINESS_DATE = f"{make.BASE}/businessdate/BUSINESS_DATE"


@pytest.fixture
def row(db: None) -> MifosPartner:
    return make.connection()


def again(row: MifosPartner) -> MifosPartner:
    return MifosPartner.objects.get(pk=row.pk)


def test_tenants_of_one_server_share_a_session_that_keeps_no_cookies(row: MifosPartner) -> None:
    other = make.connection("umoja", mifos_tenant_id="umoja")
    session = operations.connect(row)._session
    assert operations.connect(other)._session is session
    assert session.cookies._policy.allowed_domains() == ()  # type: ignore[attr-defined]
    assert session.verify is True


def test_a_certificate_is_trusted_alone_and_from_a_whole_file(row: MifosPartner) -> None:
    row.ca_certificate = "PEM"
    session = operations.connect(row)._session
    assert session.verify is not True
    assert Path(str(session.verify)).read_text() == "PEM"


def test_a_plain_address_is_refused_in_production(row: MifosPartner, settings: Any) -> None:
    MifosPartner.objects.update(mifos_host_url="http://kilimo.example")
    settings.ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(Rejected, match=r"must begin with https://") as raised:
        operations.connect(again(row))
    assert raised.value.stop


@responses.activate
def test_products_are_taken_over_with_their_limits(row: MifosPartner) -> None:
    responses.get(PRODUCTS, json=make.PRODUCTS)
    assert operations.sync_products(mifos_partner_id=row.pk, at=NOW) == operations.Synced(
        new=2, seen=2, gone=0
    )
    personal = LoanProduct.objects.get(mifos_product_id=1)
    assert (personal.min_disbursement_amount, personal.max_disbursement_amount) == (
        Decimal(1000),
        Decimal(50000),
    )
    assert (personal.currency, personal.is_active_in_mifos, personal.synced_at) == ("KES", True, NOW)
    assert not personal.is_auto_disbursement_enabled
    assert not LoanProduct.objects.get(mifos_product_id=4).is_active_in_mifos


@responses.activate
def test_syncing_again_leaves_switch_and_rules_and_marks_what_is_gone(row: MifosPartner) -> None:
    rules = {"max_per_client_per_day": 1}
    for product_id in (1, 9):
        make.product(row, product_id, is_auto_disbursement_enabled=True, disbursement_rules=rules)
    responses.get(PRODUCTS, json=make.PRODUCTS[:1])
    assert operations.sync_products(mifos_partner_id=row.pk, at=NOW) == operations.Synced(
        new=0, seen=1, gone=1
    )
    kept = LoanProduct.objects.filter(is_auto_disbursement_enabled=True, disbursement_rules=rules)
    assert dict(kept.values_list("mifos_product_id", "is_active_in_mifos")) == {1: True, 9: False}


@responses.activate
def test_a_new_product_begins_as_the_set_up_file_wished(row: MifosPartner) -> None:
    rules = {"max_per_client_per_day": 1}
    MifosPartner.objects.update(product_wish={"auto_disburse": [1], "rules": rules})
    make.product(row, 4, is_auto_disbursement_enabled=True)
    responses.get(PRODUCTS, json=make.PRODUCTS)
    operations.sync_products(mifos_partner_id=row.pk, at=NOW)
    found = LoanProduct.objects.order_by("mifos_product_id").values_list(
        "is_auto_disbursement_enabled", "disbursement_rules"
    )
    assert list(found) == [(True, rules), (True, {})]


@responses.activate
def test_texts_that_no_database_takes_are_cleaned(row: MifosPartner) -> None:
    responses.get(PRODUCTS, json=[make.PRODUCTS[0] | {"name": "Per\x00so\ud800nal\n"}])
    operations.sync_products(mifos_partner_id=row.pk, at=NOW)
    assert LoanProduct.objects.get().product_name == "Personal"


@responses.activate
def test_limits_are_never_widened_by_rounding(row: MifosPartner) -> None:
    odd = make.PRODUCTS[0] | {"minPrincipal": "0.001", "maxPrincipal": "9.999999"}
    huge = make.PRODUCTS[1] | {"maxPrincipal": "9999999999999"}
    responses.get(PRODUCTS, json=[odd, huge])
    operations.sync_products(mifos_partner_id=row.pk, at=NOW)
    product = LoanProduct.objects.get(mifos_product_id=1)
    assert (product.min_disbursement_amount, product.max_disbursement_amount) == (
        Decimal("0.01"),
        Decimal("9.99"),
    )
    assert LoanProduct.objects.get(mifos_product_id=4).max_disbursement_amount is None


@responses.activate
def test_a_list_that_cannot_be_read_changes_nothing(row: MifosPartner) -> None:
    make.product(row, 9)
    responses.get(PRODUCTS, json=[make.PRODUCTS[0], {"name": "no id"}])
    with pytest.raises(Retryable):
        operations.sync_products(mifos_partner_id=row.pk, at=NOW)
    assert list(LoanProduct.objects.values_list("mifos_product_id", "is_active_in_mifos")) == [(9, True)]


@responses.activate
def test_the_payment_type_is_found_by_name_once(row: MifosPartner) -> None:
    asked = responses.get(TYPES, json=make.PAYMENT_TYPES)
    for _ in range(2):
        assert operations.resolve_payment_type(mifos_partner_id=row.pk, client=operations.connect(row)) == 3
    assert asked.call_count == 1
    assert again(row).payment_type_id == 3
    operations.resolve_payment_type(mifos_partner_id=row.pk, client=operations.connect(row), fresh=True)
    assert asked.call_count == 2


@responses.activate
@pytest.mark.parametrize(
    ("name", "words"),
    [("Cash", "marked as cash"), ("Airtel", "no payment type Airtel. It has Money Transfer, M-PESA")],
)
def test_a_payment_type_that_does_not_do_is_refused(row: MifosPartner, name: str, words: str) -> None:
    MifosPartner.objects.update(payment_type=name)
    responses.get(TYPES, json=make.PAYMENT_TYPES)
    with pytest.raises(Rejected, match=words):
        operations.resolve_payment_type(mifos_partner_id=row.pk, client=operations.connect(row))
    assert again(row).payment_type_id is None


LATE = datetime.fromisoformat("2026-06-03T22:30:00+00:00")  # already the 4th in Nairobi and in Kolkata


def today(row: MifosPartner, at: datetime = LATE, *, fresh: bool = False) -> date:
    return operations.today_in(mifos_partner=row, client=operations.connect(row), at=at, fresh=fresh)


@responses.activate
def test_today_is_the_business_date(row: MifosPartner) -> None:
    responses.get(BUSINESS_DATE, json={"date": [2026, 6, 1]})
    assert today(row) == date(2026, 6, 1)


@responses.activate
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, make.refusal(404, "error.msg.businessdate.not.found")),
        (403, make.refusal(403, "error.msg.not.authorized")),
    ],
)
def test_without_a_business_date_the_tenants_zone_decides(row: MifosPartner, status: int, body: str) -> None:
    asked = responses.get(BUSINESS_DATE, status=status, body=body)
    assert today(row) == date(2026, 6, 4)
    row.timezone = "America/New_York"
    assert today(row) == date(2026, 6, 3)
    assert asked.call_count == 1
    today(row, fresh=True)
    today(row, LATE + timedelta(minutes=6))
    assert asked.call_count == 3


@responses.activate
@pytest.mark.parametrize(("status", "error"), [(500, Retryable), (401, Rejected)])
def test_a_host_that_cannot_be_asked_gives_no_date(
    row: MifosPartner, status: int, error: type[Exception]
) -> None:
    responses.get(BUSINESS_DATE, status=status, body=make.boot(status))
    with pytest.raises(error):
        today(row)


@responses.activate
def test_the_business_date_is_not_asked_where_it_is_not_wanted(row: MifosPartner) -> None:
    row.use_business_date = False
    assert today(row) == date(2026, 6, 4)


def fail(row: MifosPartner, at: datetime, times: int = 1) -> MifosPartner:
    for _ in range(times):
        operations.note_failure(mifos_partner_id=row.pk, at=at, reason="Mifos could not be reached")
    return again(row)


def test_the_fifth_failure_in_a_row_gives_the_host_a_rest(row: MifosPartner) -> None:
    assert fail(row, NOW, times=4).retry_at is None
    row = fail(row, NOW + timedelta(seconds=1))
    assert (row.failures, row.failing_since, row.failure_note) == (5, NOW, "Mifos could not be reached")
    assert row.resting(NOW + timedelta(seconds=10))
    assert not row.resting(NOW + timedelta(seconds=11))


def test_rests_grow_up_to_five_minutes(row: MifosPartner) -> None:
    row = fail(row, NOW, times=5)
    rests = []
    for _ in range(7):
        assert row.retry_at is not None
        at = row.retry_at
        row = fail(row, at)
        assert row.retry_at is not None
        rests.append((row.retry_at - at).total_seconds())
    assert rests == [20, 40, 80, 160, 300, 300, 300]


def test_calls_that_were_under_way_do_not_lengthen_the_rest(row: MifosPartner) -> None:
    assert fail(row, NOW, times=5).retry_at == fail(row, NOW, times=4).retry_at


def test_one_success_ends_it(row: MifosPartner) -> None:
    fail(row, NOW, times=6)
    operations.note_success(mifos_partner_id=row.pk, at=NOW)
    row = again(row)
    assert (row.failures, row.failing_since, row.failure_note, row.retry_at) == (0, None, "", None)


def test_a_success_of_a_healthy_host_writes_nothing(row: MifosPartner) -> None:
    operations.note_success(mifos_partner_id=row.pk, at=NOW - timedelta(days=1))
    assert again(row).updated_at == row.updated_at


@pytest.mark.parametrize(
    ("exc", "failures"),
    [
        (Retryable("Mifos could not be reached"), 2),
        (OutcomeUnknown("Mifos did not answer"), 2),
        (OutcomeUnknown("", code="http.502"), 2),
        (Retryable("", code="html"), 2),
        (Retryable("", code=BUSY), 1),
        (Retryable("", code="error.msg.loan.locked"), 0),
        (Rejected("", code="http.401", stop=True), 0),
        (OutcomeUnknown("", code="http.425"), 0),
        (None, 0),
    ],
    ids=str,
)
def test_what_counts_as_the_hosts_failure(row: MifosPartner, exc: GatewayError | None, failures: int) -> None:
    fail(row, NOW)
    operations.note(mifos_partner_id=row.pk, at=NOW, exc=exc)
    assert again(row).failures == failures


@pytest.mark.django_db(transaction=True)
def test_failures_seen_at_once_are_all_counted() -> None:
    row = make.connection()

    def fail_once() -> None:
        operations.note_failure(mifos_partner_id=row.pk, at=NOW, reason="down")
        database.close()

    threads = [threading.Thread(target=fail_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert again(row).failures == 4


def test_a_client_shows_no_password(row: MifosPartner) -> None:
    client = operations.connect(row)
    assert isinstance(client, Mifos)
    assert make.PASSWORD not in repr(client) + str(row) + repr(row)
