"""`manage.py apply` makes the database say what the file says: once, whole, audited, and without leaks."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
import responses
from django.core.management import CommandError, call_command

from c2b.models import CollectionRule, Collector
from common.models import AuditLine
from mifos.models import LoanProduct, MifosPartner
from partners.models import ApiKey, Partner, Shortcode, TariffBand
from partners.operations import digest
from sms.models import SmsGateway
from tests.partners.make_partners import certificate
from vault.setup import parts
from wallet import balances
from wallet.bank_models import BankAccount
from wallet.models import AutoFloatRule, PartnerWallet, Transfer

pytestmark = pytest.mark.django_db

FULL = """
shared_shortcodes:
  - {number: "600992", kind: b2c, consumer_key: ck, consumer_secret: cs-hidden, initiator: testapi,
     initiator_password: ip-hidden, certificate: ./daraja.pem}
bank: {account: "1000000001", till: "123456", push_secret: ps-hidden}
partners:
  - code: kilimo
    name: Kilimo SACCO
    phones: ["254711000001"]
    mifos: {host_url: "https://kilimo.example:8443", tenant_id: default, username: vault, password: mp-hidden}
    products: {auto_disburse: all, rules: {max_per_client_per_day: 1}}
    shortcodes:
      - {number: "600100", kind: c2b, consumer_key: ck2, consumer_secret: cs2-hidden, version: v1}
    wallet: {opening_balance: 100000, opening_float: 5000000, low_balance_threshold: 5000,
             auto_float: {below: 200000, buy: 500000, max_per_day: 2000000}}
    tariff: {payout: [[1000, 10], [10000, 25], [250000, 45]], sms: 1, float_purchase: 50}
    collections: {prefixes: {L: loan, S: savings}, excess: savings}
    sms: {gateway: ultimate_sms, api_key: sk-hidden, sender_id: KILIMO, language: sw}
"""
PRODUCTS_URL = "https://kilimo.example:8443/fineract-provider/api/v1/loanproducts"


@pytest.fixture(autouse=True)
def mifos():
    """A Mifos with two products; clear it to have none that answers."""
    products = [
        {"id": number, "name": name, "currency": {"code": "KES"}, "minPrincipal": 100, "maxPrincipal": 50000}
        for number, name in ((1, "Biashara"), (4, "Elimu"))
    ]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(PRODUCTS_URL, json=products)
        yield mock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "daraja.pem").write_text(certificate())
    return tmp_path


def apply(folder: Path, text: str = FULL, **options) -> str:
    (folder / "setup.yaml").write_text(text)
    out = StringIO()
    call_command("apply", folder / "setup.yaml", stdout=out, **options)
    return out.getvalue()


def refused(folder: Path, text: str) -> str:
    with pytest.raises(CommandError) as caught:
        apply(folder, text)
    return str(caught.value)


def test_a_full_file_sets_everything_up(folder):
    apply(folder)
    kilimo = Partner.objects.get()
    assert (kilimo.code, kilimo.phones, kilimo.language) == ("kilimo", ["254711000001"], "sw")
    assert Shortcode.objects.get(number="600992").certificate == certificate()
    own = Shortcode.objects.get(number="600100")
    assert (own.partner, own.c2b_version, own.consumer_secret) == (kilimo, "v1", "cs2-hidden")
    assert MifosPartner.objects.get().mifos_password == "mp-hidden"
    assert SmsGateway.objects.get().sender_id == "KILIMO"
    assert TariffBand.objects.filter(partner=kilimo).count() == 5


def test_the_opening_entries_are_in_the_ledger(folder):
    apply(folder)
    shared = Shortcode.objects.get(number="600992")
    wallet, float_ = balances.available_for_payout(Partner.objects.get().pk, shared.pk)
    assert (wallet, float_) == (Decimal(100_000), Decimal(5_000_000))
    assert PartnerWallet.objects.get().low_balance_threshold == Decimal(5_000)


def test_products_follow_the_file_now_and_when_they_appear_later(folder, mifos):
    apply(folder)
    assert [product.is_auto_disbursement_enabled for product in LoanProduct.objects.all()] == [True, True]
    assert LoanProduct.objects.first().disbursement_rules == {"max_per_client_per_day": 1}
    later = [{"id": number, "name": f"P{number}", "currency": {"code": "KES"}} for number in (1, 4, 9)]
    mifos.replace(responses.GET, PRODUCTS_URL, json=later)
    parts.sync_products("kilimo", at=Partner.objects.get().created_at)
    assert LoanProduct.objects.get(mifos_product_id=9).is_auto_disbursement_enabled


def test_only_the_listed_products_are_paid_by_themselves(folder):
    apply(folder, FULL.replace("auto_disburse: all", "auto_disburse: [4]"))
    on = LoanProduct.objects.filter(is_auto_disbursement_enabled=True)
    assert [product.mifos_product_id for product in on] == [4]
    apply(folder, FULL.replace("auto_disburse: all", "auto_disburse: [1]"))
    assert [product.mifos_product_id for product in on.all()] == [1]


def test_a_host_that_does_not_answer_is_a_note_and_no_failure(folder, mifos):
    mifos.reset()
    said = apply(folder)
    assert "will be applied at the next sync" in said
    assert MifosPartner.objects.get().product_wish["auto_disburse"] == "all"


def test_a_second_time_nothing_is_doubled_or_written(folder):
    apply(folder)
    lines, transfers = AuditLine.objects.count(), Transfer.objects.count()
    found = json.loads(apply(folder, json=True))
    assert found["partners"][0]["result"] == "unchanged"
    assert {part["result"] for part in found["partners"][0]["parts"]} == {"unchanged"}
    assert (AuditLine.objects.count(), Transfer.objects.count()) == (lines, transfers)


def test_a_change_is_made_told_and_audited(folder):
    apply(folder)
    before = AuditLine.objects.count()
    said = apply(folder, FULL.replace("mp-hidden", "mp-hidden-2").replace("Kilimo SACCO", "Kilimo Bora"))
    assert "partner: updated (name)" in said
    assert "mifos: updated (mifos_password)" in said
    assert "tariff: unchanged" in said
    details = AuditLine.objects.order_by("-at").values_list("detail", flat=True)[
        : AuditLine.objects.count() - before
    ]
    assert {"mifos_password": "changed"} in details


def test_what_the_file_does_not_say_stays(folder):
    apply(folder)
    apply(folder, "partners: [{code: kilimo, name: Kilimo SACCO}]")
    assert Partner.objects.get().phones == ["254711000001"]
    assert MifosPartner.objects.exists()


def test_an_opening_entry_is_booked_once_also_over_another_shortcode(folder):
    apply(folder)
    own = '      - {number: "600200", kind: b2c}\n    wallet:'
    said = apply(
        folder, FULL.replace("    wallet:", own).replace("opening_balance: 100000", "opening_balance: 7")
    )
    assert "The opening entry of the wallet was booked before, with KES 100000.00; it stays." in said
    assert Transfer.objects.filter(type="opening").count() == 2


def test_no_secret_is_printed_or_audited(folder):
    said = apply(folder) + apply(folder, json=True) + str(list(AuditLine.objects.values()))
    assert "hidden" not in said


def test_json_tells_programs_ids_and_addresses(folder, settings):
    settings.PUBLIC_BASE_URL = "https://vault.example"
    found = json.loads(apply(folder, json=True))
    kilimo = found["partners"][0]
    assert (kilimo["code"], kilimo["id"], kilimo["result"]) == (
        "kilimo",
        str(Partner.objects.get().pk),
        "created",
    )
    assert kilimo["callbacks"]["mifos"].startswith("https://vault.example/callbacks/mifos/")
    assert [shortcode["number"] for shortcode in found["shared_shortcodes"]] == ["600992"]
    assert kilimo["callbacks"]["c2b_confirmation_600100"].endswith("/confirmation")
    assert found["not_active_yet"] == []
    assert "api_key" not in kilimo


def test_the_bank_is_set_up_and_its_addresses_are_printed(folder, settings):
    settings.PUBLIC_BASE_URL = "https://vault.example"
    found = json.loads(apply(folder, json=True))["bank"]
    row = BankAccount.objects.get()
    assert (row.account, row.till, row.push_secret, row.hash_mode) == (
        "1000000001",
        "123456",
        "ps-hidden",
        "log",
    )
    assert (found["account"], found["result"]) == ("1000000001", "created")
    assert found["callbacks"]["paybill"].startswith("https://vault.example/callbacks/ncba/")
    assert found["callbacks"]["account"].endswith("/account")
    said = apply(folder, FULL.replace("ps-hidden", "ps-hidden-2"))
    assert "bank 1000000001: updated (push_secret)" in said
    assert f"callback paybill: {found['callbacks']['paybill']}" in said
    assert "ps-hidden" not in said


def test_another_account_takes_the_place_of_the_one_before(folder):
    apply(folder)
    apply(folder, FULL.replace("1000000001", "1000000002"))
    used = {row.account: row.is_active for row in BankAccount.objects.all()}
    assert used == {"1000000001": False, "1000000002": True}


def test_a_wrong_bank_is_refused_with_its_line(folder):
    said = refused(folder, FULL.replace('"1000000001"', '"10-00"'))
    assert "line 5: account: Letters and digits." in said
    assert not BankAccount.objects.exists()


def test_a_dry_run_prints_no_addresses_of_the_bank(folder):
    found = json.loads(apply(folder, json=True, dry_run=True))
    assert (found["bank"]["result"], found["bank"]["callbacks"]) == ("created", {})
    assert not BankAccount.objects.exists()


def test_keys_are_made_only_when_asked_for(folder):
    apply(folder)
    assert not ApiKey.objects.exists()
    found = json.loads(apply(folder, json=True, keys=True))
    key = ApiKey.objects.get(partner__code="kilimo")
    assert digest(found["partners"][0]["api_key"]) == key.digest
    assert digest(found["platform_api_key"]) == ApiKey.objects.get(partner=None).digest
    assert key.expires_at is not None


def test_a_dry_run_says_what_it_would_do_and_does_nothing(folder):
    said = apply(folder, dry_run=True, keys=True)
    assert "kilimo: created" in said
    assert "nothing was changed" in said
    assert "pv_" not in said
    assert "/callbacks/" not in said
    assert not Partner.objects.exists()
    assert not AuditLine.objects.exists()


def test_one_wrong_line_refuses_the_whole_file(folder):
    said = refused(folder, FULL.replace("sender_id: KILIMO", "sender: KILIMO"))
    assert "nothing was changed" in said
    assert "line 18: partners[1].sms.sender: there is no such key; did you mean `sender_id`?" in said
    assert not Shortcode.objects.exists()


def test_what_only_the_database_can_refuse_is_told_with_its_line_and_undone(folder):
    apply(folder)
    other = FULL.replace("code: kilimo", "code: umoja").replace("Kilimo SACCO", "Umoja")
    said = refused(folder, other)
    assert "line 13: Shortcode 600100 is already set up for Kilimo SACCO." in said
    assert not Partner.objects.filter(code="umoja").exists()


def test_two_partners_do_not_share_a_tenant(folder):
    apply(folder)
    mifos = '{host_url: "https://kilimo.example:8443", username: u, password: p}'
    said = refused(folder, f"partners:\n  - code: umoja\n    name: Umoja\n    mifos: {mifos}\n")
    assert "line 4: Another partner is connected to this tenant" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read: No such file"), ("hello", "not a PEM certificate")],
)
def test_a_missing_or_wrong_certificate_is_told_with_its_line(folder, content, words):
    (folder / "daraja.pem").unlink()
    if content:
        (folder / "daraja.pem").write_text(content)
    said = refused(folder, FULL)
    assert words in said
    assert "line 3" in said or "line 4" in said
    assert not Shortcode.objects.exists()


def test_opening_float_without_a_shortcode_that_pays_is_refused(folder):
    text = "partners:\n  - code: a\n    name: A\n    wallet: {opening_float: 5}\n"
    assert "line 4: opening_float needs a shortcode that pays out" in refused(folder, text)
    assert not Partner.objects.exists()


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("apply", tmp_path / "none.yaml")


def test_programs_get_the_problems_as_json_too(folder):
    (folder / "setup.yaml").write_text("partner: []")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("apply", folder / "setup.yaml", "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"][0].startswith("line 1: partner: there is no such key")


def test_automatic_float_follows_the_file(folder):
    apply(folder)
    rule = AutoFloatRule.objects.get()
    assert (rule.below, rule.buy, rule.max_per_day) == (200_000, 500_000, 2_000_000)
    apply(folder, FULL.replace("max_per_day: 2000000", 'max_per_day: 1000000, hours: ["06:00", "20:30"]'))
    rule.refresh_from_db()
    assert (rule.max_per_day, f"{rule.from_time:%H:%M}", f"{rule.to_time:%H:%M}") == (
        1_000_000,
        "06:00",
        "20:30",
    )


def test_automatic_float_is_switched_off_by_name_and_not_by_silence(folder):
    apply(folder)
    without = FULL.replace(
        ",\n             auto_float: {below: 200000, buy: 500000, max_per_day: 2000000}}", "}"
    )
    apply(folder, without)
    assert AutoFloatRule.objects.get().is_active
    apply(folder, without.replace("low_balance_threshold: 5000}", "auto_float: null}"))
    assert not AutoFloatRule.objects.get().is_active


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("max_per_day: 400000", "must not be below `buy`"),
        ("max_per_day: 2000000, hours: ['20:00', '06:00']", "must begin before they end"),
        ("max_per_day: 2000000, hours: ['25:00', '26:00']", "hours"),
    ],
)
def test_an_automatic_float_that_could_never_buy_is_refused(folder, written, said):
    assert said in refused(folder, FULL.replace("max_per_day: 2000000", written))


def test_collections_follow_the_file(folder):
    apply(folder)
    rule = CollectionRule.objects.get()
    assert (rule.partner.code, rule.prefixes, rule.excess) == (
        "kilimo",
        {"L": "loan", "S": "savings"},
        "savings",
    )
    said = FULL.replace("excess: savings}", "excess: post, prefer: loan, second_person_above: 1000}")
    said = said.replace("version: v1}", 'version: v1, passkey: pk-hidden, pull_phone: "0711000001"}')
    printed = apply(folder, said)
    rule.refresh_from_db()
    assert (rule.excess, rule.prefer, rule.second_person_above) == ("post", "loan", 1000)
    collector = Collector.objects.get()
    assert (collector.passkey, collector.pull_phone, collector.pull_enabled) == (
        "pk-hidden",
        "254711000001",
        True,
    )
    assert collector.next_step_at is not None
    assert "pk-hidden" not in printed
    assert "collections: unchanged" in apply(folder, said)
