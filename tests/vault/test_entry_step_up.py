"""Before money moves the code is asked for again, and then what was pressed goes on with all that was typed."""

import re
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from disbursements import deciding
from disbursements.models import Disbursement
from disbursements.statuses import Status
from mifos.models import MifosPartner
from partners import pausing
from tests import make
from tests.disbursements import outside
from tests.make import NOW
from tests.mifos import make_mifos
from tests.vault.make_entry import came_in, code_of, person, with_app
from vault.entry import factor, freshness, keeping

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://testserver/admin/"}


@pytest.fixture
def olive():
    return person("olive", "operator")


@pytest.fixture
def app(olive):
    return with_app(olive)


@pytest.fixture
def desk(olive, app) -> Client:
    """A browser whose code was shown eleven minutes ago."""
    return grown_old(came_in(olive, app))


def grown_old(client: Client, minutes: float = 11) -> Client:
    session = client.session
    session[freshness.FACTOR_AT] = time.time() - minutes * 60
    session.save()
    return client


@pytest.fixture
def held(monkeypatch) -> Disbursement:
    row = outside.world(monkeypatch).ready(12)
    deciding.hold(disbursement_id=row.pk, by=person("boss"), reason="wait", at=NOW)
    return row


def release(row: Disbursement) -> str:
    return reverse("admin:disbursements_disbursement_release", args=[row.pk])


def status_of(row: Disbursement) -> str:
    row.refresh_from_db()
    return row.status


SAID = {"_form_submitted": "True", "reason": "the client called"}


def kept_in(answer) -> str:
    found = re.search(r'name="pv_kept" value="([^"]+)"', answer.content.decode())
    assert found, answer.content.decode()
    return found.group(1)


def test_a_release_asks_for_the_code_and_then_goes_on_with_its_reason(desk, app, held):
    answer = desk.post(release(held), SAID, **HTMX)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert '<div id="dialog-form"' in text  # what unfold's dialog takes in place of its own fields
    assert "the client called" not in text
    assert status_of(held) == Status.HELD
    answer = desk.post(release(held), {"pv_kept": kept_in(answer), "pv_code": code_of(app)}, **HTMX)
    assert answer.headers["HX-Redirect"] == reverse("admin:disbursements_disbursement_change", args=[held.pk])
    assert status_of(held) != Status.HELD
    assert held.events.filter(note__contains="the client called").exists()


def test_a_wrong_code_does_nothing_keeps_all_and_asks_again(desk, app, held):
    kept = kept_in(desk.post(release(held), SAID, **HTMX))
    answer = desk.post(release(held), {"pv_kept": kept, "pv_code": "000000"}, **HTMX)
    assert "This code is wrong or was used already" in answer.content.decode()
    assert status_of(held) == Status.HELD
    desk.post(release(held), {"pv_kept": kept_in(answer), "pv_code": code_of(app)}, **HTMX)
    assert status_of(held) != Status.HELD


def test_a_recovery_code_will_do(desk, olive, held):
    codes = factor.new_codes(user=olive, at=NOW, address=None)
    kept = kept_in(desk.post(release(held), SAID, **HTMX))
    desk.post(release(held), {"pv_kept": kept, "pv_code": codes[0]}, **HTMX)
    assert status_of(held) != Status.HELD


def test_a_fresh_code_is_asked_for_once_in_ten_minutes(desk, app, held):
    grown_old(desk, minutes=9)
    assert "HX-Redirect" in desk.post(release(held), SAID, **HTMX).headers
    assert status_of(held) != Status.HELD


def test_how_fresh_is_a_setting(desk, held, settings):
    settings.STEP_UP_MINUTES = 12
    desk.post(release(held), SAID, **HTMX)
    assert status_of(held) != Status.HELD


def test_one_code_is_good_for_a_while(desk, app, held):
    kept = kept_in(desk.post(release(held), SAID, **HTMX))
    desk.post(release(held), {"pv_kept": kept, "pv_code": code_of(app)}, **HTMX)
    assert freshness.FACTOR_AT in desk.session
    assert time.time() - desk.session[freshness.FACTOR_AT] < 60


def test_nothing_stands_before_a_stop(desk, monkeypatch):
    row = outside.world(monkeypatch).ready(12)
    desk.post(reverse("admin:disbursements_disbursement_hold", args=[row.pk]), SAID, **HTMX)
    assert status_of(row) == Status.HELD
    desk.post(reverse("admin:partners_pausedial_pause"), SAID | {"target": "everything"}, **HTMX)
    assert pausing.active()


def test_many_at_once_ask_too(desk, app, held):
    address = reverse("admin:disbursements_disbursement_changelist")
    sent = {"action": "release_many", "_selected_action": [str(held.pk)], "reason": "all good", "index": "0"}
    answer = desk.post(address, sent)
    assert "Please confirm that it is you" in answer.content.decode()
    assert status_of(held) == Status.HELD
    desk.post(address, {"pv_kept": kept_in(answer), "pv_code": code_of(app)})
    assert status_of(held) != Status.HELD


def test_a_credential_asks_and_the_form_goes_on_without_its_secret_ever_being_shown():
    ann = person("ann", "administrator")
    app = with_app(ann)
    desk, row = grown_old(came_in(ann, app)), make_mifos.connection()
    address = reverse("admin:mifos_mifospartner_change", args=[row.pk])
    form = desk.get(address).context["adminform"].form
    sent = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: "" if value is None else value for name, value in sent.items()}
    sent |= {"new_password": "tumbili-mweupe", "mifos_username": "vault2", "sms_phone_numbers": "[]"}
    answer = desk.post(address, sent)
    assert "tumbili-mweupe" not in answer.content.decode()
    assert MifosPartner.objects.get().mifos_username != "vault2"
    answer = desk.post(address, {"pv_kept": kept_in(answer), "pv_code": code_of(app)})
    assert answer.status_code == 302, answer.context and answer.context["errors"]
    row = MifosPartner.objects.get()
    assert (row.mifos_username, row.mifos_password) == ("vault2", "tumbili-mweupe")


def test_what_is_kept_opens_for_its_person_on_its_page_and_for_a_while_only(desk, app, held, monkeypatch):
    kept = kept_in(desk.post(release(held), SAID, **HTMX))
    other = person("oscar", "operator")
    stranger = came_in(other, with_app(other))
    assert "HX-Redirect" in stranger.post(release(held), {"pv_kept": kept}, **HTMX).headers
    elsewhere = reverse("admin:disbursements_disbursement_cancel", args=[held.pk])
    desk.post(elsewhere, {"pv_kept": kept, "pv_code": code_of(app)}, **HTMX)
    monkeypatch.setattr(keeping, "GOOD_FOR", -1.0)
    desk.post(release(held), {"pv_kept": kept, "pv_code": code_of(app)}, **HTMX)
    assert status_of(held) == Status.HELD


def test_a_forged_seal_is_refused_in_words(desk, held):
    answer = desk.post(release(held), {"pv_kept": "gAAAA-forged"}, follow=True)
    assert "What was kept is too old" in answer.content.decode()
    assert status_of(held) == Status.HELD


def test_a_file_is_kept_too(rf):
    request = rf.post("/admin/x/", {"note": "n", "file": SimpleUploadedFile("a.csv", b"1,2\n", "text/csv")})
    sealed = keeping.seal(request, user_id=1)
    assert sealed
    kept = keeping.unseal(sealed, user_id=1, path="/admin/x/")
    assert kept
    again = rf.post("/admin/x/")
    keeping.put_back(again, kept)
    assert (again.POST["note"], again.FILES["file"].read()) == ("n", b"1,2\n")


def test_where_a_factor_is_optional_and_absent_nothing_is_asked_twice(settings, held):
    settings.TWO_FACTOR = "optional"
    client = Client()
    client.force_login(person("olaf", "operator"))
    grown_old(client, minutes=60)
    client.post(release(held), SAID, **HTMX)
    assert status_of(held) != Status.HELD


def test_where_it_is_optional_whoever_has_one_is_asked(settings, desk, held):
    settings.TWO_FACTOR = "optional"
    assert 'name="pv_code"' in desk.post(release(held), SAID, **HTMX).content.decode()
    assert status_of(held) == Status.HELD


def test_looking_is_never_asked(desk):
    make.shortcode()
    assert desk.get(reverse("admin:partners_shortcode_changelist")).status_code == 200
