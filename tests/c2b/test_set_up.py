"""How collections are set up: rules that make sense, pages that open, an action that registers."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.test import Client as Web
from django.urls import reverse

from c2b import registering
from c2b.models import Collector
from common import tokens
from common.changes import By
from common.models import AuditLine
from mpesa import operations as mpesa
from partners.models import Partner, Shortcode
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db

BY = By(name="test")


@pytest.fixture
def paybill() -> Shortcode:
    return make.shortcode("600100", kind=Shortcode.Kind.C2B, partner=make.partner())


@pytest.mark.parametrize(
    "fields",
    [
        {"prefixes": {"L": "lone"}},
        {"prefixes": {"7": "loan"}},
        {"prefixes": {"": "loan"}},
        {"prefixes": ["L"]},
        {"blocked_phones": ["020 123"]},
        {"min_amount": 100, "max_amount": 50},
        {"excess": "keep"},
        {"prefer": "both"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(paybill: Shortcode, fields: dict[str, Any]) -> None:
    partner = Partner.objects.get()
    with pytest.raises(ValidationError):
        registering.put_rule(partner=partner, fields=fields, by=BY, at=NOW)


def test_a_rule_is_kept_once_and_its_change_is_audited(paybill: Shortcode) -> None:
    partner = Partner.objects.get()
    fields = {"excess": "savings", "blocked_phones": ["0711 000 001"]}
    assert registering.put_rule(partner=partner, fields=fields, by=BY, at=NOW).made
    again = registering.put_rule(
        partner=partner, fields={"excess": "savings", "blocked_phones": ["254711000001"]}, by=BY, at=NOW
    )
    assert (again.made, again.changed) == (False, ())
    line = AuditLine.objects.get(object_type="collection_rules")
    assert "254711000001" not in str(line.detail)


def test_new_addresses_leave_those_before_in_force(paybill: Shortcode) -> None:
    before = registering.callbacks(paybill)["confirmation"]
    registering.rotate_token(shortcode_id=paybill.pk, at=NOW, by=BY)
    after = registering.callbacks(paybill)["confirmation"]
    assert before != after
    assert tokens.make("c2b", paybill.pk, version=1) in after


@pytest.mark.parametrize("page", ["c2btransaction", "collector", "collectionrule", "stkpush"])
def test_the_pages_open(paybill: Shortcode, page: str) -> None:
    row = Collector.objects.create(shortcode=paybill, passkey="pk-hidden")
    web = Web()
    web.force_login(get_user_model().objects.create_superuser("root"))
    assert web.get(reverse(f"admin:c2b_{page}_changelist")).status_code == 200
    shown = web.get(reverse("admin:c2b_collector_change", args=[row.pk]))
    assert shown.status_code == 200
    assert b"pk-hidden" not in shown.content
    assert web.get(reverse("admin:c2b_collectionrule_add")).status_code == 200


def test_the_action_says_in_words_why_nothing_was_registered(paybill: Shortcode, settings: Any) -> None:
    settings.MPESA_BASE_URL = "http://127.0.0.1:9"
    mpesa._tokens.cache_clear()
    row = Collector.objects.create(shortcode=paybill)
    web = Web()
    web.force_login(get_user_model().objects.create_superuser("root"))
    answer = web.post(
        f"/admin/c2b/collector/{row.pk}/register/", {"reason": "go live", "_form_submitted": "True"}
    )
    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.registered_at is None
    assert "Not registered" in row.registered_note
