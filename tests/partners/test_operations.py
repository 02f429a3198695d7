"""Partners, shortcodes, tariffs and keys are put as often as one likes; only differences are written."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError

from common.changes import By
from common.models import AuditLine
from common.phone import BadPhone
from partners import operations
from partners.models import ApiKey, Partner, Shortcode, TariffBand, fee
from tests import make
from tests.make import NOW
from tests.partners.make_partners import certificate

pytestmark = pytest.mark.django_db
APPLY = By(name="apply")
TODAY = NOW.date()


def put_partner(**fields):
    return operations.put_partner(code="kilimo", fields=fields, by=APPLY, at=NOW)


def put_shortcode(number="600992", partner=None, **fields):
    return operations.put_shortcode(number=number, partner=partner, fields=fields, by=APPLY, at=NOW)


def put_tariff(bands, *, partner=None, kind="payout", on=TODAY):
    pairs = [(Decimal(up_to), Decimal(cost)) for up_to, cost in bands]
    return operations.put_tariff(partner=partner, kind=kind, bands=pairs, valid_from=on, by=APPLY, at=NOW)


def test_a_partner_is_made_then_changed_then_left_alone():
    assert put_partner(name="Kilimo", phones=["0711 000 001"]).made
    assert put_partner(name="Kilimo SACCO", phones=["254711000001"]).changed == ("name",)
    assert put_partner(name="Kilimo SACCO").changed == ()
    assert [line.action for line in AuditLine.objects.order_by("id")] == ["created", "changed"]
    assert Partner.objects.get().phones == ["254711000001"]


def test_what_is_not_given_stays():
    put_partner(name="Kilimo", phones=["0711000001"])
    put_partner(name="Kilimo SACCO")
    assert Partner.objects.get().phones == ["254711000001"]


def test_a_landline_is_no_partner_phone():
    with pytest.raises(BadPhone):
        put_partner(name="Kilimo", phones=["0202345678"])
    assert not Partner.objects.exists()


def test_a_bad_code_is_refused():
    with pytest.raises(ValidationError, match="Small letters"):
        operations.put_partner(code="Kilimo!", fields={"name": "K"}, by=APPLY, at=NOW)


def test_the_audit_has_no_secret_and_no_phone():
    put_partner(name="Kilimo", phones=["0711000001"])
    put_shortcode(kind="b2c", consumer_key="ck-1", consumer_secret="cs-1", initiator_password="pw-1")
    put_shortcode(kind="b2c", consumer_secret="cs-2")
    text = str([line.detail for line in AuditLine.objects.all()])
    assert not any(word in text for word in ("ck-1", "cs-1", "cs-2", "pw-1", "711000001"))
    assert AuditLine.objects.latest("id").detail == {"consumer_secret": "changed"}


def test_a_shortcode_keeps_what_workers_wrote_meanwhile():
    row = put_shortcode(kind="b2c").row
    stale = Shortcode.objects.get(pk=row.pk)
    Shortcode.objects.filter(pk=row.pk).update(utility_balance=Decimal(77))
    operations.put(stale, {"initiator": "other"}, by=APPLY, at=NOW)
    assert Shortcode.objects.get().utility_balance == Decimal(77)


def test_a_shortcode_does_not_change_hands():
    kilimo, umoja = make.partner("kilimo"), make.partner("umoja")
    put_shortcode(partner=kilimo, kind="c2b")
    for other in (umoja, None):
        with pytest.raises(operations.NotYours, match="Kilimo SACCO"):
            put_shortcode(partner=other, kind="c2b")


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("hello", "not a PEM certificate"),
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "private key"),
    ],
)
def test_what_is_no_certificate_is_refused_in_words(pem, words):
    with pytest.raises(operations.BadCertificate, match=words):
        put_shortcode(kind="b2c", certificate=pem)
    assert not Shortcode.objects.exists()


def test_a_certificate_without_an_rsa_key_is_refused():
    with pytest.raises(operations.BadCertificate, match="RSA"):
        operations.read_certificate(certificate(elliptic=True))


def test_safaricoms_expired_certificate_is_good():
    put_shortcode(kind="b2c", certificate=certificate())
    assert Shortcode.objects.get().certificate == certificate()


def test_a_shortcode_says_what_it_lacks():
    bare = make.shortcode("600001", consumer_secret="", initiator_password="")
    assert [words.split()[1] for words in operations.missing_for(bare)] == [
        "consumer",
        "initiator",
        "certificate",
    ]
    collecting = make.shortcode("600002", kind="c2b", initiator="", initiator_password="")
    assert operations.missing_for(collecting) == []
    whole = make.shortcode("600003", certificate=certificate())
    assert operations.missing_for(whole) == []


def test_a_new_tariff_begins_at_its_day_and_the_old_one_stays():
    kilimo = make.partner()
    assert put_tariff([(1000, 10), (250000, 45)], partner=kilimo)
    assert put_tariff([(250000, 30)], partner=kilimo, on=TODAY + timedelta(days=1))
    cost = {
        day: fee("payout", partner_id=kilimo.pk, amount=Decimal(500), on=day) for day in (TODAY, date.max)
    }
    assert cost == {TODAY: Decimal(10), date.max: Decimal(30)}


def test_the_same_tariff_again_writes_nothing():
    put_tariff([(1000, 10)])
    assert not put_tariff([(1000, 10)], on=TODAY + timedelta(days=30))
    assert AuditLine.objects.count() == 1


def test_a_tariff_of_the_same_day_is_replaced_and_kept_in_the_audit():
    put_tariff([(1000, 10)])
    put_tariff([(2000, 5)])
    assert list(TariffBand.objects.filter(kind="payout").values_list("up_to", "fee")) == [(2000, 5)]
    assert AuditLine.objects.latest("id").detail["old"] == [["1000.00", "10.00"]]


@pytest.mark.parametrize("bands", [[], [(0, 1)], [(1000, 1), (1000, 2)], [(1000, 1), (500, 2)], [(10, -1)]])
def test_bands_without_sense_are_refused(bands):
    with pytest.raises(operations.BadTariff):
        put_tariff(bands)


def test_mpesas_own_tariff_of_august_2023_is_there():
    amounts = [10, 100, 101, 1_500, 1_501, 5_000, 5_001, 20_000, 20_001, 150_000, 250_000]
    fees = [fee("mpesa_b2c", partner_id=None, amount=Decimal(each), on=TODAY) for each in amounts]
    assert fees == [0, 0, 5, 5, 9, 9, 11, 11, 13, 13, 13]
    assert all(low <= high for low, high in pairwise(fees))
    assert fee("mpesa_b2c", partner_id=None, amount=Decimal(10), on=date(2023, 7, 31)) is None


def make_key(**options):
    wanted = {"partner": None, "name": "test", "scopes": ["all"], "live": True, "expires_at": None}
    return operations.make_api_key(**wanted | options, by=APPLY, at=NOW)


def test_of_a_key_only_its_digest_is_kept():
    key, text = make_key()
    assert text.startswith("pv_live_")
    assert key.digest == operations.digest(text)
    stored = str(list(ApiKey.objects.values())) + str(list(AuditLine.objects.values()))
    assert text not in stored
    assert text.startswith(key.prefix)
    assert make_key(live=False)[1].startswith("pv_test_")


def test_a_key_is_revoked_once():
    key, _ = make_key()
    assert operations.revoke_api_key(key=key, by=APPLY, at=NOW)
    assert not operations.revoke_api_key(key=key, by=APPLY, at=NOW)
    assert [line.action for line in AuditLine.objects.order_by("id")] == ["created", "revoked"]
