"""What a Python function computes, as a hash that is equal in every process.

Pickled functions differ from process to process (sets, interned strings, line numbers), so the
function itself is looked at: bytecode with its operands resolved, constants, defaults, closures,
and what its names refer to. Line numbers, file names, comments, docstrings, annotations and the
function's own name do not count. The minor version of Python does, since bytecode differs with it.

Functions and classes of the standard library and of installed packages count by name, and so do
their modules; the user's own code counts as far as it is referred to.
"""

import builtins
import copyreg
import enum
import functools
import hashlib
import struct
import sys
import types
import typing

from .code import Names, instructions
from .library import is_importable, is_library, is_own_module

FORMAT = "lance-backfill python 1"

# Attributes of classes that say nothing about what instances do, or repeat other attributes.
_IGNORED_CLASS_ATTRIBUTES = frozenset(
    [
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
        "__qualname__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "_abc_impl",
        "__dataclass_params__",
        "__dataclass_fields__",
        "__match_args__",
        "__parameters__",
        "__orig_bases__",
    ]
)

# OPTIMIZED, NEWLOCALS, VARARGS, VARKEYWORDS, GENERATOR, COROUTINE, ITERABLE_COROUTINE,
# ASYNC_GENERATOR. The others follow from the rest, or from the docstring or __future__ imports.
_FLAGS = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200


class NeedsVersion(Exception):
    """A value has no form that is equal in every process."""


def canonical_hash(function, return_type=None, eval_type=None, python_version=None):
    """The first 32 hex digits of the SHA-256 of what a function computes.

    ``return_type`` is text; ``python_version`` is for tests, the running one by default.
    """
    version = tuple(python_version or sys.version_info[:2])
    hashing = _Canonical()
    hashing.text(FORMAT)
    hashing.value((version, eval_type, return_type))
    hashing.value(function)
    return hashing.hex()


class _Canonical:
    """Feeds values into one hash. Each is preceded by its kind and length, so none runs into the
    next. Mutable objects are numbered when first met, and later referred to by that number."""

    def __init__(self, path="function"):
        self._hash = hashlib.sha256()
        self._numbers = {}
        self._keep = []  # An id is only unique among objects that live.
        self._path = [path]

    def hex(self):
        return self._hash.hexdigest()[:32]

    # Tokens

    def text(self, text):
        data = text.encode("utf-8", "surrogatepass")
        self._hash.update(struct.pack(">I", len(data)))
        self._hash.update(data)

    def _kind(self, kind, size=0):
        self.text(kind)
        self._hash.update(struct.pack(">Q", size))

    # Values

    def value(self, value):
        kind = type(value)
        if value is None or value is Ellipsis or value is NotImplemented:
            self._kind(repr(value))
        elif kind in (bool, int, str, bytes, float, complex):
            self._kind(kind.__name__)
            # repr of floats is exact, and tells -0.0 from 0.0; that of large ints is refused.
            self.text(value if kind is str else hex(value) if kind is int else repr(value))
        elif kind is tuple:
            self._sequence("tuple", value)
        elif kind is frozenset:
            self._set("frozenset", value)
        elif kind is types.CodeType:
            self._code(value)
        else:
            self._numbered(value)

    def _numbered(self, value):
        number = self._numbers.get(id(value))
        if number is not None:
            self._kind("again", number)
            return
        self._numbers[id(value)] = len(self._numbers)
        self._keep.append(value)
        self._object(value)

    def _object(self, value):
        kind = type(value)
        if kind in (list, bytearray):
            self._sequence(kind.__name__, value)
        elif kind is set:
            self._set("set", value)
        elif kind is dict or kind is types.MappingProxyType:
            self._mapping(kind.__name__, value.items())
        elif isinstance(value, types.ModuleType):
            self._kind("module")
            self.text(value.__name__)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.BuiltinFunctionType):
            self._builtin(value)
        elif isinstance(value, types.MethodType):
            self._parts("method", value.__func__, value.__self__)
        elif isinstance(value, (staticmethod, classmethod)):
            self._parts(kind.__name__, value.__func__)
        elif isinstance(value, property):
            self._parts("property", value.fget, value.fset, value.fdel)
        elif isinstance(value, functools.cached_property):
            self._parts("cached_property", value.func)
        elif isinstance(value, types.CellType):
            self._cell(value)
        elif isinstance(value, type):
            self._class(value)
        elif kind in (functools.partial, functools.partialmethod):
            self._parts(kind.__name__, value.func, value.args, dict(sorted(value.keywords.items())))
        elif _is_cached_function(value):
            self._parts("cached", value.__wrapped__)
        elif isinstance(value, typing.TypeVar):
            # What pickle is told of it holds a random number.
            self._kind("type variable")
            self.text(value.__name__)
        elif kind.__module__ == "numpy" and _is_plain_array(value):
            # Where numpy keeps the function that makes arrays differs between its versions.
            self._kind("numpy", value.nbytes)
            self.value((value.dtype.str, value.shape, value.tobytes()))
        else:
            self._reduced(value)

    def _parts(self, kind, *parts):
        self._kind(kind, len(parts))
        for part in parts:
            self.value(part)

    def _sequence(self, kind, values):
        self._kind(kind, len(values))
        for i, value in enumerate(values):
            self._at("[%d]" % i, value)

    def _set(self, kind, values):
        # Sets have another order in each process; each element is hashed alone and then sorted.
        self._kind(kind, len(values))
        for digest in sorted(self._alone(value) for value in values):
            self.text(digest)

    def _alone(self, value):
        other = _Canonical(".".join(self._path))
        other.value(value)
        return other.hex()

    def _mapping(self, kind, items):
        items = list(items)
        self._kind(kind, len(items))
        for key, value in items:
            self.value(key)
            self._at("[%.40r]" % (key,) if isinstance(key, (str, int)) else "[...]", value)

    def _at(self, where, value):
        self._path.append(where)
        self.value(value)
        self._path.pop()

    def _cell(self, cell, attributes=frozenset()):
        try:
            content = cell.cell_contents
        except ValueError:
            self._kind("empty cell")
            return
        self._kind("cell")
        self._member(content, attributes)

    # Functions

    def _function(self, function):
        self._path.append("%s()" % function.__name__)
        self._kind("function")
        code = function.__code__
        loaded, attributes, imported = Names.of(code)
        library = is_library(function.__module__)
        if library:
            self._by_name("function", function)
        if not library or not is_importable(function):
            # A function that a library made holds the user's own functions and values.
            self._at("defaults", function.__defaults__)
            self._at("defaults", sorted((function.__kwdefaults__ or {}).items()))
            for name, cell in zip(code.co_freevars, function.__closure__ or ()):
                self.text(name)
                self._path.append(name)
                self._cell(cell, attributes)
                self._path.pop()
            self._mapping("attributes", sorted(function.__dict__.items()))
        if not library:
            self._code(code)
            self._globals(loaded, attributes, function.__globals__)
            self._imports(imported, attributes)
        self._path.pop()

    def _globals(self, loaded, attributes, scope):
        """What the global names of a function and of those nested in it refer to."""
        for name in sorted(loaded):
            self.text(name)
            if name in scope:
                self._path.append(name)
                self._member(scope[name], attributes)
                self._path.pop()
            elif hasattr(builtins, name):
                self._kind("builtin")
            else:
                # A local of a class body, or an error when the function gets there.
                self._kind("undefined")

    def _imports(self, imported, attributes):
        """The user's own modules that a function imports when it runs."""
        for name in sorted(imported):
            if is_own_module(name):
                self.text(name)
                self._path.append(name)
                self._member(sys.modules[name], attributes)
                self._path.pop()

    def _member(self, value, attributes):
        if not isinstance(value, types.ModuleType) or is_library(value.__name__):
            self.value(value)
            return
        # The user's own module: what of it is named counts, wherever in the function.
        self._kind("own module")
        self.text(value.__name__)
        for name in sorted(attributes & set(vars(value))):
            self.text(name)
            self._path.append(name)
            self._member(vars(value)[name], attributes - {name})
            self._path.pop()

    def _code(self, code):
        operations, handlers = instructions(code)
        self._kind("code", len(operations))
        self.value(
            (
                code.co_argcount,
                getattr(code, "co_posonlyargcount", 0),
                code.co_kwonlyargcount,
                code.co_flags & _FLAGS,
                code.co_varnames,
                code.co_freevars,
                code.co_cellvars,
            )
        )
        for operation, operand in operations:
            self.text(operation)
            self.value(operand)
        self.value(handlers)

    # Classes

    def _class(self, cls):
        if is_library(cls.__module__) and is_importable(cls):
            self._by_name("class", cls)
            return
        self._path.append(cls.__name__)
        self._kind("class")
        self.text(cls.__name__)
        self.value(cls.__bases__)
        self.value(type(cls))
        if isinstance(cls, enum.EnumMeta):
            self._enum(cls)
        else:
            self._attributes(cls, vars(cls))
        self._path.pop()

    def _attributes(self, cls, attributes):
        for name in sorted(attributes):
            value = attributes[name]
            if name in _IGNORED_CLASS_ATTRIBUTES or isinstance(
                value, (types.MemberDescriptorType, types.GetSetDescriptorType)
            ):
                continue
            self.text(name)
            self._at(name, value)

    def _enum(self, cls):
        members = {name: member.value for name, member in cls.__members__.items()}
        self._mapping("members", members.items())
        own = {
            name: value
            for name, value in vars(cls).items()
            if name not in members
            and not name.startswith("_")
            and isinstance(value, (types.FunctionType, staticmethod, classmethod, property))
        }
        self._attributes(cls, own)

    def _by_name(self, kind, value):
        self._kind(kind + " by name")
        self.text("%s.%s" % (value.__module__, value.__qualname__))

    def _builtin(self, function):
        owner = function.__self__
        self._kind("builtin function")
        self.text(function.__qualname__)
        if isinstance(owner, types.ModuleType) or owner is None:
            self.text(str(function.__module__))
        else:
            self.value(owner)

    # Other objects

    def _reduced(self, value):
        """By what pickle would be told: how to make the object, and of what."""
        if isinstance(value, enum.Enum):
            self._kind("enum member")
            self.value(type(value))
            self.text(value.name)
            return
        try:
            reduced = _reduce(value)
        except NeedsVersion:
            raise
        except Exception as e:
            raise NeedsVersion(
                "%s is a value of type %s, which cannot be pickled (%s)"
                % (self._where(), _type_name(value), e)
            )
        if isinstance(reduced, str):
            self._kind("global")
            self.text("%s.%s" % (getattr(value, "__module__", None), reduced))
            self.value(type(value))
            return
        make, arguments = reduced[0], reduced[1]
        rest = list(reduced[2:]) + [None] * (6 - len(reduced))
        state, items, pairs = rest[0], rest[1], rest[2]
        self._kind("object")
        self._at("<made by>", make)
        self._at("<made of>", arguments)
        if isinstance(state, dict):
            # The order in which attributes were set is no part of an object's value.
            state = dict(sorted(state.items(), key=lambda item: str(item[0])))
        self._at("<state>", state)
        self._at("<items>", None if items is None else list(items))
        self._mapping("pairs", () if pairs is None else pairs)

    def _where(self):
        return "'%s'" % ".".join(self._path)


def _type_name(value):
    return "%s.%s" % (type(value).__module__, type(value).__qualname__)


def _is_cached_function(value):
    return type(value) is type(is_library) and hasattr(value, "__wrapped__")


def _is_plain_array(value):
    return hasattr(value, "tobytes") and hasattr(value, "dtype") and not value.dtype.hasobject


def _reduce(value):
    from pyspark.cloudpickle import CloudPickler

    kind = type(value)
    reducer = copyreg.dispatch_table.get(kind)
    if reducer is None:
        reducer = getattr(CloudPickler, "_dispatch_table", {}).get(kind)
    if reducer is not None:
        return reducer(value)
    return value.__reduce_ex__(4)
