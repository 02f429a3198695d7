"""The texts: every type in both languages, short, in GSM-7, and nothing in braces that cannot be filled in."""

import pytest
from django.core.exceptions import ValidationError

from sms import wording
from sms.models import SmsTemplate
from sms.segments import measure
from sms.wording import LANGUAGES, SAMPLE, TEXTS, VARIABLES, BadWording, MessageType

EVERY = [(message_type, language) for message_type in MessageType for language, _ in LANGUAGES]


@pytest.mark.parametrize(("message_type", "language"), EVERY)
def test_every_type_has_a_text_that_fits_one_part(message_type: str, language: str) -> None:
    text = TEXTS[(message_type, language)]
    wording.check(message_type, text)
    size = measure(wording.render(text, SAMPLE))
    assert (size.encoding, size.segments) == ("gsm7", 1)


@pytest.mark.parametrize("message_type", MessageType)
def test_every_type_declares_its_variables_and_both_languages_say_the_same(message_type: str) -> None:
    used = [set(wording._VARIABLE.findall(TEXTS[(message_type, language)])) for language, _ in LANGUAGES]
    assert used[0] == used[1] <= VARIABLES[message_type] <= SAMPLE.keys()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("You owe {ammount}", "{ammount}"),
        ("You owe {threshold}", "{threshold}"),
        ("You owe {amount", "brace"),
        ("You owe {amount!r}", "brace"),
        ("{client.__class__}", "brace"),
        ("  ", "empty"),
    ],
)
def test_a_text_that_could_not_be_filled_in_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(BadWording, match=why):
        wording.check(MessageType.PAYMENT_RECEIPT, text)


def test_a_template_says_what_is_wrong_with_it_where_it_is_typed() -> None:
    row = SmsTemplate(message_type="payment_receipt", language="en", text="Hi {nobody}")
    with pytest.raises(ValidationError) as refused:
        row.clean()
    assert "Unknown: {nobody}. This message has: account, amount, client" in refused.value.messages[0]


def test_a_template_is_checked_even_where_no_form_asks() -> None:
    with pytest.raises(BadWording):
        SmsTemplate(message_type="payment_receipt", language="en", text="Hi {nobody}").save()


def test_values_are_not_read_as_texts() -> None:
    assert wording.render("Dear {client}", {"client": "{amount} {x"}) == "Dear {amount} {x"


def test_a_long_value_is_cut_and_its_line_breaks_are_gone() -> None:
    said = wording.render("{client}!", {"client": "Jane\n  " + "W" * 40})
    assert said == "Jane " + "W" * 23 + "..!"
