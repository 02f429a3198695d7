"""What people do with money in suspense: with a reason, by two where it is much, and audited."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client as Web
from django.urls import reverse

from c2b import desk, listing, matching, suggesting
from c2b.desk import NotPossible, Share
from c2b.models import C2bTransaction
from c2b.statuses import Status
from common.models import AuditLine
from mifos.accounts import AccountKind
from mifos.models import MifosPartner
from tests import make
from tests.c2b.make_c2b import World, notice
from tests.make import NOW

pytestmark = pytest.mark.django_db

LOAN, SAVINGS = AccountKind.LOAN, AccountKind.SAVINGS


def who(name: str, *rights: str, **fields: Any) -> Any:
    user = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": True} | fields)[0]
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=[f"{one}_c2btransaction" for one in rights])
    )
    return user


def share(kind: AccountKind, account: int, amount: int = 500) -> Share:
    return Share(kind=kind, account_id=account, amount=Decimal(amount))


def allocate(row: C2bTransaction, *shares: Share, by: str = "ann", reason: str = "he rang us") -> bool:
    return desk.allocate(transaction_id=row.pk, shares=shares, by=who(by), reason=reason, at=NOW)


def lost(world: World, **changes: Any) -> C2bTransaction:
    row = world.matched(BillRefNumber="tithe", **changes)
    assert row.status == Status.UNMATCHED
    return row


def test_an_allocation_is_booked_to_the_account_that_was_chosen(world: World) -> None:
    loan = world.loan()
    row = lost(world)
    assert allocate(row, share(LOAN, loan))
    row = world.go_on(row)
    assert (row.status, row.matched_by, row.touched_by_person) == ("posted", "person", True)
    assert AuditLine.objects.filter(action="allocate", object_id=str(row.pk), reason="he rang us").exists()
    assert world.books()["loans"][0]["outstanding"] == "9500.00"


def test_a_split_goes_to_several_accounts(world: World) -> None:
    client = world.client()
    loan, savings = world.loan(client_id=client), world.savings(client_id=client)
    row = lost(world)
    allocate(row, share(LOAN, loan, 300), share(SAVINGS, savings, 200))
    assert world.go_on(row).status == Status.POSTED
    books = world.books()
    assert (books["loans"][0]["outstanding"], books["savings"][0]["balance"]) == ("9700.00", "200.00")


def test_a_person_may_overpay_a_loan(world: World) -> None:
    loan = world.loan(principal=300)
    row = world.posted()
    assert row.rest == 200
    assert allocate(row, share(LOAN, loan, 200))
    assert world.go_on(row).status == Status.POSTED
    assert world.books()["loans"][0]["overpaid"] == "200.00"


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([], "how much"),
        ([(LOAN, 1, 400)], "Divide all of it"),
        ([(LOAN, 1, 600)], "Divide all of it"),
        ([(LOAN, 1, 250), (LOAN, 1, 250)], "once"),
        ([(LOAN, 1, 600), (LOAN, 2, -100)], "how much"),
        ([(LOAN, 99, 500)], "did not show"),
    ],
)
def test_what_does_not_add_up_is_refused(world: World, shares: list[Any], words: str) -> None:
    world.loan()
    row = lost(world)
    with pytest.raises(NotPossible, match=words):
        allocate(row, *[share(*one) for one in shares])
    row.refresh_from_db()
    assert row.status == Status.UNMATCHED


def test_an_allocation_needs_a_reason(world: World) -> None:
    loan = world.loan()
    with pytest.raises(NotPossible, match="Say why"):
        allocate(lost(world), share(LOAN, loan), reason=" ")


def test_above_the_limit_a_second_person_agrees(world: World) -> None:
    world.rule(second_person_above=499)
    loan = world.loan()
    row = lost(world)
    assert not allocate(row, share(LOAN, loan))
    with pytest.raises(NotPossible, match="waits for a second person"):
        allocate(row, share(LOAN, loan), by="ben")
    with pytest.raises(NotPossible, match="another person"):
        desk.agree(transaction_id=row.pk, by=who("ann"), reason="yes", at=NOW)
    assert world.go_on(row).status == Status.UNMATCHED
    desk.agree(transaction_id=row.pk, by=who("ben"), reason="yes", at=NOW)
    row.refresh_from_db()
    assert row.status == Status.MATCHED
    assert world.go_on(row).status == Status.POSTED


def test_a_second_person_may_refuse(world: World) -> None:
    world.rule(second_person_above=0)
    row = lost(world)
    allocate(row, share(LOAN, world.loan()))
    desk.refuse(transaction_id=row.pk, by=who("ben"), reason="wrong client", at=NOW)
    row.refresh_from_db()
    assert row.status == Status.UNMATCHED
    assert not row.decisions.filter(decided_at__isnull=True).exists()


def test_a_payment_is_sent_to_the_partner_whose_customer_paid(world: World) -> None:
    world.sandbox.control(
        "POST",
        "fineract/hosts",
        {"host": "tujenge", "username": "api", "password": "secret", "business_date": "2026-06-03"},
    )
    other = make.partner("tujenge")
    MifosPartner.objects.create(
        partner=other,
        mifos_host_url=world.sandbox.url,
        api_endpoint="/fineract/tujenge/fineract-provider/api/v1",
        mifos_username="api",
        mifos_password="secret",
    )
    client = world.control("tujenge/clients", {"name": "Tom"})["id"]
    world.control("tujenge/savings", {"client_id": client, "account_no": "T-9"})
    row = world.matched(BillRefNumber="T-9")
    desk.send_to_partner(transaction_id=row.pk, partner=other, by=who("ann"), reason="theirs", at=NOW)
    matching.match(transaction_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert (row.partner, row.status) == (other, Status.MATCHED), row.reason
    assert world.go_on(row).status == Status.POSTED


def test_money_that_went_back_is_noted_with_its_reference(world: World) -> None:
    row = lost(world)
    with pytest.raises(NotPossible, match="receipt of the reversal"):
        desk.mark_returned(transaction_id=row.pk, reference=" ", by=who("ann"), reason="asked", at=NOW)
    assert desk.mark_returned(
        transaction_id=row.pk, reference="SF3REV", by=who("ann"), reason="asked", at=NOW
    )
    row.refresh_from_db()
    assert row.status == Status.REVERSED
    assert "SF3REV" in row.reason
    assert AuditLine.objects.filter(action="return").exists()


def test_what_is_partly_booked_is_neither_sent_on_nor_returned(world: World) -> None:
    world.loan(principal=300)
    row = world.posted()
    by = who("ann")
    with pytest.raises(NotPossible, match="booked"):
        desk.mark_returned(transaction_id=row.pk, reference="X", by=by, reason="r", at=NOW)
    with pytest.raises(NotPossible, match="booked"):
        desk.send_to_partner(transaction_id=row.pk, partner=make.partner("b"), by=by, reason="r", at=NOW)
    with pytest.raises(NotPossible, match="booked"):
        desk.look_again(transaction_id=row.pk, by=by, reason="r", at=NOW)


@pytest.mark.parametrize("status", sorted(set(Status.values) - {"unmatched"}))
def test_only_money_in_suspense_can_be_allocated(world: World, status: str) -> None:
    loan = world.loan()
    row = world.matched()
    changes = {"booked_amount": 500} if status == "posted" else {}
    C2bTransaction.objects.filter(pk=row.pk).update(status=status, **changes)
    with pytest.raises(NotPossible, match="not in suspense"):
        allocate(row, share(LOAN, loan))


def test_a_refused_payment_is_taken_back_but_never_one_in_doubt(world: World) -> None:
    row = world.matched(BillRefNumber=f"{world.loan():09d}")
    C2bTransaction.objects.filter(pk=row.pk).update(status=Status.FAILED)
    row.postings.update(in_doubt=True)
    with pytest.raises(NotPossible, match="may have booked"):
        desk.take_back(transaction_id=row.pk, by=who("ann"), reason="r", at=NOW)
    row.postings.update(in_doubt=False)
    desk.take_back(transaction_id=row.pk, by=who("ann"), reason="r", at=NOW)
    row.refresh_from_db()
    assert (row.status, row.rest) == (Status.UNMATCHED, 500)


def test_a_new_account_in_mifos_is_found_when_somebody_looks_again(world: World) -> None:
    row = world.matched()
    world.loan()
    desk.look_again(transaction_id=row.pk, by=who("ann"), reason="made it", at=NOW)
    matching.match(transaction_id=row.pk, at=NOW + timedelta(seconds=1))
    row.refresh_from_db()
    assert row.status == Status.MATCHED


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("OOO000O01", "letters that look like digits"),
        ("1", "zeros are put before it"),
        ("0708374149", "phone that was typed"),
    ],
)
def test_suggestions_come_with_their_reason(world: World, typed: str, why: str) -> None:
    world.rule(by_typed_phone=False)
    loan = world.loan()
    row = world.matched(BillRefNumber=typed)
    assert row.status == Status.UNMATCHED
    suggestions, trouble = suggesting.suggest(row, at=NOW)
    assert (trouble, [one.account.id for one in suggestions]) == ("", [loan])
    assert why in suggestions[0].why
    assert suggestions[0].after == Decimal(9500)


def test_suggestions_do_without_a_mifos_that_is_down(world: World) -> None:
    row = lost(world)
    world.fault("search", "error_500")
    suggestions, trouble = suggesting.suggest(row, at=NOW)
    assert (suggestions, "could not be asked" in trouble) == ([], True)


def test_the_desk_shows_what_waits_and_does_what_is_pressed(world: World) -> None:
    loan = world.loan()
    row = lost(world)
    web = Web()
    web.force_login(who("olga", "view", "operate"))
    assert b"tithe" in web.get(reverse("admin:c2b_suspense")).content
    page = reverse("admin:c2b_desk_of_one", args=[row.pk])
    assert web.get(page).status_code == 200
    said = {"act": "allocate", "kind": "loan", "account_id": str(loan), "amount": "500", "reason": "he rang"}
    assert web.post(page, said).status_code == 302
    row.refresh_from_db()
    assert row.status == Status.MATCHED
    assert web.get(reverse("admin:c2b_c2btransaction_change", args=[row.pk])).status_code == 200
    assert web.get(reverse("admin:c2b_c2btransaction_changelist")).status_code == 200


def test_the_desk_shows_what_waits_beside_the_open_payment(world: World) -> None:
    rows = [
        lost(
            world,
            TransID=f"SF30AAA{number:03d}",
            TransTime=f"2026060310{number:02d}00",
            FirstName=f"N{number}",
        )
        for number in range(3)
    ]
    web = Web()
    web.force_login(who("vera", "view"))
    first, middle, last = (reverse("admin:c2b_desk_of_one", args=[row.pk]) for row in rows)
    text = web.get(middle).content.decode()
    assert f'rel="prev" href="{first}"' in text
    assert f'rel="next" href="{last}"' in text
    assert f'<a href="{middle}" aria-current="page">' in text
    assert f'<a href="{first}" >' in text
    assert 'rel="prev"' not in web.get(first).content.decode()
    assert 'rel="next"' not in web.get(last).content.decode()


@pytest.mark.parametrize(("opened", "shown"), [(0, "0123"), (2, "1234"), (3, "2345"), (5, "2345")])
def test_few_are_shown_around_the_open_one(world: World, opened: int, shown: str) -> None:
    for number in range(6):
        row = world.received(TransID=f"SF30AAA{number:03d}", TransTime=f"2026060310{number:02d}00")
        C2bTransaction.objects.filter(pk=row.pk).update(status=Status.UNMATCHED)
    row = C2bTransaction.objects.get(mpesa_receipt=f"SF30AAA{opened:03d}")
    found = listing.beside(C2bTransaction.objects.all(), row, most=4)
    assert "".join(one.mpesa_receipt[-1] for one in found) == shown


def test_what_was_decided_stays_open_among_those_that_wait(world: World) -> None:
    done, waits = world.posted(BillRefNumber=f"{world.loan():09d}"), lost(world, TransID="SF30WAITS1")
    assert set(listing.beside(C2bTransaction.objects.all(), done)) == {done, waits}
    assert listing.beside(C2bTransaction.objects.all(), waits) == [waits]


def test_the_desk_is_closed_to_who_may_only_look(world: World) -> None:
    row = lost(world)
    web = Web()
    web.force_login(who("vera", "view"))
    page = reverse("admin:c2b_desk_of_one", args=[row.pk])
    assert web.get(page).status_code == 200
    assert web.post(page, {"act": "look_again", "reason": "x"}).status_code == 403
    web.force_login(who("eve"))
    assert web.get(page).status_code == 403
    assert web.get(reverse("admin:c2b_suspense")).status_code == 403


def test_why_an_account_was_taken_and_how_sure_that_is_are_shown(world: World) -> None:
    world.loan(client_id=world.client(national_id="12345678"))
    row = world.matched(BillRefNumber="12345678")
    web = Web()
    web.force_login(who("vera", "view"))
    for path in ("c2b_c2btransaction_change", "c2b_desk_of_one"):
        text = web.get(reverse(f"admin:{path}", args=[row.pk])).content.decode()
        assert "typed a national id, whose owner has one account that fits" in text
        assert "confidence high" in text


def test_a_contradiction_stays_until_somebody_has_looked_at_it(world: World) -> None:
    row = lost(world)
    world.post(notice(BillRefNumber="tithe", TransAmount="900"))
    web, page = Web(), reverse("admin:c2b_desk_of_one", args=[row.pk])
    web.force_login(who("olga", "view", "operate"))
    assert "amount as KES 900" in web.get(page).content.decode()
    web.post(page, {"act": "settle", "reason": "the statement says 500"})
    row.refresh_from_db()
    assert (row.amount, row.contradiction) == (500, "")
    assert AuditLine.objects.filter(action="contradiction settled", object_id=str(row.pk)).exists()
