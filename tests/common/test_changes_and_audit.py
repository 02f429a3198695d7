"""What is put again changes only what differs, and says so in the audit, which nobody can rewrite."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from common import audit
from common.changes import By, put
from common.models import AuditLine
from partners.models import Partner
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db
BY = By(name="apply", reason="new name")


def test_a_change_names_the_old_and_the_new():
    row = make.partner()
    saved = put(row, {"name": "Kilimo Bora", "language": "en"}, by=BY, at=NOW)
    assert saved.changed == ("name",)
    line = AuditLine.objects.get()
    assert line.detail == {"name": {"old": "Kilimo SACCO", "new": "Kilimo Bora"}}
    assert (line.actor_name, line.reason, line.at) == ("apply", "new name", NOW)


def test_nothing_different_writes_nothing():
    row = make.partner()
    stamp = Partner.objects.get().updated_at
    assert not put(row, {"name": row.name}, by=BY, at=NOW).changed
    assert Partner.objects.get().updated_at == stamp
    assert not AuditLine.objects.exists()


def test_a_bad_value_is_refused_before_anything_is_written():
    row = make.partner()
    with pytest.raises(ValidationError):
        put(row, {"language": "fr"}, by=BY, at=NOW)
    assert Partner.objects.get().language == "en"
    assert not AuditLine.objects.exists()


@pytest.mark.parametrize(
    "statement", ["update audit_lines set reason = 'another'", "delete from audit_lines"]
)
def test_an_audit_line_cannot_be_rewritten(statement):
    audit.write(action="looked", subject=make.partner(), at=NOW)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert AuditLine.objects.get().reason == ""
