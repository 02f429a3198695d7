"""A partner's connection: one spelling of its address, what is refused, what a change forgets."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from mifos import address
from mifos.models import LoanProduct, MifosPartner
from tests.make import NOW
from tests.make import partner as new_partner
from tests.mifos import make_mifos as make


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://Kilimo.Example:8443/", "https://kilimo.example:8443"),
        ("https://kilimo.example:443", "https://kilimo.example"),
        (" https://kilimo.example. ", "https://kilimo.example"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_address_has_one_spelling(written: str, kept: str, settings: Any) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True
    assert address.origin(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "kilimo.example",
        "ftp://kilimo.example",
        "https://",
        "https://user:pass@kilimo.example",
        "https://kilimo.example/fineract-provider",
        "https://kilimo.example?x=1",
        "https://kilimo.example:port",
        "http://kilimo.example",
    ],
)
def test_what_is_no_origin_is_refused(written: str, settings: Any) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(ValidationError):
        address.origin(written)


def test_a_path_has_one_spelling() -> None:
    assert address.endpoint(" api/v1/ ") == address.endpoint("//api/v1") == "/api/v1"


@pytest.mark.parametrize("written", ["", "/", "/a/../b", "/a?b", "/a b", "/a//b", "/a%2f", "@host"])
def test_what_is_no_plain_path_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        address.endpoint(written)


@pytest.mark.django_db
def test_a_tenant_cannot_be_connected_twice_however_it_is_written() -> None:
    make.connection("kilimo", mifos_host_url="https://h.example", api_endpoint="/api/v1")
    with pytest.raises(IntegrityError, match="mifos_tenant_once"), transaction.atomic():
        make.connection("umoja", mifos_host_url="https://H.example:443/", api_endpoint="api/v1/")
    make.connection(
        "jitegemee", mifos_host_url="https://h.example", api_endpoint="/api/v1", mifos_tenant_id="j"
    )


@pytest.mark.django_db
def test_a_partner_has_one_host() -> None:
    first = make.connection()
    with pytest.raises(IntegrityError), transaction.atomic():
        MifosPartner.objects.create(partner=first.partner, mifos_host_url="https://other.example")


@pytest.mark.django_db
def test_the_password_is_encrypted_at_rest() -> None:
    row = make.connection()
    with connection.cursor() as cursor:
        cursor.execute("select mifos_password from mifos_partners")
        assert make.PASSWORD not in str(cursor.fetchall())
    row.refresh_from_db()
    assert row.mifos_password == make.PASSWORD


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Nairobi"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"mifos_host_url": "https://h.example/x"}, "mifos_host_url"),
        ({"sms_phone_numbers": ["020 222 2222"]}, "sms_phone_numbers"),
        ({"sms_phone_numbers": {"a": 1}}, "sms_phone_numbers"),
        ({"ca_certificate": "-----BEGIN NOTHING-----"}, "ca_certificate"),
        ({"release": "1.13"}, "release"),
        ({"poll_seconds": 0}, "poll_seconds"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(wrong: dict[str, Any], field: str) -> None:
    fields = {"mifos_host_url": make.HOST, "mifos_username": "vault", "mifos_password": "p"} | wrong
    with pytest.raises(ValidationError) as raised:
        MifosPartner(partner=new_partner(), **fields).full_clean()
    assert list(raised.value.message_dict) == [field]


@pytest.mark.django_db
def test_cleaning_brings_phones_into_one_form() -> None:
    row = make.connection(sms_phone_numbers=["0711 000 001"])
    row.full_clean()
    assert row.sms_phone_numbers == ["254711000001"]


LEARNED = {"payment_type_id": 3, "webhook_hook_id": 4, "failures": 7, "failing_since": NOW, "retry_at": NOW}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"mifos_host_url": "https://new.example"}, set()),
        ({"mifos_tenant_id": "new"}, set()),
        ({"payment_type": "Mpesa"}, {"webhook_hook_id", "failures", "failing_since", "retry_at"}),
        ({"poll_seconds": 60}, set(LEARNED)),
    ],
    ids=["host", "tenant", "payment type", "pace"],
)
@pytest.mark.parametrize("whole_row", [True, False])
def test_a_change_forgets_what_was_learned_elsewhere(
    change: dict[str, Any], kept: set[str], whole_row: bool
) -> None:
    pk = make.connection(**LEARNED).pk
    row = MifosPartner.objects.get(pk=pk)
    for name, value in change.items():
        setattr(row, name, value)
    row.save(update_fields=None if whole_row else list(change))
    row = MifosPartner.objects.get(pk=pk)
    assert {name for name in LEARNED if getattr(row, name)} == kept


@pytest.mark.django_db
def test_a_product_is_there_once_and_is_not_paid_unless_somebody_says_so() -> None:
    row = make.connection()
    assert make.product(row, 1).is_auto_disbursement_enabled is False
    with pytest.raises(IntegrityError), transaction.atomic():
        make.product(row, 1)
    assert LoanProduct.objects.count() == 1


@pytest.mark.django_db
def test_a_new_connection_is_due_for_polling_and_not_resting() -> None:
    row = make.connection()
    assert row.next_step_at is not None
    assert not row.resting(NOW)
    row.retry_at = NOW + timedelta(seconds=1)
    assert row.resting(NOW)
    assert not row.resting(NOW + timedelta(seconds=1))
