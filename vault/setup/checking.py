"""From a file's content to a checked set-up, or to all that is wrong with it, line by line."""

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vault.setup.document import Document, Path, WrongFile
from vault.setup.schema import SetupFile


def check(document: Document) -> SetupFile:
    """:raises WrongFile: with every problem that was found, in the order of the lines"""
    try:
        found = SetupFile.model_validate(document.content)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        raise WrongFile(_in_order(_place(document, error) for error in errors)) from None
    twice = list(_twice(found))
    if twice:
        raise WrongFile(_in_order((document.line_of(path), words) for path, words in twice))
    return found


def _in_order(problems: Iterator[tuple[int, str]]) -> list[str]:
    return [f"line {line}: {words}" for line, words in sorted(dict.fromkeys(problems))]


def _place(document: Document, error: ErrorDetails) -> tuple[int, str]:
    path, model, field = _descend(error["loc"])
    name = _shown(path)
    if error["type"] == "extra_forbidden":
        return document.line_of(path), _unknown(str(error["loc"][-1]), name, model)
    if error["type"] == "missing":
        words = f"`{error['loc'][-1]}` is missing"
        return document.line_of(path[:-1]), f"{_shown(path[:-1])}: {words}; expected {_expected(field)}"
    if error["type"] == "string_pattern_mismatch":
        return document.line_of(path), f"{name}: expected {_expected(field)}"
    return document.line_of(path), f"{name}: expected {_expected(field)} ({_said(error)})"


def _said(error: ErrorDetails) -> str:
    if error["type"] in ("too_short", "string_too_short"):
        return "it is empty"
    if error["type"] in ("too_long", "string_too_long"):
        return f"it is longer than {error['ctx']['max_length']}"
    return error["msg"].removeprefix("Value error, ").replace("Input", "it")


def _unknown(key: str, name: str, model: type[BaseModel]) -> str:
    close = difflib.get_close_matches(key, model.model_fields, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"expected one of {', '.join(model.model_fields)}"
    return f"{name}: there is no such key; {hint}"


def _expected(field: FieldInfo | None) -> str:
    return (field.description if field else None) or "something else"


def _descend(where: tuple[str | int, ...]) -> tuple[Path, type[BaseModel], FieldInfo | None]:
    """Follow pydantic's location through the models; what it adds for unions is left out of the path."""
    model: type[BaseModel] = SetupFile
    field: FieldInfo | None = None
    path: Path = ()
    for step in where:
        if isinstance(step, str) and step not in model.model_fields and step != where[-1]:
            continue
        if isinstance(step, str) and step in model.model_fields:
            field = model.model_fields[step]
            model = _model_in(field.annotation) or model
            path = (*path, step)
        elif isinstance(step, int) or _is_key(step):
            path = (*path, step)
    return path, model, field


def _is_key(step: str) -> bool:
    """Whether it is a key of the file, not the name that pydantic gives to a branch of a union."""
    return "[" not in step and "literal" not in step


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _shown(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "the file"


def _twice(found: SetupFile) -> Iterator[tuple[Path, str]]:
    codes = Counter(partner.code for partner in found.partners)
    for index, partner in enumerate(found.partners):
        if codes[partner.code] > 1:
            yield ("partners", index, "code"), f"partner `{partner.code}` is in the file more than once"
    places: list[tuple[Path, str]] = [
        (("shared_shortcodes", index, "number"), part.number)
        for index, part in enumerate(found.shared_shortcodes)
    ]
    for index, partner in enumerate(found.partners):
        for place, part in enumerate(partner.shortcodes):
            places.append((("partners", index, "shortcodes", place, "number"), part.number))
    numbers = Counter(number for _, number in places)
    for path, number in places:
        if numbers[number] > 1:
            yield path, f"shortcode {number} is in the file more than once"
