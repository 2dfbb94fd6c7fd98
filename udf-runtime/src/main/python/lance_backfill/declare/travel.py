"""Functions as bytes that run where their author's own files are not.

What the author imported from outside site-packages travels by value, as far as the function refers
to it; installed packages travel by name, and their versions are told.
"""

import contextlib
import functools
import importlib.machinery
import importlib.metadata
import io
import pickle
import platform
import sys
import threading
import types
import typing
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from pyspark.cloudpickle import CloudPickler, register_pickle_by_value, unregister_pickle_by_value
from pyspark.cloudpickle.cloudpickle import dynamic_subimport, list_registry_pickle_by_value

from ..errors import BackfillError
from ..fingerprint.canonical import NeedsVersion, canonical_hash
from ..fingerprint.code import Names
from ..fingerprint.library import is_library, is_own_module

_LOCK = threading.Lock()
# Spark Connect takes 128 MiB at a time, and every worker loads the whole of it.
_MAX_BYTES = 64 << 20
_WORKERS_OWN = ("pyspark", "py4j", "lance_backfill")


class _CannotTravel(Exception):
    """Something that the function refers to, and what to do instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class _Call:
    """Travels as what a call gives, such as the decorator of ``functools.lru_cache(maxsize=8)``."""

    def __init__(self, function: Any, arguments: Dict[str, Any]) -> None:
        self._made = functools.partial(function, **arguments)

    def __call__(self, *arguments: Any) -> Any:
        return self._made()(*arguments)

    def __reduce__(self) -> Any:
        return self._made, ()


class _Nothing(type):
    def _nothing(cls, *arguments: Any, **named: Any) -> Any:
        return cls

    __call__ = __setstate__ = append = extend = add = __setitem__ = _nothing


class _Inert(metaclass=_Nothing):
    """In the place of all that a pickle names. What is made of it is it again, and does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return cls


class _Named(pickle.Unpickler):
    """Finds what a pickle has by name only; runs none of its code."""

    def __init__(self, body: bytes) -> None:
        super().__init__(io.BytesIO(body))
        self.found: Set[Tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.found.add((module, name))
        return _Inert


class _Pickler(CloudPickler):
    """Registers the author's modules as they are met, and notes the packages that are named.

    Of such a module that is referred to as a whole only the attributes travel that functions name.
    """

    def __init__(self, file: io.BytesIO, named: Set[str]) -> None:
        super().__init__(file, protocol=pickle.DEFAULT_PROTOCOL)
        self.named = named
        self.packages: Set[str] = set()
        self.registered: List[types.ModuleType] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _Call):
            return obj.__reduce__()
        if isinstance(obj, types.ModuleType):
            module_name: Optional[str] = obj.__name__
        elif isinstance(obj, (type, types.FunctionType, types.BuiltinFunctionType)):
            module_name = getattr(obj, "__module__", None)
        else:
            module_name = type(obj).__module__
        if isinstance(obj, io.IOBase) and not isinstance(obj, (io.StringIO, io.BytesIO)):
            raise _CannotTravel(
                "an open file, %r" % getattr(obj, "name", "?"), "Open it in the function or in setup()."
            )
        if isinstance(module_name, str):  # some classes describe it, as an attribute of their instances
            self._meet(module_name, obj)
        if _is_cached(obj) and not is_library(obj.__module__):
            return _Call(functools.lru_cache, obj.cache_parameters()), (obj.__wrapped__,)
        if isinstance(obj, typing.NewType) and not is_library(obj.__module__):
            return typing.NewType, (obj.__name__, obj.__supertype__)
        if isinstance(obj, types.ModuleType) and not is_library(obj.__name__):
            part = {name: value for name, value in vars(obj).items() if name in self.named}
            return dynamic_subimport, (obj.__name__, {}), part
        if isinstance(obj, types.FunctionType) and not is_library(obj.__module__):
            self._look_into(obj)
        return super().reducer_override(obj)

    def _meet(self, name: str, obj: Any) -> None:
        top = name.split(".", 1)[0]
        if top == "lance_backfill":
            raise _CannotTravel(
                "%r, a part of lance_backfill" % getattr(obj, "__name__", type(obj).__name__),
                "Use it outside of the function, and give the function what came of it.",
            )
        if is_library(name):
            self.packages.add(top)
            return
        module = sys.modules.get(name)
        if name == "__main__" or module is None:
            return
        file = getattr(module, "__file__", None) or ""
        if file.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)):
            raise _CannotTravel(
                "the compiled module '%s' (%s), which is not installed" % (name, file),
                "Install it as a package here, and on the workers, where the pip packages of a manifest are "
                "installed.",
            )
        if name not in list_registry_pickle_by_value():
            register_pickle_by_value(module)
            self.registered.append(module)

    def _look_into(self, function: types.FunctionType) -> None:
        _, attributes, imported = Names.of(function.__code__)
        self.named |= attributes
        for name in imported:
            top = name.split(".", 1)[0]
            if is_own_module(name):
                raise _CannotTravel(
                    "the import of '%s' inside of %s(), which is not installed on the workers"
                    % (name, function.__name__),
                    "Import it at the top of the file, so that it travels with the function, or install it as a "
                    "package here, and on the workers, where the pip packages of a manifest are installed.",
                )
            self.packages.add(top)


def pickled(function: Any, name: str) -> Tuple[bytes, Dict[str, Any]]:
    """The bytes of a function, and its environment: the versions of Python and of packages.

    Raises BackfillError FUNCTION_NOT_PORTABLE with what cannot travel.
    """
    try:
        body, packages = _dump(function)
        left = _left_behind(body)
        if left:
            raise _CannotTravel(
                "%s, which pickle knows by name only" % ", ".join(left),
                "Make it in the function, or in setup() of a class, which runs on the workers.",
            )
    except _CannotTravel as e:
        raise _refused(name, "it refers to %s" % e, e.remedy) from None
    except RecursionError:
        raise _refused(
            name, "it holds values nested too deeply", "Make them in setup() instead."
        ) from None
    except Exception as e:
        where = _blame(function) or "something in it"
        raise _refused(
            name,
            "%s cannot be pickled (%s)" % (where, e),
            "Make it in the function, or in setup() of a class, which runs on the workers.",
        ) from None
    if len(body) > _MAX_BYTES:
        raise _refused(
            name,
            "it is %d MB pickled, and %d are the most" % (len(body) >> 20, _MAX_BYTES >> 20),
            "Load models and tables in setup() of a class, which runs on the workers.",
        )
    return body, {"python": platform.python_version(), "packages": _versions(packages)}


def fingerprint(body: bytes, name: str, output: str, style: str) -> str:
    """What a pickled function computes, as a hash: see ``lance_backfill.fingerprint``.

    Raises BackfillError FUNCTION_NEEDS_VERSION.
    """
    try:
        # Twice: what differs between two copies would differ between two processes.
        found = {canonical_hash(pickle.loads(body), output, style) for _ in range(2)}
        if len(found) > 1:
            raise NeedsVersion("it holds values that differ each time they are unpickled")
    except (NeedsVersion, RecursionError) as e:
        why = "it holds values nested too deeply" if isinstance(e, RecursionError) else str(e)
        raise BackfillError(
            "FUNCTION_NEEDS_VERSION",
            "Function '%s' needs a version: %s." % (name, why),
            "Give it one, @udf(version='1'), and change it whenever the function computes something "
            "else.",
        ) from None
    return found.pop()


def _left_behind(body: bytes) -> List[str]:
    """What a pickle has of the author's own modules by its name, and the workers do not have."""
    named = _Named(body)
    named.load()
    return sorted(
        "'%s' of %s" % (name, module) for module, name in named.found if not is_library(module)
    )


def _is_cached(value: Any) -> bool:
    return type(value) is type(is_library) and hasattr(value, "cache_parameters")


def _dump(function: Any) -> Tuple[bytes, Set[str]]:
    named: Set[str] = set()
    while True:
        # Again, if a function that came late names more of a module that came before.
        before = len(named)
        buffer = io.BytesIO()
        with _registering(buffer, named) as pickler:
            pickler.dump(function)
        if len(named) == before:
            return buffer.getvalue(), pickler.packages


@contextlib.contextmanager
def _registering(buffer: io.BytesIO, named: Set[str]) -> Iterator[_Pickler]:
    with _LOCK:
        pickler = _Pickler(buffer, named)
        try:
            yield pickler
        finally:
            for module in pickler.registered:
                unregister_pickle_by_value(module)


def _refused(name: str, why: str, remedy: str) -> BackfillError:
    problem = "Function '%s' cannot travel to the workers: %s." % (name, why)
    return BackfillError("FUNCTION_NOT_PORTABLE", problem, remedy)


def _blame(value: Any, path: Tuple[str, ...] = (), depth: int = 0) -> Optional[str]:
    """Where the innermost value is that cannot be pickled."""
    if depth < 20:
        for name, part in _parts(value):
            try:
                _dump(part)
            except Exception:
                return _blame(part, path + (name,), depth + 1)
    if not path:
        return None
    kind = type(value)
    return "'%s', a %s.%s," % (".".join(path), kind.__module__, kind.__qualname__)


def _parts(value: Any) -> List[Tuple[str, Any]]:
    if isinstance(value, types.MethodType):
        return [("self", value.__self__)]
    if isinstance(value, types.FunctionType):
        loaded, _, _ = Names.of(value.__code__)
        parts = [(name, value.__globals__[name]) for name in sorted(loaded & set(value.__globals__))]
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            with contextlib.suppress(ValueError):  # An empty cell.
                parts.append((name, cell.cell_contents))
        return [(name, part) for name, part in parts if part is not value]
    if isinstance(value, dict):
        return [("[%r]" % (key,), part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [("[%d]" % i, part) for i, part in enumerate(value)]
    if isinstance(value, type):
        return [] if is_library(value.__module__) else list(vars(value).items())
    if isinstance(value, types.ModuleType):
        return []
    return list(getattr(value, "__dict__", {}).items()) + (
        [] if is_library(type(value).__module__) else [(type(value).__name__, type(value))]
    )


def _versions(packages: Set[str]) -> Dict[str, str]:
    owners = importlib.metadata.packages_distributions()
    versions = {}
    for package in packages:
        if package in _WORKERS_OWN:
            continue
        for distribution in owners.get(package, ()):
            versions[distribution] = importlib.metadata.version(distribution)
    return dict(sorted(versions.items()))
