"""A YAML file as plain values, with the line of each, and with `${NAME}` filled in from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

# YAML would take the braces of ${NAME} for its own, so they are swapped for marks of the same width.
_WRITTEN = re.compile(r"\$\{([^{}\n]*)\}")
_MARKED = re.compile("\ue000\ue001([^\ue002]*)\ue002")
_DEEPEST = 30


class WrongFile(Exception):
    """The file cannot be applied. Each problem names its line and what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class WrittenInt(int):
    """A number that remembers how it was written (`0712…`, `1_000`)."""

    text: str


class WrittenFloat(float):
    """A number that remembers how it was written, so that `1.10` is not `1.1` and money stays exact."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the file says, and on which line each value stands."""

    content: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str, environment: Mapping[str, str]) -> Document:
    """Parse a file.

    :raises WrongFile: not YAML, a key that is there twice, or a variable that is not set
    """
    try:
        marked = _WRITTEN.sub("\ue000\ue001\\1\ue002", text)
        root = yaml.compose(marked, Loader=yaml.SafeLoader)
    except yaml.YAMLError as exc:
        raise WrongFile([_not_yaml(exc)]) from None
    if root is None:
        raise WrongFile(["line 1: the file is empty; expected `partners:` or `shared_shortcodes:`"])
    reader = _Reader(environment)
    content = reader.value(root, ())
    if reader.problems:
        raise WrongFile(reader.problems)
    return Document(content=content, lines=reader.lines)


def _not_yaml(exc: yaml.YAMLError) -> str:
    mark = getattr(exc, "problem_mark", None)
    what = getattr(exc, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1 if mark else 1}: this is not YAML: {what}"


@dataclass(slots=True)
class _Reader:
    environment: Mapping[str, str]
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > _DEEPEST:  # also where an alias holds itself
            self._wrong(node, "this is nested too deeply")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                self._wrong(key_node, f"`{key}` is here for the second time")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        if _MARKED.search(text):
            return _MARKED.sub(lambda match: self._variable(node, match.group(1)), text)
        found = yaml.SafeLoader("").construct_object(node)
        if isinstance(found, int | float) and not isinstance(found, bool):
            written = WrittenInt(found) if isinstance(found, int) else WrittenFloat(found)
            written.text = text
            return written
        return found

    def _variable(self, node: yaml.Node, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            self._wrong(node, "expected the name of an environment variable, as in ${MIFOS_PASSWORD}")
        elif name not in self.environment:
            self._wrong(node, f"the environment variable {name} is not set")
        return self.environment.get(name, "")

    def _wrong(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"line {node.start_mark.line + 1}: {what}")
