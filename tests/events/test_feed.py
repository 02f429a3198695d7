"""Histories become events: each once, in order, and none behind a transaction that is still open."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from django.db import connection, transaction

from c2b.models import C2bTransaction
from disbursements.publishing import SOURCES as DISBURSEMENTS
from partners.events import feed
from partners.events.kinds import KINDS
from partners.events.models import Mark, PartnerEvent, WebhookDelivery
from tests import make
from tests.events.make_events import endpoint, moved, payout
from tests.make import NOW
from tests.wallet.make_wallet import funded
from vault.publishing import SOURCES, publish
from wallet.models import BankAccount, BankCredit, PartnerWallet

pytestmark = pytest.mark.django_db(transaction=True)
LOANS = DISBURSEMENTS[0]


def told() -> list[str]:
    return list(PartnerEvent.objects.order_by("number").values_list("type", flat=True))


def other_connection() -> Any:
    return psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None})


def test_a_payment_is_told_step_by_step() -> None:
    row = payout(make.partner())
    moved(row, "ready", "sending", "accepted", "paid", "completed")
    publish(at=NOW)
    assert told() == [
        "disbursement.created",
        "disbursement.approved",
        "disbursement.sent",
        "disbursement.paid",
        "disbursement.completed",
    ]


def test_an_event_says_what_a_partner_needs_and_hides_the_phone() -> None:
    row = payout(make.partner())
    moved(row, "ready", "sending", "paid")
    publish(at=NOW)
    paid = PartnerEvent.objects.get(type="disbursement.paid")
    assert paid.subject_id == row.pk
    assert paid.payload["amount"] == "9500.00"
    assert paid.payload["receipt"] == "SGH7XK2LMN"
    assert paid.payload["client_request_id"] == "p-1"
    assert paid.payload["phone"] == "2547••••149"
    assert "254708374149" not in str(list(PartnerEvent.objects.values("payload")))


def test_an_earlier_event_does_not_know_the_receipt_of_a_later_one() -> None:
    moved(payout(make.partner()), "ready", "sending", "paid")
    publish(at=NOW)
    assert PartnerEvent.objects.get(type="disbursement.sent").payload["receipt"] == ""


def test_a_sweep_again_tells_nothing_again() -> None:
    moved(payout(make.partner()), "ready")
    assert publish(at=NOW).events == 2
    assert publish(at=NOW).events == 0


def test_copying_all_of_it_again_tells_nothing_again() -> None:
    moved(payout(make.partner()), "ready")
    publish(at=NOW)
    Mark.objects.all().delete()
    assert publish(at=NOW).events == 0


def test_a_remark_is_no_event() -> None:
    row = payout(make.partner())
    row.remark("just a word", at=NOW)
    publish(at=NOW)
    assert told() == ["disbursement.created"]


def test_another_cause_of_a_hold_is_told() -> None:
    row = moved(payout(make.partner()), "held")
    row.move("held", at=NOW + timedelta(minutes=1), note="now for another reason", evidence=[])
    row.remark("still held", at=NOW)
    publish(at=NOW)
    assert told() == ["disbursement.created", "disbursement.held", "disbursement.held"]


def test_what_an_open_transaction_wrote_is_told_once_it_commits() -> None:
    owner = make.partner()
    row = payout(owner)
    publish(at=NOW)
    with other_connection() as slow, slow.cursor() as cursor:
        cursor.execute(
            "insert into disbursement_events (id, disbursement_id, old, new, who, note, at) "
            "values (gen_random_uuid(), %s, 'ready', 'sending', 'us', '', %s)",
            [str(row.pk), NOW],
        )
        moved(payout(owner, "p-2"), "ready")  # begins later, commits earlier
        publish(at=NOW)
        assert told() == ["disbursement.created"]  # what is younger waits, so that nothing is passed over
    publish(at=NOW)
    assert sorted(told()[1:]) == ["disbursement.approved", "disbursement.created", "disbursement.sent"]


def test_what_was_rolled_back_is_never_told() -> None:
    owner = make.partner()
    with transaction.atomic():
        payout(owner)
        transaction.set_rollback(True)
    publish(at=NOW)
    assert told() == []


def test_a_history_from_before_is_not_told() -> None:
    row = payout(make.partner())
    with connection.cursor() as cursor:
        cursor.execute("alter table disbursement_events disable trigger disbursement_events_append_only")
        cursor.execute("update disbursement_events set written_in = null")
        cursor.execute("alter table disbursement_events enable trigger disbursement_events_append_only")
    moved(row, "ready")
    publish(at=NOW)
    assert told() == ["disbursement.approved"]


def test_a_long_history_is_told_in_batches_of_whole_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "AT_ONCE", 2)
    owner = make.partner()
    with transaction.atomic():
        for number in range(3):
            payout(owner, f"p-{number}")
    moved(payout(owner, "last"), "ready")
    first = feed.copy(LOANS, at=NOW)
    assert (first.events, first.more) == (3, True)
    publish(at=NOW)
    assert len(told()) == 5


def test_numbers_grow_without_gaps() -> None:
    owner = make.partner()
    for number in range(3):
        payout(owner, f"p-{number}")
        publish(at=NOW)
    assert list(PartnerEvent.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]


def test_two_sweeps_at_once_do_not_both_write() -> None:
    payout(make.partner())
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('partner events', 0))")
        assert publish(at=NOW).events == 0
    assert publish(at=NOW).events == 1


def test_in_a_cluster_whose_numbers_began_anew_nothing_is_lost() -> None:
    owner = make.partner()
    payout(owner)
    publish(at=NOW)
    Mark.objects.filter(source=LOANS.name).update(read_up_to=2**60)  # as the old cluster left it
    moved(payout(owner, "p-2"), "ready")
    publish(at=NOW)
    assert told() == ["disbursement.created", "disbursement.created", "disbursement.approved"]


def test_events_cannot_be_changed() -> None:
    payout(make.partner())
    publish(at=NOW)
    with pytest.raises(Exception, match="append"), transaction.atomic():
        PartnerEvent.objects.update(type="other")


def test_an_endpoint_gets_what_it_asked_for_and_only_its_partners() -> None:
    owner, other = make.partner(), make.partner("mwangaza")
    all_of_it = endpoint(owner)
    some = endpoint(owner, "https://hooks.example/some", event_types=["disbursement.approved"])
    theirs = endpoint(other, "https://hooks.example/theirs")
    moved(payout(owner), "ready")
    assert publish(at=NOW).deliveries == 3
    counts = {
        one.pk: WebhookDelivery.objects.filter(endpoint=one).count() for one in (all_of_it, some, theirs)
    }
    assert counts == {all_of_it.pk: 2, some.pk: 1, theirs.pk: 0}


def test_an_endpoint_that_is_off_gets_nothing() -> None:
    owner = make.partner()
    one = endpoint(owner)
    type(one).objects.update(is_active=False)
    payout(owner)
    assert publish(at=NOW).deliveries == 0


def test_every_source_reads_what_the_database_has() -> None:
    for source in SOURCES:
        assert feed.copy(source, at=NOW) == feed.Copied()


def test_every_kind_that_a_source_names_is_explained() -> None:
    named = {
        word for source in SOURCES for word in source.select.split("'") if word.split(".")[0] in _OBJECTS
    }
    assert {word for word in named if "." in word} <= set(KINDS)
    assert set(KINDS) - named == {"webhook.test", "webhook.disabled"}


_OBJECTS = {kind.partition(".")[0] for kind in KINDS}


def test_a_low_wallet_is_told_once_in_its_quiet_time() -> None:
    books = funded(wallet=100)
    PartnerWallet.objects.filter(partner=books.partner).update(low_balance_threshold=Decimal(500))
    publish(at=NOW)
    publish(at=NOW + timedelta(minutes=1))
    assert told() == ["wallet.low"]
    publish(at=NOW + timedelta(days=1))
    assert told() == ["wallet.low", "wallet.low"]


def paid_in(owner: Any, **fields: Any) -> C2bTransaction:
    shortcode = make.shortcode("600100", kind="c2b", partner=owner)
    times = {"paid_at": NOW, "heard_at": NOW, "moved_at": NOW}
    return C2bTransaction.objects.create(
        partner=owner,
        shortcode=shortcode,
        channel="c2b",
        mpesa_receipt="SF30ABCDEF",
        amount=Decimal(500),
        bill_ref="0708374149",
        customer_phone=make.JANE,
        **times | fields,
    )


def test_a_customers_payment_is_told_once_when_it_arrives_and_when_it_moves() -> None:
    row = paid_in(make.partner())
    publish(at=row.created_at)
    assert told() == ["payment.received"]
    row.move("unmatched", at=NOW, note="no such account")
    publish(at=row.created_at)
    assert told() == ["payment.received", "payment.suspense"]


def test_a_payment_that_moved_at_once_is_told_as_received_too() -> None:
    row = paid_in(make.partner())
    row.move("unmatched", at=NOW, note="no such account")
    publish(at=NOW)
    assert sorted(told()) == ["payment.received", "payment.suspense"]


def test_a_phone_that_was_typed_as_the_account_is_hidden() -> None:
    row = paid_in(make.partner())
    publish(at=row.created_at)
    said = PartnerEvent.objects.get().payload
    assert (said["account_reference"], said["phone"]) == ("0708••••149", "2547••••149")


def test_a_payment_looked_at_again_is_not_received_again_but_by_another_partner_it_is() -> None:
    row = paid_in(make.partner())
    row.move("unmatched", at=NOW, note="no such account")
    row.move("received", at=NOW, note="looked at again")
    publish(at=NOW)
    assert told().count("payment.received") == 1
    row.move("unmatched", at=NOW, note="still none")
    row.move("received", at=NOW, note="given away", partner_id=make.partner("mwangaza").pk)
    publish(at=NOW)
    assert told().count("payment.received") == 2


def test_money_that_came_to_the_wallet_is_told() -> None:
    owner = make.partner()
    account = BankAccount.objects.create(account="1000000001")
    credit = BankCredit.objects.create(
        account=account,
        status="suspense",
        source="account",
        core_reference="FT26154ABCDE",
        amount=Decimal(5000),
        event_at=NOW,
        moved_at=NOW,
        created_at=NOW,
    )
    credit.move("booked", at=NOW, note="booked", partner_id=owner.pk, booked_at=NOW)
    publish(at=NOW)
    event = PartnerEvent.objects.get()
    assert (event.type, event.partner, event.payload["amount"]) == ("topup.credited", owner, "5000.00")
