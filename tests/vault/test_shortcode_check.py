"""The credentials of a shortcode are proved by a real call, and the result is told in words."""

import pytest
import requests
import responses

from tests import make
from tests.partners.make_partners import certificate
from vault.shortcodes import examine

pytestmark = pytest.mark.django_db
TOKEN_URL = "https://sandbox.safaricom.co.ke/oauth/v1/generate"


@pytest.fixture
def daraja(settings):
    settings.MPESA_BASE_URL = "https://sandbox.safaricom.co.ke"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_a_good_shortcode_is_good(daraja):
    daraja.get(TOKEN_URL, json={"access_token": "t1", "expires_in": "3599"})
    good, words = examine(make.shortcode(certificate=certificate()))
    assert good
    assert "M-Pesa accepts the consumer key and secret" in words[0]


def test_a_refused_key_is_told_with_mpesas_words(daraja):
    daraja.get(TOKEN_URL, status=400, body="")
    good, words = examine(make.shortcode(certificate=certificate()))
    assert not good
    assert words[-1].startswith("M-Pesa gave no access token:")


def test_a_host_that_cannot_be_reached_is_told(daraja):
    daraja.get(TOKEN_URL, body=requests.ConnectTimeout())
    good, words = examine(make.shortcode(certificate=certificate()))
    assert not good
    assert "could not be reached" in words[-1]


def test_what_is_missing_is_told_beside_a_good_key(daraja):
    daraja.get(TOKEN_URL, json={"access_token": "t1", "expires_in": "3599"})
    good, words = examine(make.shortcode(certificate=""))
    assert not good
    assert words == [
        "M-Pesa accepts the consumer key and secret.",
        "Safaricom's certificate is missing, so no SecurityCredential can be made.",
    ]


def test_without_a_key_nobody_is_asked(daraja):
    good, words = examine(make.shortcode(consumer_key="", certificate=certificate()))
    assert not good
    assert len(words) == 1
    assert len(daraja.calls) == 0


def test_the_key_is_proved_although_an_older_token_is_still_good(daraja):
    daraja.get(TOKEN_URL, json={"access_token": "t1", "expires_in": "3599"})
    shortcode = make.shortcode(certificate=certificate())
    examine(shortcode)
    daraja.replace(responses.GET, TOKEN_URL, status=400, body="")
    assert not examine(shortcode)[0]
