"""People at the door: names, passwords, apps that show codes, and a browser."""

import time
from base64 import b64decode

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP

from vault.entry import factor
from vault.models import Authenticator

PASSWORD = "maembe-mabivu-41"
LOGIN = "/admin/login/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def person(name: str = "ann", role: str | None = None) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=role is None)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    return user


def with_app(user: User) -> Authenticator:
    """Give somebody an authenticator app."""
    return Authenticator.objects.create(user=user, secret=factor.new_secret(), created_at=timezone.now())


def code_of(device: Authenticator, *, steps: int = 0) -> str:
    """Return what the app shows now, or so many half minutes later."""
    return code_for(device.secret, steps=steps)


def code_for(secret: str, *, steps: int = 0) -> str:
    clock = TOTP(b64decode(secret), drift=steps)
    clock.time = time.time()
    return f"{clock.token():06d}"


def browser(**headers: str) -> Client:
    return Client(headers={"user-agent": FIREFOX} | headers)


def give_password(client: Client, name: str = "ann", password: str = PASSWORD, *, goal: str = ""):
    address = f"{LOGIN}?next={goal}" if goal else LOGIN
    return client.post(address, {"username": name, "password": password})


def came_in(user: User, device: Authenticator, **headers: str) -> Client:
    """Return a browser in which somebody has logged in by the door, with both factors."""
    client = browser(**headers)
    give_password(client, user.username)
    answer = client.post("/admin/login/code/", {"code": code_of(device)})
    assert answer.status_code == 302, answer.content.decode()
    Authenticator.objects.filter(pk=device.pk).update(last_step=-1)  # half a minute later, as it were
    return client
