"""Secrets are sealed in the database, and the keys that seal them can be changed without losing one."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from common import crypto
from common.management.commands import rotate_keys
from partners.models import Shortcode
from tests import make

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
SECRET_COLUMN = Shortcode._meta.get_field("consumer_secret")


def stored(column: str = "consumer_secret") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"select {column} from shortcodes order by number")
        return [row[0] for row in cursor.fetchall()]


def rotate(**options) -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_a_secret_is_plain_in_python_and_sealed_in_the_database(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    make.shortcode(consumer_secret="open sesame")
    assert Shortcode.objects.get().consumer_secret == "open sesame"
    assert "sesame" not in stored()[0]


@pytest.mark.django_db
def test_an_empty_secret_stays_empty(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    make.shortcode(consumer_secret="")
    assert stored() == [""]


def test_two_seals_of_one_secret_differ(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    assert crypto.encrypt("x") != crypto.encrypt("x")


def test_an_older_key_still_opens(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    sealed = crypto.encrypt("x")
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    assert crypto.decrypt(sealed) == "x"
    settings.VAULT_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(ImproperlyConfigured, match="None of VAULT_ENCRYPTION_KEYS"):
        crypto.decrypt(sealed)


@pytest.mark.parametrize(("keys", "words"), [([], "is empty"), (["short"], "no Fernet key")])
def test_bad_keys_are_refused_in_words(settings, keys, words):
    settings.VAULT_ENCRYPTION_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match=words):
        crypto.encrypt("x")


@pytest.mark.django_db
def test_after_rotation_the_new_key_alone_opens_everything(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    for number in ("600001", "600002", "600003"):
        make.shortcode(number, consumer_secret=f"secret of {number}", initiator_password="")
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    said = rotate(batch=2)
    assert "shortcodes.consumer_secret: 3 rotated, 0 already" in said
    assert "shortcodes.initiator_password: 0 rotated" in said
    settings.VAULT_ENCRYPTION_KEYS = [NEW]
    assert [row.consumer_secret for row in Shortcode.objects.all()] == [
        f"secret of {number}" for number in ("600001", "600002", "600003")
    ]


@pytest.mark.django_db
def test_rotating_again_passes_over_what_is_done(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    make.shortcode()
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    rotate()
    before = stored()
    assert "shortcodes.consumer_secret: 0 rotated, 1 already" in rotate()
    assert stored() == before


@pytest.mark.django_db
def test_a_stopped_rotation_is_taken_up_where_it_was(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    make.shortcode("600001")
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    make.shortcode("600002")  # as if it had been rotated already
    assert "shortcodes.consumer_secret: 1 rotated, 1 already" in rotate(batch=1)


@pytest.mark.django_db
def test_a_dry_run_counts_and_changes_nothing(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    make.shortcode()
    before = stored()
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    assert "1 to rotate" in rotate(dry_run=True)
    assert stored() == before


@pytest.mark.django_db
def test_a_secret_that_no_key_opens_stops_it_with_its_place(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OTHER]
    row = make.shortcode(consumer_key="", initiator_password="")
    settings.VAULT_ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=f"shortcodes.consumer_secret of row {row.pk} opens with none"):
        rotate()


@pytest.mark.django_db
def test_a_value_that_changed_meanwhile_is_left_as_it_is(settings):
    settings.VAULT_ENCRYPTION_KEYS = [OLD]
    row = make.shortcode(consumer_secret="first")
    read = stored()[0]
    row.consumer_secret = "second"
    row.save()
    replaced = rotate_keys._replace(Shortcode, SECRET_COLUMN, row.pk, read, crypto.encrypt("first"))
    assert not replaced
    assert Shortcode.objects.get().consumer_secret == "second"


def test_every_encrypted_column_of_every_app_is_found():
    found = {f"{model._meta.db_table}.{field.column}" for model, field in rotate_keys.encrypted_columns()}
    assert {"shortcodes.consumer_secret", "mifos_partners.mifos_password", "sms_gateways.api_key"} <= found
