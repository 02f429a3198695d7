"""A set-up file is read with its lines, filled in from the environment, and refused in words."""

from decimal import Decimal
from textwrap import dedent

import pytest

from vault.setup.checking import check
from vault.setup.document import WrongFile, read
from vault.setup.schema import SetupFile

PARTNER = """
partners:
  - code: kilimo
    name: Kilimo SACCO
"""


def checked(text: str, **environment: str) -> SetupFile:
    return check(read(dedent(text), environment))


def problems(text: str, **environment: str) -> list[str]:
    with pytest.raises(WrongFile) as caught:
        checked(text, **environment)
    return caught.value.problems


def test_a_partner_needs_a_code_and_a_name_only():
    partner = checked(PARTNER).partners[0]
    assert (partner.code, partner.name, partner.mifos, partner.phones) == ("kilimo", "Kilimo SACCO", None, [])


def test_values_come_from_the_environment():
    text = PARTNER + "    mifos: {host_url: 'https://${HOST}:8443', username: v, password: \"${PW}\"}\n"
    found = checked(text, HOST="kilimo.example", PW="0755 # no comment").partners[0].mifos
    assert (found.host_url, found.password) == ("https://kilimo.example:8443", "0755 # no comment")


def test_a_variable_may_stand_without_quotes_also_inside_braces():
    text = PARTNER + "    mifos: {host_url: https://x.example, username: ${A}, password: ${B}-${A}} # ${C}\n"
    found = checked(text, A="{odd: [", B="b: #").partners[0].mifos
    assert (found.username, found.password) == ("{odd: [", "b: #-{odd: [")


def test_numbers_and_booleans_may_come_from_the_environment():
    text = PARTNER + "    wallet: {opening_balance: ${MONEY}}\n    collections: {refuse_unknown: ${REFUSE}}\n"
    partner = checked(text, MONEY="1500.50", REFUSE="true").partners[0]
    assert (partner.wallet.opening_balance, partner.collections.refuse_unknown) == (Decimal("1500.50"), True)


def test_a_variable_that_is_not_set_is_named_with_its_line():
    text = PARTNER + "    phones: []\n    mifos: {host_url: ${NOWHERE}, username: v, password: ${PW}}\n"
    assert problems(text, PW="x") == ["line 6: the environment variable NOWHERE is not set"]


def test_the_value_of_a_wrong_secret_is_not_repeated():
    text = PARTNER + "    mifos: {host_url: https://x.example, username: v, password: [hunter2]}\n"
    assert "hunter2" not in str(problems(text))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0711000001", "254711000001"),
        ("254711000001", "254711000001"),
        ("'+254 711-000-001'", "254711000001"),
    ],
)
def test_phones_may_be_written_as_people_do(written, kept):
    assert checked(PARTNER + f"    phones: [{written}]\n").partners[0].phones == [kept]


def test_a_number_keeps_its_written_form_where_text_is_meant():
    text = "shared_shortcodes: [{number: 0600992, kind: b2c, consumer_key: 1.10, initiator: 1_0}]"
    part = checked(text).shared_shortcodes[0]
    assert (part.number, part.consumer_key, part.initiator) == ("0600992", "1.10", "1_0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the file is empty"),
        ("a: [", "line 1: this is not YAML"),
        ("- 1", "line 1: the file: expected"),
        ("bank: {account: '1'}\nbank: {account: '2'}", "line 2: `bank` is here for the second time"),
        ("partner: []", "line 1: partner: there is no such key; did you mean `partners`?"),
        ("partners:\n- name: K", "line 2: partners[1]: `code` is missing; expected small letters"),
        ("partners:\n- code: K!\n  name: K", "line 2: partners[1].code: expected small letters"),
        (
            "partners:\n- code: k\n  name: K\n  shortcodes: 7",
            "line 4: partners[1].shortcodes: expected a list",
        ),
        (
            "shared_shortcodes:\n- {number: '12', kind: b2c}",
            "line 2: shared_shortcodes[1].number: expected 5",
        ),
        (
            "shared_shortcodes:\n- number: '60099'\n  kind: b2b",
            "line 3: shared_shortcodes[1].kind: expected b2c",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_expectation(text, expected):
    assert problems(text)[0].startswith(expected)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("phones: ['0202345678']", "phones[1]: expected a list of Kenyan mobile numbers"),
        ("wallet: {opening_balance: -1}", "wallet.opening_balance: expected an amount in shillings"),
        ("wallet: {opening_float: 10.555}", "wallet.opening_float: expected an amount in shillings"),
        (
            "wallet: {opening_balence: 1}",
            "opening_balence: there is no such key; did you mean `opening_balance`",
        ),
        ("tariff: {payout: [[1000, 10], [500, 25]]}", "tariff: expected payout, sms, float_purchase"),
        ("tariff: {payout: []}", "tariff.payout: expected rising pairs"),
        ("sms: {sender_id: TOO-LONG-A-NAME}", "sms.sender_id: expected a registered sender ID"),
        ("sms: {gateway: pigeon}", "sms.gateway: expected ultimate_sms, airtouch"),
        ("products: {auto_disburse: all}", "products come from Mifos"),
        ("collections: {prefixes: {L: lone}}", "collections.prefixes.L: expected such as {L: loan"),
    ],
)
def test_a_wrong_part_of_a_partner_is_refused_on_its_line(part, expected):
    line, _, words = problems(PARTNER + f"    {part}\n")[0].partition(": ")
    assert expected in words
    assert line == ("line 3" if "come from Mifos" in expected else "line 5")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("host_url", "ftp://x", "host_url: expected the host's address"),
        ("host_url", "https://u:p@x.example", "host_url: expected the host's address"),
        ("api_endpoint", "'/a b'", "api_endpoint: expected the path"),
        ("timezone", "Africa/Nairobbery", "timezone: expected the tenant's time zone"),
        ("release", "1.10", 'release: expected "1.14" or "develop"'),
        ("poll_seconds", "0", "poll_seconds: expected whole seconds"),
        ("usernme", "v", "usernme: there is no such key; did you mean `username`?"),
    ],
)
def test_a_wrong_mifos_is_refused_on_its_line(key, value, expected):
    fields = {"host_url": "https://x.example", "username": "v", "password": "p"} | {key: value}
    text = PARTNER + "    mifos:\n" + "".join(f"      {name}: {each}\n" for name, each in fields.items())
    found = problems(text)
    assert expected in found[0]
    assert found[0].startswith(f"line {6 + list(fields).index(key)}:")


def test_rules_are_checked_as_mifos_checks_them():
    mifos = "    mifos: {host_url: https://x.example, username: v, password: p}\n"
    found = problems(PARTNER + mifos + "    products: {rules: {max_per_cliont: 1}}\n")
    assert "there is no such rule" in found[0]


def test_all_problems_are_told_at_once_in_the_order_of_lines():
    found = problems("partners:\n- code: K\n  name: ''\n  phones: [1]\n  nam: x")
    assert [words.split(":")[0] for words in found] == ["line 2", "line 3", "line 4", "line 5"]


def test_a_partner_or_shortcode_stands_in_a_file_once():
    text = """
        shared_shortcodes: [{number: '600992', kind: b2c}]
        partners:
          - {code: a, name: A}
          - {code: a, name: B, shortcodes: [{number: '600992', kind: c2b}]}
    """
    assert problems(text) == [
        "line 2: shortcode 600992 is in the file more than once",
        "line 4: partner `a` is in the file more than once",
        "line 5: partner `a` is in the file more than once",
        "line 5: shortcode 600992 is in the file more than once",
    ]


def test_an_alias_that_holds_itself_ends():
    assert "nested too deeply" in problems("partners: &a\n  - *a\n")[0]
