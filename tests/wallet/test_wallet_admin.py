import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.wallet.make_wallet import capture, funded
from wallet import models

WINDOWS = [
    models.PartnerWallet,
    models.WalletTransaction,
    models.LedgerLine,
    models.Transfer,
    models.Hold,
    models.Account,
    models.ObservedBalance,
]


@pytest.mark.parametrize("model", WINDOWS)
def test_nothing_of_the_ledger_is_changed_through_the_admin(model: type) -> None:
    window, request = admin.site._registry[model], RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    assert not window.has_add_permission(request)
    assert not window.has_change_permission(request)
    assert not window.has_delete_permission(request)


@pytest.mark.django_db
@pytest.mark.parametrize("model", WINDOWS)
def test_the_windows_open(client: Client, model: type) -> None:
    capture(funded().hold())
    client.force_login(User.objects.create_superuser("amina"))
    page = client.get(reverse(f"admin:wallet_{model.__name__.lower()}_changelist"))
    assert page.status_code == 200
