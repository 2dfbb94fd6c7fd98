"""Hashes of functions that Spark has pickled, for one request from stdin."""

import hashlib
import os
import sys
import types

from .canonical import NeedsVersion, canonical_hash
from .library import is_library_file


def unwrapped(function):
    """The user's function in what pyspark's udf and pandas_udf make of it."""
    seen = set()
    while id(function) not in seen:
        seen.add(id(function))
        if type(function).__module__.startswith("pyspark.") and hasattr(function, "func"):
            function = function.func
        elif (
            isinstance(function, types.FunctionType)
            and hasattr(function, "evalType")
            and hasattr(function, "returnType")
            and hasattr(function, "func")
        ):
            function = function.func
    return function


def _answer(entry):
    import base64
    import pickle

    from pyspark import broadcast

    running = "%d.%d" % sys.version_info[:2]
    if entry["python"] != running:
        # Bytecode of another version must not even be unpickled.
        raise ValueError("it was made by Python %s, this is Python %s" % (entry["python"], running))
    for number, path in entry["broadcasts"].items():
        broadcast._broadcastRegistry[int(number)] = broadcast.Broadcast(path=path)
    command = base64.b64decode(entry["command"])
    hashes = set()
    for _ in range(2):
        # Twice: what differs between two copies would differ between two processes.
        loaded = pickle.loads(command)
        if isinstance(loaded, broadcast.Broadcast):
            loaded = pickle.loads(loaded.value)
        function, return_type = loaded[0], loaded[1]
        described = return_type.json() if hasattr(return_type, "json") else repr(return_type)
        hashes.add(canonical_hash(unwrapped(function), described, entry["eval_type"]))
    if len(hashes) != 1:
        raise NeedsVersion("it holds values that differ each time they are unpickled")
    return hashes.pop()


def _own_files():
    """The user's own files that were imported, each with the SHA-256 of its content."""
    files = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or is_library_file(file):
            continue
        # A module of a zip or egg has the archive's path before its own.
        while file and not os.path.exists(file):
            file = os.path.dirname(file)
        if os.path.isfile(file):
            with open(file, "rb") as content:
                files[os.path.realpath(file)] = hashlib.sha256(content.read()).hexdigest()
    return files


def main():
    """Answers one JSON request from stdin on stdout."""
    import json
    import traceback

    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What modules print when they are imported must not get into the answer.
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    sys.setrecursionlimit(10000)
    answers = []
    for entry in request["functions"]:
        try:
            answers.append({"hash": _answer(entry)})
        except NeedsVersion as e:
            answers.append({"needs_version": str(e)})
        except RecursionError:
            answers.append({"needs_version": "it holds values nested too deeply"})
        except Exception as e:
            traceback.print_exc()
            answers.append({"failed": "%s: %s" % (type(e).__name__, e)})
    json.dump({"answers": answers, "files": _own_files()}, out)
    out.close()
