"""Styles and Arrow types, read from type hints."""

import dataclasses
import datetime
import decimal
import functools
import inspect
import types
import typing
from typing import Any, Callable, Dict, List, Optional, Tuple

import pyarrow as pa

SCALAR, BATCHED, RECORD_BATCH = "scalar", "batched", "record_batch"

# Spark's TIMESTAMP is an instant, kept in Lance as timestamp[us, tz=UTC]; datetimes without a zone
# are taken as UTC. For wall-clock times give data_type=pa.timestamp("us").
TIMESTAMP = pa.timestamp("us", "UTC")

_TYPES: Dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.utf8(),
    bytes: pa.binary(),
    datetime.datetime: TIMESTAMP,
    datetime.date: pa.date32(),
}
_ACCEPTS: Dict[Any, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.datetime: "datetime",
    datetime.date: "date",
    decimal.Decimal: "decimal",
}
_NUMPY = {
    "bool": pa.bool_(),
    "bool_": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "str_": pa.utf8(),
    "bytes_": pa.binary(),
}
_ARRAYS = (
    ("bool", (pa.BooleanArray,)),
    ("float", (pa.FloatArray, pa.DoubleArray, pa.HalfFloatArray)),
    ("int", (pa.lib.IntegerArray,)),
    ("str", (pa.StringArray, pa.LargeStringArray)),
    ("bytes", (pa.BinaryArray, pa.LargeBinaryArray, pa.FixedSizeBinaryArray)),
    ("datetime", (pa.TimestampArray,)),
    ("date", (pa.Date32Array, pa.Date64Array)),
    ("decimal", (pa.Decimal128Array, pa.Decimal256Array)),
    ("list", (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)),
)
_LISTS = (list, tuple, typing.Sequence, typing.List, typing.Iterable)


class Unclear(Exception):
    """A hint that says no type, with what to write instead."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One input: its name, its kind of values, and its hint."""

    name: str
    accepts: str
    hint: Any
    required: bool = True


def is_function(target: Any) -> bool:
    """Whether it is called itself; the others are classes and their instances."""
    if isinstance(target, type):
        return False
    return (
        inspect.isroutine(target)
        or isinstance(target, functools.partial)
        or hasattr(target, "__wrapped__")
    )


def called(target: Any) -> Callable[..., Any]:
    """The function whose parameters and hints count."""
    if not is_function(target):
        kind = target if isinstance(target, type) else type(target)
        target = getattr(kind, "__call__")
    return typing.cast(Callable[..., Any], target)


def read(target: Any) -> Tuple[List[Parameter], Any]:
    """The parameters of a function without self, and the hint of what it returns
    (``inspect.Signature.empty`` if there is none). Raises Unclear."""
    function = called(target)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as e:
        raise Unclear(
            "its parameters cannot be read (%s): wrap it in a function with def" % e
        ) from None
    try:
        hints = typing.get_type_hints(
            getattr(function, "func", function), include_extras=True
        )
    except NameError as e:
        raise Unclear("a hint names what is not defined yet (%s): define it before" % e) from None
    except TypeError:
        hints = {}
    parameters = []
    for parameter in list(signature.parameters.values())[0 if is_function(target) else 1 :]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Unclear(
                "it takes %s%s: name each parameter, as the columns are named"
                % ("*" if parameter.kind is parameter.VAR_POSITIONAL else "**", parameter.name)
            )
        required = parameter.default is parameter.empty
        if parameter.kind is parameter.KEYWORD_ONLY:
            if required:
                raise Unclear(
                    "parameter '%s' can only be given by its name: columns are given by position"
                    % parameter.name
                )
            continue
        hint = hints.get(parameter.name, Any)
        parameters.append(Parameter(parameter.name, accepts(hint), hint, required))
    return parameters, hints.get("return", inspect.Signature.empty)


def style_of(parameters: List[Parameter]) -> str:
    """Raises Unclear if hints contradict each other."""
    batches = [p for p in parameters if _is_class(p.hint, pa.RecordBatch)]
    arrays = [p for p in parameters if _is_class(_plain(p.hint), pa.Array)]
    for parameter in parameters:
        module = getattr(_plain(parameter.hint), "__module__", "").split(".")[0]
        if module in ("pandas", "polars") or _is_class(parameter.hint, (pa.Table, pa.ChunkedArray)):
            raise Unclear(
                "parameter '%s' is a %s: take a pa.Array and convert it inside, or a pa.RecordBatch"
                % (parameter.name, _named(parameter.hint))
            )
    if batches:
        if len(parameters) > 1:
            raise Unclear(
                "it takes a pa.RecordBatch beside other parameters: take the record batch only, and "
                "name its columns by input_columns"
            )
        return RECORD_BATCH
    if not arrays:
        return SCALAR
    others = [p.name for p in parameters if p not in arrays]
    if others:
        raise Unclear(
            "some parameters are a pa.Array, and %s not: make all of them pa.Array, or none"
            % ", ".join("'%s'" % name for name in others)
        )
    return BATCHED


def accepts(hint: Any) -> str:
    """Which kind of values a parameter takes, as Java knows it."""
    hint = _plain(hint)
    if hint in _ACCEPTS:
        return _ACCEPTS[hint]
    if isinstance(hint, type) and issubclass(hint, pa.Array):
        for kind, classes in _ARRAYS:
            if issubclass(hint, classes):
                return kind
        return "any"
    origin = typing.get_origin(hint) or hint
    if getattr(origin, "__name__", "") == "ndarray" or origin in _LISTS or _is_sequence(origin):
        return "list"
    return "any"


def arrow_type(hint: Any) -> pa.DataType:
    """The Arrow type of what a hint names. Raises Unclear."""
    if hint is inspect.Signature.empty:
        raise Unclear("it has no hint of what it returns")
    annotated = _annotations(hint)
    for one in annotated:
        if isinstance(one, pa.DataType):
            return one
    hint = _plain(hint)
    if hint in _TYPES:
        return _TYPES[hint]
    if hint is decimal.Decimal:
        raise Unclear("Decimal has no precision and scale, such as pa.decimal128(18, 2)")
    if hint is None or hint is type(None):
        raise Unclear("it returns None")
    origin = typing.get_origin(hint) or hint
    if getattr(origin, "__name__", "") == "ndarray":
        return _vector(hint, annotated)
    if _is_class(hint, (pa.Array, pa.ChunkedArray, pa.RecordBatch, pa.Table)):
        raise Unclear("%s does not say which type its values have" % _named(hint))
    fields = _fields(hint)
    if fields is not None:
        return pa.struct([pa.field(name, _of(name, part)) for name, part in fields.items()])
    if origin in _LISTS or _is_sequence(origin):
        items = [item for item in typing.get_args(hint) if item is not Ellipsis]
        if len(set(items)) != 1:
            raise Unclear("%s does not say which type its values have" % _named(hint))
        return pa.list_(arrow_type(items[0]))
    if getattr(hint, "__module__", "") == "numpy" and hint.__name__ in _NUMPY:
        return _NUMPY[hint.__name__]
    raise Unclear("%s is no type that Arrow has" % _named(hint))


def _of(name: str, hint: Any) -> pa.DataType:
    try:
        return arrow_type(hint)
    except Unclear as e:
        raise Unclear("its output '%s': %s" % (name, e)) from None


def _vector(hint: Any, annotated: Tuple[Any, ...]) -> pa.DataType:
    """Vectors are float32 if the hint does not say otherwise, as indexes want them."""
    lengths = [one for one in annotated if isinstance(one, int) and not isinstance(one, bool)]
    if len(lengths) != 1 or lengths[0] < 1:
        raise Unclear("np.ndarray has no length: write Annotated[np.ndarray, 256]")
    value = pa.float32()
    arguments = typing.get_args(hint)
    if len(arguments) == 2:
        kinds = typing.get_args(arguments[1])
        if kinds and not isinstance(kinds[0], typing.TypeVar) and kinds[0] is not Any:
            value = arrow_type(kinds[0])
    return pa.list_(value, lengths[0])


def _fields(hint: Any) -> Optional[Dict[str, Any]]:
    """The parts of a NamedTuple, a dataclass or a TypedDict."""
    if not isinstance(hint, type):
        return None
    if (
        issubclass(hint, tuple)
        and hasattr(hint, "_fields")
        or dataclasses.is_dataclass(hint)
        or typing.is_typeddict(hint)
    ):
        names = getattr(hint, "_fields", None)
        hints = typing.get_type_hints(hint, include_extras=True)
        if names is not None:
            # A collections.namedtuple has names and no hints.
            return {name: hints.get(name, inspect.Signature.empty) for name in names}
        return hints
    return None


def _annotations(hint: Any) -> Tuple[Any, ...]:
    """What Annotated adds, of Optional[Annotated[...]] and Annotated[Optional[...]] too."""
    found: Tuple[Any, ...] = ()
    while True:
        if hasattr(hint, "__metadata__"):
            found += hint.__metadata__
            hint = hint.__origin__
        elif _is_union(hint) and len(_some(hint)) == 1:
            hint = _some(hint)[0]
        else:
            return found


def _plain(hint: Any) -> Any:
    """A hint without Annotated and Optional."""
    while True:
        if hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif _is_union(hint) and len(_some(hint)) == 1:
            hint = _some(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        else:
            return hint


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _some(hint: Any) -> List[Any]:
    return [one for one in typing.get_args(hint) if one is not type(None)]


def _is_class(hint: Any, wanted: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, wanted)


def _is_sequence(origin: Any) -> bool:
    return getattr(origin, "__module__", "") == "collections.abc" and getattr(
        origin, "__name__", ""
    ) in ("Sequence", "Iterable", "Collection", "MutableSequence")


def _named(hint: Any) -> str:
    if isinstance(hint, type):
        return hint.__qualname__ if hint.__module__ == "builtins" else (
            "%s.%s" % (hint.__module__, hint.__qualname__)
        )
    return str(hint)
