"""How every answer of Mifos is taken: an error, an object, or something that cannot be understood."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from common.gateway import Retryable
from common.http import Answer
from mifos import errors
from mifos.parsing import Malformed

T = TypeVar("T")


def must_be_good(answer: Answer) -> None:
    """:raises Rejected, Retryable: a read was refused, or something that is not Mifos's API answered it"""
    if not answer.ok:
        raise errors.judge_read(answer)
    if answer.json() is None:
        raise Retryable(
            "something that is not Mifos answered; is there a proxy in between?", code=errors.HTML
        )


def an_object(answer: Answer) -> Mapping[str, Any]:
    """:raises Malformed: the body is something else"""
    parsed = answer.json()
    if not isinstance(parsed, dict):
        raise Malformed("not an object")
    return parsed


def understood(parse: Callable[[], T]) -> T:
    """:raises Retryable: the answer lacks what it must have"""
    try:
        return parse()
    except Malformed as exc:
        raise Retryable(f"Mifos gave an answer that cannot be read: {exc}", code=errors.SHAPE) from exc
