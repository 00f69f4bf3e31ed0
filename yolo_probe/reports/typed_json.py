"""A frozen dataclass as JSON and back, and its JSON Schema: a key is a field's name, a value has the field's type.

A type is bool, int, ``Count``, float or str, a literal, a tuple, a dataclass, one of these or None, or one of several
dataclasses, which differ in the literal of their first field. A field with a default may be missing in what is read,
as in the files of an older version; keys that no field has are ignored, as in those of a newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from yolo_probe.errors import shown, visible

T = TypeVar("T")

Count: TypeAlias = Annotated[int, "from 0 on"]

MAX_WHOLE_NUMBER = 2**63 - 1
"""Largest whole number that is accepted: JSON may have one of 4,300 digits, which Python does not print."""


class FormError(ValueError):
    """JSON that does not fit a dataclass: the message has the place, what was found and what was expected."""


def as_plain(value: object) -> object:
    """A value as plain data for JSON: a dataclass as a dict, a tuple as a list, the rest unchanged.

    JSON has no NaN and no infinity: they become None, so such a field is ``float | None``.
    """
    if is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, float) and not isfinite(value):
        return None
    return [as_plain(each) for each in value] if isinstance(value, tuple) else value


def read(kind: type[T], value: object) -> T:
    """The dataclass that this JSON describes.

    Raises: FormError for JSON that does not fit it.
    """
    return cast(T, _object(kind, value, ""))


def schema_of(kind: type) -> dict[str, object]:
    """The JSON Schema of a dataclass, draft 2020-12."""
    definitions: dict[str, object] = {}
    _schema(kind, definitions)
    root = cast("dict[str, object]", definitions.pop(kind.__name__))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}


def wrong(found: object, place: str, expected: str) -> FormError:
    """The error for a wrong value. ``place``: keys from the top, such as ``events[0].epoch``; empty for the whole."""
    return FormError(f"found {shown(found)}{f' as {place}' if place else ''}, expected {expected}")


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A type of single values, with its words for messages."""

    one: str
    """One value in words."""
    several: str
    accepts: Callable[[object], bool]
    schema: Mapping[str, object]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_whole(value) and cast(int, value) >= 0


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and isfinite(value))


_SCALARS: Mapping[object, _Scalar] = {
    bool: _Scalar("true or false", "true or false", lambda value: isinstance(value, bool), {"type": "boolean"}),
    int: _Scalar("a whole number", "whole numbers", _is_whole, {"type": "integer"}),
    Count: _Scalar("a whole number from 0 on", "whole numbers from 0 on", _is_count, {"type": "integer", "minimum": 0}),
    float: _Scalar("a number", "numbers", _is_number, {"type": "number"}),
    str: _Scalar("a text", "texts", lambda value: isinstance(value, str), {"type": "string"}),
}


@dataclass(frozen=True, slots=True)
class _Key:
    """A field as a key of JSON."""

    name: str
    type: object
    may_be_missing: bool


@cache
def _keys(kind: type) -> tuple[_Key, ...]:
    types = get_type_hints(kind, include_extras=True)
    return tuple(_Key(each.name, types[each.name], _may_be_missing(each, types[each.name])) for each in fields(kind))


def _may_be_missing(field: Field[object], type_: object) -> bool:
    """Whether a file may lack it: it has a default and is no literal, which every file has."""
    return field.default is not MISSING and get_origin(type_) is not Literal


def _alternatives(type_: object) -> tuple[list[object], bool]:
    """The types that a value may have, and whether it may be None."""
    alternatives = get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)
    return [each for each in alternatives if each is not NoneType], NoneType in alternatives


def _by_tag(kinds: Sequence[object]) -> tuple[str, dict[object, type]]:
    """The key in which dataclasses differ, and the dataclass for each of its values."""
    first = [_keys(cast(type, kind))[0] for kind in kinds]
    return first[0].name, {get_args(key.type)[0]: cast(type, kind) for key, kind in zip(first, kinds, strict=True)}


def _value(type_: object, value: object, place: str) -> object:
    alternatives, optional = _alternatives(type_)
    if value is None and optional:
        return None
    if len(alternatives) > 1:
        return _object(_chosen(alternatives, value, place), value, place)
    (only,) = alternatives
    if is_dataclass(only):
        return _object(cast(type, only), value, place)
    if get_origin(only) is tuple:
        return _tuple(only, value, place)
    if get_origin(only) is Literal:
        accepted = any(type(value) is type(each) and value == each for each in get_args(only))
    else:
        accepted = _SCALARS[only].accepts(value)
    if not accepted:
        raise wrong(value, place, _words(only))
    if isinstance(value, int) and abs(value) > MAX_WHOLE_NUMBER:
        raise wrong(value, place, f"a number of at most {MAX_WHOLE_NUMBER:,}")
    if isinstance(value, str):
        return visible(value)
    return float(cast(float, value)) if only is float else value


def _chosen(kinds: Sequence[object], value: object, place: str) -> type:
    if not isinstance(value, dict):
        raise wrong(value, place, "an object")
    key, by_tag = _by_tag(kinds)
    tag = value.get(key)
    if not isinstance(tag, str) or tag not in by_tag:
        raise wrong(tag, _inside(place, key), _either(tuple(by_tag)))
    return by_tag[tag]


def _object(kind: type, value: object, place: str) -> object:
    if not isinstance(value, dict):
        raise wrong(value, place, "an object")
    found = {}
    for key in _keys(kind):
        inside = _inside(place, key.name)
        if key.name in value:
            found[key.name] = _value(key.type, value[key.name], inside)
        elif not key.may_be_missing:
            raise FormError(f"found no {inside}, expected {_words(key.type)}")
    return kind(**found)


def _inside(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _tuple(type_: object, value: object, place: str) -> tuple[object, ...]:
    item, *others = get_args(type_)
    length = None if Ellipsis in others else 1 + len(others)
    wrong_length = isinstance(value, list) and length is not None and len(value) != length
    if not isinstance(value, list) or wrong_length:
        raise wrong(value, place, _words(type_))
    if item in _SCALARS and not all(map(_SCALARS[item].accepts, value)):
        raise wrong(value, place, _words(type_))
    return tuple(_value(item, each, f"{place}[{number}]") for number, each in enumerate(value))


def _words(type_: object) -> str:
    """The expected value, in a few words."""
    (first, *_), _ = _alternatives(type_)
    if get_origin(first) is Literal:
        return _either(get_args(first))
    if get_origin(first) is not tuple:
        return _SCALARS[first].one if first in _SCALARS else "an object"
    item, *others = get_args(first)
    length = "" if Ellipsis in others else f"{1 + len(others)} "
    return f"a list of {length}{_SCALARS[item].several}" if item in _SCALARS else "a list"


def _either(values: Sequence[object]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last


def _schema(type_: object, definitions: dict[str, object]) -> dict[str, object]:
    """The schema of a type; each dataclass is added to ``definitions`` once."""
    alternatives, optional = _alternatives(type_)
    schemas = [_schema_of_one(each, definitions) for each in alternatives]
    if optional and "type" in schemas[0]:
        return schemas[0] | {"type": [schemas[0]["type"], "null"]}
    schemas += [{"type": "null"}] if optional else []
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _schema_of_one(type_: object, definitions: dict[str, object]) -> dict[str, object]:
    if is_dataclass(type_):
        return _reference(cast(type, type_), definitions)
    if get_origin(type_) is Literal:
        values = get_args(type_)
        return {"const": values[0]} if len(values) == 1 else {"enum": list(values)}
    if get_origin(type_) is tuple:
        item, *others = get_args(type_)
        items: dict[str, object] = {"type": "array", "items": _schema(item, definitions)}
        length = 1 + len(others)
        return items if Ellipsis in others else items | {"minItems": length, "maxItems": length}
    return dict(_SCALARS[type_].schema)


def _reference(kind: type, definitions: dict[str, object]) -> dict[str, object]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # reserves its place, in the order of first use
        definitions[kind.__name__] = {
            "description": " ".join((kind.__doc__ or "").replace("``", "`").split()),
            "type": "object",
            "properties": {key.name: _schema(key.type, definitions) for key in _keys(kind)},
            "required": [key.name for key in _keys(kind) if not key.may_be_missing],
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}
