"""Functions as this process has loaded them: once, and kept for as long as the process lives."""

import hashlib
import importlib.metadata
import json
import pickle
import sys
import traceback
from typing import Any, Callable, Dict, List, Tuple

from .. import pins
from .reuse import answer_at_once, settle
from .spec import Spec

# By hash, style and the number of the thread that has an instance of its own (0 for the others).
_LOADED: Dict[Tuple[str, str, int], Callable[..., Any]] = {}
_CHECKED: "set[str]" = set()
# Functions that have computed rows: most import the rest of what they need when they are first called.
_USED: "set[str]" = set()


class WorkerFault(Exception):
    """The function cannot run in this worker, whatever the row. Its text is for the driver."""

    PREFIX = "LANCE_BACKFILL_FAULT:"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(self.PREFIX + json.dumps({"code": code, "message": message}))
        self.code = code
        self.message = message

    def __reduce__(self) -> Any:
        return type(self), (self.code, self.message)


def load(spec: Spec, number: int = 0) -> Callable[..., Any]:
    """The callable; unpickled, and its setup() called, by the first call only.

    Raises WorkerFault if the environment is another one, or it cannot be loaded.
    """
    key = (spec.hash, spec.style, number)
    loaded = _LOADED.get(key)
    if loaded is None:
        if not _LOADED:
            answer_at_once()
        _check_environment(spec)
        loaded = _LOADED[key] = _load(spec)
        settle()
    return loaded


def used(spec: Spec) -> None:
    """To be called at the end of a task: what its function has brought is there to stay."""
    if spec.hash not in _USED:
        _USED.add(spec.hash)
        settle()


def discard(spec: Spec, number: int) -> None:
    """Forgets an instance that a call still holds, so that the next one gets its own."""
    _LOADED.pop((spec.hash, spec.style, number), None)


def _load(spec: Spec) -> Callable[..., Any]:
    try:
        function = pickle.loads(_body(spec))
    except WorkerFault:
        raise
    except (Exception, SystemExit) as e:
        raise _not_loaded(spec, "cannot be unpickled", e) from None
    setup = None if isinstance(function, type) else getattr(function, "setup", None)
    if callable(setup):
        try:
            setup()
        except (Exception, SystemExit) as e:
            raise _not_loaded(spec, "failed in setup()", e) from None
    if not callable(function):
        raise WorkerFault(
            "FUNCTION_NOT_LOADED",
            "Function '%s' cannot be called: what is stored is a %s. Declare it again."
            % (spec.name, type(function).__qualname__),
        )
    return function


def _body(spec: Spec) -> bytes:
    body = spec.body_bytes
    if body is None:
        try:
            with open(str(spec.body), "rb") as file:
                body = file.read()
        except OSError as e:
            raise WorkerFault(
                "FUNCTION_NOT_LOADED",
                "Function '%s' cannot be loaded: its file %s cannot be read (%s). Run the call again."
                % (spec.name, spec.body, e),
            ) from None
    found = hashlib.sha256(body).hexdigest()
    if found != spec.hash:
        raise WorkerFault(
            "FUNCTION_NOT_LOADED",
            "Function '%s' cannot be loaded: its bytes have the hash %s, not %s. Run the call again; "
            "if it fails again, declare the function again." % (spec.name, found, spec.hash),
        )
    return body


def _not_loaded(spec: Spec, what: str, raised: BaseException) -> WorkerFault:
    trace = "".join(traceback.format_exception(type(raised), raised, raised.__traceback__))
    remedy = "Make what it needs available to the workers' Python, %s, or declare it again." % (
        sys.executable,
    )
    return WorkerFault(
        "FUNCTION_NOT_LOADED",
        "Function '%s' %s: %s: %s. %s\n%s"
        % (spec.name, what, type(raised).__name__, raised, remedy, trace[-2000:]),
    )


def _check_environment(spec: Spec) -> None:
    if spec.hash in _CHECKED:
        return
    differences = _differences(spec.environment)
    if differences:
        raise WorkerFault(
            "ENVIRONMENT_MISMATCH",
            "Function '%s' was declared in another environment than that of the workers' Python, %s: "
            "%s. Set spark.pyspark.python or PYSPARK_PYTHON to a Python that has these versions, or "
            "declare the function again with the workers' versions, or with those that it can do with, as "
            "@udf(packages=['numpy>=1.26,<3'])."
            % (spec.name, sys.executable, "; ".join(differences)),
        )
    _CHECKED.add(spec.hash)


def _differences(environment: Dict[str, Any]) -> List[str]:
    differences = []
    python = environment.get("python")
    running = "%d.%d.%d" % sys.version_info[:3]
    if python and python.split(".")[:2] != running.split(".")[:2]:
        differences.append("Python %s there, %s here" % (python, running))
    for name, version in sorted((environment.get("packages") or {}).items()):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            differences.append("%s %s there, missing here" % (name, version))
            continue
        if not pins.fits(version, found):
            differences.append("%s %s there, %s here" % (name, version, found))
    return differences
