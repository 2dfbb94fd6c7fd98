import dataclasses
import datetime
import decimal
import functools
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest
from typing import Annotated, Any, List, NamedTuple, Optional

import numpy as np
import pandas as pd
import pyarrow as pa

from lance_backfill import BackfillError, udf
from lance_backfill.declare import travel
from lance_backfill.declare.udf import declaration_of


class Pair(NamedTuple):
    a: int
    b: Optional[str]


@dataclasses.dataclass
class Box:
    size: float


def returning(hint):
    def f(v):
        return v

    f.__annotations__["return"] = hint
    return declaration_of(f)


class TestTypes(unittest.TestCase):
    def test_hints_name_arrow_types(self):
        for hint, expected in (
            (int, pa.int64()),
            (float, pa.float64()),
            (str, pa.utf8()),
            (bytes, pa.binary()),
            (bool, pa.bool_()),
            (datetime.datetime, pa.timestamp("us", "UTC")),
            (datetime.date, pa.date32()),
            (Optional[int], pa.int64()),
            (int | None, pa.int64()),
            (list[float], pa.list_(pa.float64())),
            (List[Optional[str]], pa.list_(pa.utf8())),
            (tuple[int, ...], pa.list_(pa.int64())),
            (Pair, pa.struct([("a", pa.int64()), ("b", pa.utf8())])),
            (Box, pa.struct([("size", pa.float64())])),
            (np.float32, pa.float32()),
            (Annotated[np.ndarray, 256], pa.list_(pa.float32(), 256)),
            (Optional[Annotated[np.ndarray, 2]], pa.list_(pa.float32(), 2)),
            (Annotated[np.ndarray[Any, np.dtype[np.float64]], 3], pa.list_(pa.float64(), 3)),
            (Annotated[pa.Array, pa.int8()], pa.int8()),
        ):
            with self.subTest(hint=hint):
                self.assertEqual(returning(hint).output, expected)

    def test_hints_that_say_no_type_are_refused(self):
        for hint, why in (
            (Any, "no type that Arrow has"),
            (list, "which type its values have"),
            (np.ndarray, "Annotated[np.ndarray, 256]"),
            (decimal.Decimal, "pa.decimal128(18, 2)"),
            (None, "returns None"),
            (dict, "no type that Arrow has"),
            (Optional[int] | str, "no type that Arrow has"),
        ):
            with self.subTest(hint=hint):
                refused(self, lambda: returning(hint), "INVALID_FUNCTION", why, "data_type")

    def test_styles_follow_from_parameters(self):
        def batched(v: pa.Array, t: pa.StringArray) -> pa.Array: ...
        def record(b: pa.RecordBatch) -> pa.Array: ...
        def scalar(v, t: Optional[str], n: int = 3) -> int: ...

        declared = udf(data_type=pa.int32())(batched)
        self.assertIs(declared, batched)
        found = declaration_of(batched)
        self.assertEqual(found.style, "batched")
        self.assertEqual([p.accepts for p in found.parameters], ["any", "str"])
        udf(data_type=pa.int32(), input_columns=["x", "y"])(record)
        self.assertEqual(declaration_of(record).style, "record_batch")
        self.assertEqual(declaration_of(record).input_columns, ("x", "y"))
        found = declaration_of(scalar)
        self.assertEqual(found.style, "scalar")
        self.assertEqual(
            [(p.accepts, p.required) for p in found.parameters],
            [("any", True), ("str", True), ("int", False)],
        )

    def test_classes_and_their_instances(self):
        @udf(batch_size=7, batch_order="auto", row_timeout=datetime.timedelta(seconds=2), thread_safe=False)
        class Embed:
            def setup(self): ...
            def __call__(self, image: bytes) -> int:
                return 1

        class Better(Embed):
            pass

        for instance in (Embed(), Better()):
            found = declaration_of(instance)
            self.assertEqual((found.name, found.style), ("Embed", "scalar"))
            self.assertEqual([p.name for p in found.parameters], ["image"])
            self.assertEqual(
                found.options,
                {"batch_size": "7", "batch_order": "auto", "row_timeout": "2000ms", "thread_safe": "false"},
            )
        refused(self, lambda: declaration_of(Embed), "INVALID_FUNCTION", "Embed is a class", "Embed()")


def refused(case, action, code, *texts):
    with case.assertRaises(BackfillError) as raised:
        action()
    case.assertEqual(raised.exception.code, code)
    for text in texts:
        case.assertIn(text, str(raised.exception))
    return raised.exception


class TestRefusals(unittest.TestCase):
    def test_functions_that_cannot_be_called_on_columns(self):
        def mixed(v: pa.Array, w: int) -> int: ...
        def both(b: pa.RecordBatch, w: int) -> int: ...
        def unnamed(b: pa.RecordBatch) -> int: ...
        def series(v: pd.Series) -> int: ...
        def stars(*v) -> int: ...
        def keyword(*, v) -> int: ...
        def nothing() -> int: ...
        def arrays(v) -> pa.Array: ...
        async def waits(v) -> int: ...
        def yields(v) -> int:
            yield v

        class NoCall: ...

        class Setup:
            def setup(self, path): ...
            def __call__(self, v) -> int: ...

        for function, text in (
            (mixed, "'w'"),
            (both, "beside other parameters"),
            (unnamed, "input_columns"),
            (series, "pa.Array"),
            (stars, "*v"),
            (keyword, "'v'"),
            (nothing, "takes no column"),
            (arrays, "have no hints"),
            (waits, "asynchronous"),
            (yields, "generator"),
            (NoCall, "without __call__"),
            (Setup, "'path'"),
            (3, "cannot be called"),
        ):
            with self.subTest(function=function):
                refused(self, lambda: udf(function), "INVALID_FUNCTION", text)

    def test_all_faults_come_at_once(self):
        def f(v): ...

        error = refused(
            self,
            lambda: udf(
                batch_size=True,
                version=" ",
                on_error="ignore",
                row_timeout=5,
                batch_order="length",
                intra_applier_concurrency=0,
                thread_safe="no",
            )(f),
            "INVALID_OPTION",
        )
        self.assertEqual(len(str(error).splitlines()), 7)
        self.assertTrue(error.remedy)

    def test_the_number_of_columns(self):
        def f(a, b) -> int: ...

        refused(self, lambda: udf(input_columns=["x"])(f), "INVALID_FUNCTION", "takes 2 columns", "(x)")

    def test_one_function_has_one_declaration(self):
        def f(v) -> int: ...

        udf(f)
        udf(f)
        refused(self, lambda: udf(batch_size=3)(f), "INVALID_FUNCTION", "declared already")


FEATURES = """
import threading
import deeper
LOCK = threading.Lock()
LIMIT = 3
def clean(v):
    return deeper.twice(v) + LIMIT
def unused():
    return LOCK
"""


REMEMBERS = """
import functools, typing
import numpy as np
@functools.lru_cache(maxsize=None)
def cached(v):
    return twice(v)
def twice(v):
    return v * 2
def calls_cached(v):
    return cached(v)
@functools.lru_cache(maxsize=7, typed=True)
def cached_alone(v):
    return v * 3
class Holder:
    @functools.lru_cache
    def scaled(self, v):
        return v * 5
    def __call__(self, v):
        return self.scaled(v)
Id = typing.NewType("Id", int)
def typed(v: Id) -> Id:
    return Id(v)
GENERATOR = np.random.default_rng(1)
def draws(v):
    return v + int(GENERATOR.random())
class Sentinel:
    def __reduce__(self):
        return "ONLY"
ONLY = Sentinel()
def asks(v):
    return v is ONLY
"""


class TestTravel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        for name, text in (("features", FEATURES), ("deeper", "def twice(v):\n    return v * 2\n")):
            with open(os.path.join(folder.name, name + ".py"), "w") as file:
                file.write(text)
        sys.path.insert(0, folder.name)
        cls.addClassCleanup(sys.path.remove, folder.name)
        importlib.invalidate_caches()

    def elsewhere(self, body, argument, **environment):
        """What the function gives in a process that has none of the author's files."""
        program = (
            "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())(%r))" % argument
        )
        found = subprocess.run(
            [sys.executable, "-I", "-c", program], input=body, capture_output=True, cwd="/"
        )
        self.assertEqual(found.returncode, 0, found.stderr)
        return found.stdout.decode().strip()

    def test_the_authors_modules_travel_as_far_as_they_are_used(self):
        import features
        from features import clean

        for function in (lambda v: features.clean(v), lambda v: clean(v), clean):
            body, environment = travel.pickled(function, "f")
            self.assertEqual(self.elsewhere(body, 4), "11")
            self.assertEqual(environment["packages"], {})
        # Nothing stays registered.
        self.assertIn(b"features", pickle.dumps(clean))

    def test_what_pickle_knows_by_name_only_travels_or_is_refused(self):
        with open(os.path.join(self.folder, "remembers.py"), "w") as file:
            file.write(REMEMBERS)
        importlib.invalidate_caches()
        import remembers

        for function, argument, expected in (
            (remembers.calls_cached, 4, "8"),
            (remembers.cached, 4, "8"),
            (remembers.cached_alone, 4, "12"),
            (remembers.Holder(), 4, "20"),
            (remembers.typed, 4, "4"),
            (remembers.draws, 4, "4"),
        ):
            with self.subTest(function=function):
                body, _ = travel.pickled(function, "f")
                self.assertEqual(self.elsewhere(body, argument), expected)
        body, _ = travel.pickled(remembers.cached_alone, "f")
        there = pickle.loads(body)
        self.assertEqual(there.cache_parameters(), {"maxsize": 7, "typed": True})
        there(2), there(2)
        self.assertEqual(there.cache_info().hits, 1)
        for named in (remembers.asks, lambda v: remembers.ONLY):
            refused(
                self,
                lambda: travel.pickled(named, "g"),
                "FUNCTION_NOT_PORTABLE",
                "'ONLY' of remembers, which pickle knows by name only",
                "setup()",
            )

    def test_the_environment_names_packages_and_not_the_standard_library(self):
        def f(v: pa.Array):
            import json

            return np.asarray(json.loads("1"))

        _, environment = travel.pickled(f, "f")
        self.assertEqual(environment["packages"], {"numpy": np.__version__, "pyarrow": pa.__version__})
        self.assertTrue(environment["python"].startswith("%d.%d." % sys.version_info[:2]))

    def test_what_cannot_travel_is_named(self):
        lock, opened = threading.Lock(), open(os.devnull)
        self.addCleanup(opened.close)

        def inside(v):
            import deeper

            return deeper.twice(v)

        class Holds:
            def __init__(self):
                self.pool = {"x": lock}

        for value, *texts in (
            (lambda v: lock, "'lock'", "_thread.lock", "setup()"),
            (lambda v: opened, "open file", os.devnull),
            (inside, "'deeper'", "inside()", "top of the file"),
            (lambda v: udf, "lance_backfill"),
            (Holds(), "pool", "_thread.lock"),
            (functools.partial(lambda v, big: v, big=os.urandom(65 << 20)), "65 MB", "setup()"),
        ):
            with self.subTest(texts=texts):
                refused(self, lambda: travel.pickled(value, "g"), "FUNCTION_NOT_PORTABLE", "'g'", *texts)

    def test_fingerprints_are_equal_in_other_processes(self):
        program = """
import sys
sys.path[:0] = %r
%s
from lance_backfill.declare import travel
from features import clean
LIMITS = {"red", "green", "blue"}
def f(v: int) -> int:
    return clean(v) if v in LIMITS else 0
class Model:
    def __init__(self): self.sizes = {3, 1, 2}
    def __call__(self, v: int) -> int: return f(v)
for one in (f, Model()):
    body, _ = travel.pickled(one, "f")
    print(travel.fingerprint(body, "f", "int64", "scalar"))
"""
        found = set()
        for seed, moved in (("1", ""), ("2", "\n\n# moved\n\n"), ("3", "import json")):
            text = program % ([self.folder, os.environ["PYTHONPATH"]], moved)
            path = os.path.join(self.folder, "author%s.py" % seed)
            with open(path, "w") as file:
                file.write(text)
            run = subprocess.run(
                [sys.executable, path],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            )
            self.assertEqual(run.returncode, 0, run.stderr)
            found.add(run.stdout)
        self.assertEqual(len(found), 1, found)
        self.assertEqual(len(set(found.pop().split())), 2)

    def test_functions_without_a_fingerprint_need_a_version(self):
        class Odd:
            def __reduce__(self):
                return (os.urandom, (8,))

        odd = Odd()
        body, _ = travel.pickled(lambda v: odd, "f")
        refused(
            self,
            lambda: travel.fingerprint(body, "f", "int64", "scalar"),
            "FUNCTION_NEEDS_VERSION",
            "'f' needs a version",
            "@udf(version='1')",
        )


if __name__ == "__main__":
    unittest.main()
