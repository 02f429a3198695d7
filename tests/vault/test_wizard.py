"""A partner is set up in six steps: each credential is proved by a real call, and nothing typed is lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from common.models import AuditLine
from mifos.models import LoanProduct, MifosPartner
from partners import proofs
from partners.models import ApiKey, Partner, Shortcode, TariffBand
from sms.models import SmsGateway, SmsNotification
from tests import make
from tests.partners.make_partners import certificate
from vault.wizard import facts, readiness
from wallet.models import PartnerWallet

pytestmark = pytest.mark.django_db
HOST = "https://mifos.example"
API = f"{HOST}/fineract-provider/api/v1"
DARAJA = "https://sandbox.safaricom.co.ke"
DAMZA = "https://damza.example"
CONNECTION = {
    "mifos_host_url": HOST,
    "api_endpoint": "/fineract-provider/api/v1",
    "mifos_tenant_id": "default",
    "mifos_username": "vault",
    "mifos_password": "right-one",
    "payment_type": "M-Pesa",
    "release": "1.14",
    "timezone": "Africa/Nairobi",
    "payout_amount": "net",
    "poll_seconds": "15",
    "act": "save",
}
SHORTCODE = {
    "number": "600123",
    "kind": "b2c",
    "consumer_key": "ck",
    "consumer_secret": "cs-secret",
    "initiator": "api",
    "initiator_password": "ip-secret",
    "rate_per_second": "5",
    "c2b_version": "v2",
    "response_type": "Completed",
    "act": "save",
}


@pytest.fixture
def outside(settings: Any) -> Iterator[responses.RequestsMock]:
    settings.MPESA_BASE_URL, settings.DAMZA_BASE_URL, settings.ALLOW_PRIVATE_HOSTS = DARAJA, DAMZA, True
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def desk() -> Client:
    return desk_of("administrator")


def desk_of(role: str) -> Client:
    user = User.objects.create(username=f"ann-{role}", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def at(partner: Partner, slug: str) -> str:
    return f"/admin/partners/partner/{partner.pk}/set-up/{slug}/"


def step(partner: Partner, slug: str) -> readiness.Step:
    found = readiness.of_partner(partner, at=timezone.now())
    return next(one for one in found.steps if one.slug == slug)


def mifos_accepts(outside: responses.RequestsMock) -> None:
    outside.post(
        f"{API}/authentication",
        json={"username": "vault", "authenticated": True, "permissions": ["ALL_FUNCTIONS"]},
    )
    product = {
        "id": 1,
        "name": "Biashara",
        "minPrincipal": 500,
        "maxPrincipal": 50000,
        "currency": {"code": "KES"},
    }
    outside.get(f"{API}/loanproducts", json=[product])
    outside.get(f"{API}/loans", json={"totalFilteredRecords": 0, "pageItems": []})
    outside.get(f"{API}/paymenttypes", json=[{"id": 7, "name": "M-Pesa", "isCashPayment": False}])
    outside.get(f"{API}/businessdate/BUSINESS_DATE", json={"date": [2026, 6, 3]})


def mifos_refuses(outside: responses.RequestsMock) -> None:
    outside.post(f"{API}/authentication", status=401, json={"httpStatusCode": "401"})


def daraja_gives_a_token(outside: responses.RequestsMock) -> None:
    outside.get(f"{DARAJA}/oauth/v1/generate", json={"access_token": "t1", "expires_in": "3599"})


def daraja_takes_the_question(outside: responses.RequestsMock) -> None:
    said = {"ConversationID": "c", "OriginatorConversationID": "o", "ResponseCode": "0"}
    outside.post(f"{DARAJA}/mpesa/accountbalance/v1/query", json=said)


def test_the_first_step_makes_the_partner_and_leads_to_the_second(desk: Client) -> None:
    typed = {
        "code": "mto",
        "name": "Mto SACCO",
        "phones": "0711 000 001",
        "language": "sw",
        "is_active": "on",
    }
    answer = desk.post("/admin/partners/partner/set-up/new/", typed)
    made = Partner.objects.get(code="mto")
    assert answer.headers["Location"] == at(made, "mifos")
    assert made.phones == ["254711000001"]
    assert AuditLine.objects.filter(object_id=str(made.pk), action="created").exists()


def test_a_phone_that_is_none_is_refused_in_words_and_the_rest_is_kept(desk: Client) -> None:
    typed = {"code": "mto", "name": "Mto SACCO", "phones": "12", "language": "sw"}
    answer = desk.post("/admin/partners/partner/set-up/new/", typed)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "One of the numbers" in text
    assert 'value="Mto SACCO"' in text
    assert not Partner.objects.exists()


def test_mifos_is_tested_saved_and_its_products_are_taken_over(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    mifos_accepts(outside)
    desk.post(at(kilimo, "mifos"), CONNECTION)
    row = MifosPartner.objects.get(partner=kilimo)
    assert row.payment_type_id == 7
    assert LoanProduct.objects.get().product_name == "Biashara"
    assert "Switch at least one on" in step(kilimo, "mifos").todo
    desk.post(at(kilimo, "mifos"), {"act": "products", "product": str(LoanProduct.objects.get().pk)})
    assert step(kilimo, "mifos").green


def test_what_does_not_work_is_saved_and_told_so_that_nothing_is_lost(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    mifos_refuses(outside)
    desk.post(at(kilimo, "mifos"), CONNECTION)
    assert MifosPartner.objects.get(partner=kilimo).mifos_username == "vault"
    text = desk.get(at(kilimo, "mifos")).content.decode()
    assert "Mifos does not accept the user name or password." in text
    assert step(kilimo, "mifos").tone == "person"


@pytest.mark.parametrize(("anyway", "kept"), [(False, "right-one"), (True, "bad")])
def test_a_password_that_works_is_replaced_by_one_that_does_not_only_on_demand(
    desk: Client, outside: responses.RequestsMock, anyway: bool, kept: str
) -> None:
    kilimo = make.partner()
    mifos_accepts(outside)
    desk.post(at(kilimo, "mifos"), CONNECTION)
    outside.replace(responses.POST, f"{API}/authentication", status=401, json={})
    typed = CONNECTION | {"mifos_password": "bad"} | ({"anyway": "1"} if anyway else {})
    answer = desk.post(at(kilimo, "mifos"), typed)
    assert answer.status_code == (302 if anyway else 200)
    assert MifosPartner.objects.get(partner=kilimo).mifos_password == kept


def test_an_empty_password_keeps_the_one_that_is_stored(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    mifos_accepts(outside)
    desk.post(at(kilimo, "mifos"), CONNECTION)
    desk.post(at(kilimo, "mifos"), CONNECTION | {"mifos_password": "", "poll_seconds": "30"})
    row = MifosPartner.objects.get(partner=kilimo)
    assert (row.mifos_password, row.poll_seconds) == ("right-one", 30)


def test_a_host_that_is_down_is_told_in_words(desk: Client, outside: responses.RequestsMock) -> None:
    kilimo = make.partner()
    outside.post(f"{API}/authentication", body=ConnectionRefusedError())
    desk.post(at(kilimo, "mifos"), CONNECTION)
    assert MifosPartner.objects.exists()
    assert step(kilimo, "mifos").tone == "person"


def test_credentials_that_change_by_another_way_are_no_longer_proved(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    mifos_accepts(outside)
    desk.post(at(kilimo, "mifos"), CONNECTION)
    row = MifosPartner.objects.get(partner=kilimo)
    row.mifos_password = "changed elsewhere"
    row.save()
    assert step(kilimo, "mifos").words == "Changed since it was tested."


def test_a_shortcode_is_proved_by_its_balance_and_not_by_its_key_alone(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    daraja_gives_a_token(outside)
    daraja_takes_the_question(outside)
    desk.post(at(kilimo, "shortcodes"), SHORTCODE | {"certificate": certificate()})
    row = Shortcode.objects.get(number="600123")
    assert row.partner == kilimo
    assert "has not told the balance yet" in step(kilimo, "shortcodes").words
    Shortcode.objects.filter(pk=row.pk).update(balance_at=timezone.now(), utility_balance=5)
    assert step(kilimo, "shortcodes").green


def test_a_certificate_that_is_none_is_refused_before_anybody_is_asked(
    desk: Client, outside: responses.RequestsMock
) -> None:
    kilimo = make.partner()
    answer = desk.post(at(kilimo, "shortcodes"), SHORTCODE | {"certificate": "nonsense"})
    assert answer.status_code == 200
    assert "This is not a PEM certificate." in answer.content.decode()
    assert len(outside.calls) == 0


def test_the_shortcode_of_another_owner_is_refused_in_words(
    desk: Client, outside: responses.RequestsMock
) -> None:
    pwani = make.partner("pwani")
    make.shortcode("600123", partner=pwani)
    answer = desk.post(at(make.partner(), "shortcodes"), SHORTCODE | {"certificate": certificate()})
    assert "set up already" in answer.content.decode()
    assert Shortcode.objects.get().partner == pwani


def test_the_fourth_step_opens_the_wallet_and_sets_the_tariff(desk: Client) -> None:
    kilimo = make.partner()
    typed = {
        "low_balance_threshold": "5000",
        "up_to_0": "1,000",
        "fee_0": "10",
        "up_to_1": "250000",
        "fee_1": "45",
    }
    desk.post(at(kilimo, "wallet"), typed | {"sms_fee": "1"})
    assert PartnerWallet.objects.get(partner=kilimo).low_balance_threshold == 5000
    assert [band.fee for band in TariffBand.objects.filter(partner=kilimo, kind="payout")] == [10, 45]
    assert step(kilimo, "wallet").green


def test_bands_that_do_not_rise_are_refused_and_stay_in_the_form(desk: Client) -> None:
    kilimo = make.partner()
    typed = {"up_to_0": "1000", "fee_0": "10", "up_to_1": "500", "fee_1": "20"}
    answer = desk.post(at(kilimo, "wallet"), typed)
    assert "rise from band to band" in answer.content.decode()
    assert 'value="500"' in answer.content.decode()
    assert not TariffBand.objects.filter(partner=kilimo).exists()
    assert not PartnerWallet.objects.exists()


def test_an_sms_account_is_proved_by_its_credit(desk: Client, outside: responses.RequestsMock) -> None:
    kilimo = make.partner()
    outside.get(f"{DAMZA}/api/v3/balance", json={"status": "success", "data": {"remaining_balance": "900"}})
    outside.get(f"{DAMZA}/balance", json={"status": "success", "data": {"remaining_balance": "900"}})
    typed = {"kind": "ultimate_sms", "sender_id": "KILIMO", "api_key": "k", "dlr_mode": "none", "act": "save"}
    desk.post(at(kilimo, "sms"), typed)
    row = SmsGateway.objects.get(partner=kilimo)
    assert proofs.of_rows([row])[row.pk].findings
    assert row.api_key == "k"


def test_a_test_message_goes_the_way_of_all_messages(desk: Client) -> None:
    kilimo = make.partner()
    SmsGateway.objects.create(name="Platform", api_key="k")
    desk.post(at(kilimo, "sms"), {"act": "message"})
    row = SmsNotification.objects.get()
    assert (row.recipient_phone, row.status) == ("254711000001", "pending")
    assert "ann-administrator" in row.message_content


def test_a_key_is_shown_once(desk: Client) -> None:
    kilimo = make.partner()
    answer = desk.post(at(kilimo, "keys"), {"name": "Core banking", "scopes": ["read"], "lives": "365"})
    key = ApiKey.objects.get()
    assert key.prefix in answer.content.decode()
    assert (
        "pv_" + answer.content.decode().split("data-pv-key>pv_")[1][:40]
        not in desk.get(at(kilimo, "keys")).content.decode()
    )
    assert "no-store" in answer.headers["Cache-Control"]
    assert (key.scopes, key.partner) == (["read"], kilimo)


@pytest.mark.parametrize("slug", [slug for slug, _ in readiness.STEPS])
def test_no_step_shows_a_secret(desk: Client, slug: str) -> None:
    kilimo = make.partner()
    make.shortcode(partner=kilimo, consumer_secret="cs-secret", initiator_password="ip-secret")
    MifosPartner.objects.create(
        partner=kilimo, mifos_host_url=HOST, mifos_username="vault", mifos_password="mi-secret"
    )
    SmsGateway.objects.create(name="Kilimo", partner=kilimo, api_key="sms-secret")
    text = desk.get(at(kilimo, slug) + "?number=600992").content.decode()
    assert "-secret" not in text


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_who_does_not_set_up_sees_the_story_and_not_the_steps(role: str) -> None:
    kilimo = make.partner()
    client = desk_of(role)
    assert client.get(at(kilimo, "mifos")).status_code == 403
    assert client.post(at(kilimo, "partner"), {"name": "Mine"}).status_code == 403
    assert client.get(f"/admin/partners/partner/{kilimo.pk}/page/").status_code == 200


def test_a_new_partner_is_not_ready_and_says_what_comes_next(desk: Client) -> None:
    kilimo = make.partner()
    found = readiness.of_partner(kilimo, at=timezone.now())
    assert found.sentence == ("Not ready to pay. Mifos: Not connected yet. Enter the host and the API user.")
    text = desk.get("/admin/partners/partner/").content.decode()
    assert "Set-up: 1 of 6 green" in text
    assert "Not ready" in text


def test_set_up_without_float_is_not_ready_either() -> None:
    kilimo = make.partner()
    ready_but_for_money(kilimo)
    found = readiness.of_partner(kilimo, at=timezone.now())
    assert found.set_up
    assert not found.ready
    assert "It has no float on 600992. Buy float." in found.sentence


def ready_but_for_money(partner: Partner) -> None:
    now = timezone.now()
    host = MifosPartner.objects.create(
        partner=partner, mifos_host_url=HOST, mifos_username="vault", mifos_password="p"
    )
    MifosPartner.objects.filter(pk=host.pk).update(last_poll_at=now + timedelta(seconds=1))
    LoanProduct.objects.create(
        mifos_partner=host, mifos_product_id=1, product_name="Biashara", is_auto_disbursement_enabled=True
    )
    row = make.shortcode(partner=partner, certificate=certificate())
    Shortcode.objects.filter(pk=row.pk).update(balance_at=now + timedelta(seconds=1))
    make.tariff(partner)
    from wallet import operations

    operations.open_accounts(partner_id=partner.pk, shortcode_id=row.pk, at=now)


def test_the_list_costs_the_same_for_two_partners_as_for_ten(django_assert_num_queries: Any) -> None:
    rows = [make.partner(f"p{number}") for number in range(10)]
    with django_assert_num_queries(10):
        facts.read(rows[:2], at=timezone.now())
    with django_assert_num_queries(10):
        facts.read(rows, at=timezone.now())
