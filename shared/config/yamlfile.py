"""YAML files that remember where everything stood, so that every fault can be told with its file and line.

Only plain YAML is read: mappings with scalar keys, lists, text, whole and decimal numbers, true, false and null. Dates
and words such as `on` or `no` stay text, as YAML 1.2 has it; their meaning is the schema's business.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Position = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in which file, on which line (0 when no line can be named), at which place in it."""

    file: str
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.where, self.message) if part)


class FaultyFile(Exception):
    """A file, or several, that cannot be used. `str` lists every fault, one a line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.where))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class Located:
    """The content of a file, and the line (from 1) of every place in it: of the keys and indexes that lead there."""

    file: str
    value: Any
    lines: Mapping[Position, int]

    def line(self, position: Position) -> int:
        """The line of this place, or of the nearest one around it when there is no such place."""
        while position and position not in self.lines:
            position = position[:-1]
        return self.lines.get(position, 1)

    def fault(self, position: Position, message: str) -> Fault:
        return Fault(self.file, self.line(position), _describe(position), message)

    def at(self, position: Position) -> Any:
        """The value at this place; None when there is none."""
        value = self.value
        for part in position:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def load_yaml(path: str | os.PathLike[str]) -> Located:
    """The content of one YAML document. Raises FaultyFile for what cannot be read, is no YAML, or names a key twice."""
    file = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FaultyFile([Fault(file, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise FaultyFile([Fault(file, 0, "", "is not UTF-8 text")]) from None
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Located(file, None, {(): 1})
        lines: dict[Position, int] = {}
        found = [
            Fault(file, line, _describe(position), why) for position, line, why in _walk(loader, node, (), (), lines)
        ]
        if found:
            raise FaultyFile(found)
        return Located(file, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        raise FaultyFile([Fault(file, mark.line + 1 if mark else 0, "", said)]) from None
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise FaultyFile([Fault(file, line, "", "a control character has no place in YAML")]) from None


def faults(located: Located, errors: Any) -> list[Fault]:
    """A marshmallow validation error's `messages` as faults of the file, each with its line."""
    return [located.fault(position, message) for position, message in _messages(located, errors, ())]


class _PlainLoader(yaml.CSafeLoader):
    """The safe loader of libyaml, with YAML 1.2's few plain scalars in place of YAML 1.1's many."""


# A table of its own: the inherited one holds YAML 1.1's readings of dates, clock times, `on`, `no` and `0123`.
_PlainLoader.yaml_implicit_resolvers = {}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$"), list("-0123456789")
)


def _walk(
    loader: _PlainLoader,
    node: yaml.Node,
    position: Position,
    around: tuple[yaml.Node, ...],
    lines: dict[Position, int],
) -> Iterator[tuple[Position, int, str]]:
    """Notes the line of every place under the node, and gives the faults that constructing would not notice."""
    lines.setdefault(position, node.start_mark.line + 1)
    if node in around:
        yield position, lines[position], "an alias stands inside what it names"
        return
    around = (*around, node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(loader, item, (*position, index), around, lines)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                yield position, line, "a key is one plain word"
                continue
            key = loader.construct_object(key_node)
            if key in seen:
                yield (*position, key), line, f"is here twice, first on line {seen[key]}"
                continue
            seen[key] = line
            lines[(*position, key)] = line
            yield from _walk(loader, value_node, (*position, key), around, lines)


def _messages(located: Located, errors: Any, position: Position) -> Iterator[tuple[Position, str]]:
    if isinstance(errors, Mapping):
        for part, inner in errors.items():
            named = part == "_schema" or _is_marshmallow_word(located, position, part, inner)
            yield from _messages(located, inner, position if named else (*position, part))
    elif isinstance(errors, Sequence) and not isinstance(errors, str):
        for message in errors:
            yield from _messages(located, message, position)
    else:
        yield position, str(errors)


def _is_marshmallow_word(located: Located, position: Position, part: Hashable, inner: Any) -> bool:
    """Whether `key` or `value` is marshmallow's word for half of an entry of a Dict field, and no key in the file."""
    if part not in ("key", "value") or (*position, part) in located.lines:
        return False
    return isinstance(inner, Mapping) or not isinstance(located.at(position), Mapping)


def _describe(position: Position) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in position).removeprefix(".")
