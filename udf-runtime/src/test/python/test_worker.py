import hashlib
import json
import threading
import time
import unittest
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lance_backfill import worker
from lance_backfill.worker import sizes
from worker_runs import batches_of, run, spec


def check(v):
    if v % 7 == 0:
        raise ValueError("seven %d" % v)
    if v % 10 == 9:
        raise TimeoutError("nine %d" % v)
    return v * 1.5


def of_row(v: int) -> float:
    return check(v)


def of_array(v: pa.Array) -> pa.Array:
    return pa.array([check(one) for one in v.to_pylist()], pa.float64())


def of_batch(batch: pa.RecordBatch) -> pa.Array:
    return of_array(batch.column("v"))


STYLES = {"scalar": of_row, "batched": of_array, "record_batch": of_batch}


class TestRowsThatFail(unittest.TestCase):
    def test_nine_of_forty_rows_are_null_with_their_errors(self):
        bad = [v for v in range(1, 41) if v % 7 == 0 or v % 10 == 9]
        for style, function in STYLES.items():
            for batch_size in (1, 8, 40, 0):
                for threads in (1, 4):
                    with self.subTest(style=style, batch_size=batch_size, threads=threads):
                        values, errors = run(
                            function,
                            style,
                            pa.float64(),
                            list(range(1, 41)),
                            batch_size=batch_size,
                            threads=threads,
                        )
                        self.assertEqual([i + 1 for i in errors], bad)
                        self.assertEqual(
                            values, [None if v in bad else v * 1.5 for v in range(1, 41)]
                        )
                        self.assertEqual(errors[6]["type"], "ValueError")
                        self.assertEqual(errors[6]["message"], "seven 7")
                        self.assertEqual(errors[8]["type"], "TimeoutError")
                        self.assertEqual({e["code"] for e in errors.values()}, {"FUNCTION_RAISED"})
                        self.assertEqual({e["attempt"] for e in errors.values()}, {1})
                        self.assertIn("in check", errors[6]["trace"])
                        self.assertNotIn("isolation.py", errors[6]["trace"])

    def test_the_first_row_that_fails_ends_the_output(self):
        for style, function in STYLES.items():
            for batch_size in (1, 8, 40):
                for threads in (1, 4):
                    with self.subTest(style=style, batch_size=batch_size, threads=threads):
                        values, errors = run(
                            function,
                            style,
                            pa.float64(),
                            list(range(1, 41)),
                            batch_size=batch_size,
                            threads=threads,
                            on_error="fail",
                        )
                        self.assertEqual(values, [1.5, 3.0, 4.5, 6.0, 7.5, 9.0, None])
                        self.assertEqual(list(errors), [6])

    def test_rows_of_a_scalar_function_are_computed_once(self):
        COUNTED.clear()
        run(_count_rows, "scalar", pa.float64(), list(range(1, 41)), batch_size=40)
        self.assertEqual(COUNTED, list(range(1, 41)))

    def test_halving_computes_few_rows_twice(self):
        COUNTED.clear()
        run(_count_batches, "batched", pa.int64(), list(range(1024)), batch_size=1024)
        # Each half that holds the row is tried again.
        self.assertEqual(COUNTED[:4], [1024, 512, 512, 256])
        self.assertLessEqual(len(COUNTED), 2 * 10 + 1)
        self.assertLessEqual(sum(COUNTED), 3 * 1024)

    def test_exits_are_failures_and_interrupts_are_not(self):
        def exits(v):
            raise SystemExit(3)

        def interrupts(v):
            raise KeyboardInterrupt

        values, errors = run(exits, "scalar", pa.int64(), [1])
        self.assertEqual((values, errors[0]["type"]), ([None], "SystemExit"))
        with self.assertRaises(KeyboardInterrupt):
            run(interrupts, "batched", pa.int64(), [1])

    def test_texts_are_short_and_can_be_written(self):
        def f(v):
            raise ValueError("x" * 5000 + "\udc80")

        _, errors = run(f, "scalar", pa.int64(), [1])
        self.assertEqual(len(errors[0]["message"]), 1000)

        def deep(v):
            return deep(v)

        _, errors = run(deep, "scalar", pa.int64(), [1])
        self.assertLessEqual(len(errors[0]["trace"]), 4000)
        self.assertEqual(errors[0]["type"], "RecursionError")

        class NoText(Exception):
            def __str__(self):
                raise ValueError

        def textless(v):
            raise NoText

        _, errors = run(textless, "scalar", pa.int64(), [1])
        self.assertIn("cannot be made", errors[0]["message"])


COUNTED = []


def _count_rows(v):
    import test_worker

    test_worker.COUNTED.append(v)
    return check(v)


def _count_batches(v):
    import test_worker

    test_worker.COUNTED.append(len(v))
    if 700 in v.to_pylist():
        raise ValueError
    return v


class TestShapes(unittest.TestCase):
    def test_every_row_comes_back_in_order(self):
        given = [
            pa.RecordBatch.from_arrays([pa.array(range(start, start + rows), pa.int64())], ["v"])
            for start, rows in ((0, 100), (100, 0), (100, 4096), (4196, 1))
        ]
        for style, function in {
            "scalar": lambda v: v,
            "batched": lambda v: v,
            "record_batch": lambda b: b.column("v"),
        }.items():
            for threads in (1, 3):
                with self.subTest(style=style, threads=threads):
                    found = batches_of(function, style, pa.int64(), given, threads=threads)
                    table = pa.Table.from_batches(found)
                    self.assertEqual(table["value"].to_pylist(), list(range(4197)))
                    self.assertEqual(table["error"].null_count, 4197)

    def test_single_rows(self):
        batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3])], ["v"])
        found = batches_of(lambda v: v, "batched", pa.int64(), [batch], single=True, threads=4)
        self.assertEqual([one.num_rows for one in found], [0, 0, 1, 0, 1, 0, 1, 0])  # 0: pushes

    def test_several_arguments(self):
        batch = pa.RecordBatch.from_arrays([pa.array([1, 2]), pa.array(["a", None])], ["n", "t"])
        found = batches_of(lambda n, t: "%s%s" % (n, t), "scalar", pa.utf8(), [batch])
        self.assertEqual(found[2].column(0).to_pylist(), ["1a", "2None"])

    def test_vectors_as_arrays_of_numpy(self):
        def f(v: np.ndarray) -> float:
            assert v is None or isinstance(v, np.ndarray)
            return None if v is None else v.sum()

        for kind in (pa.list_(pa.float32(), 2), pa.list_(pa.float32())):
            values, errors = run(f, "scalar", pa.float64(), pa.array([[1, 2], None, [3, 4]], kind))
            self.assertEqual((values, errors), ([3.0, None, 7.0], {}))

    def test_sizes_grow_to_the_target_and_shrink(self):
        one = sizes.BatchSizes("test sizes", 0, 5.0)
        self.assertEqual(one.rows(), 32)
        one.record(32, 0.001, 256)
        self.assertEqual(one.rows(), 64)
        one.record(10, 0.2, 80)
        self.assertEqual(one.rows(), 64)
        one.record(64, 2.5, 512)
        self.assertEqual(one.rows(), 6)
        self.assertEqual(sizes.BatchSizes("test sizes", 0, 5.0).rows(), 6)
        self.assertEqual(sizes.BatchSizes("test sizes", 100, 5.0).rows(), 100)
        one.limit(4)
        one.limit(50)
        self.assertEqual(one.rows(), 4)

    def test_large_values_leave_in_small_batches(self):
        one = sizes.BatchSizes("test bytes", 0, 5.0)
        one.record(32, 0.0001, 32 << 20)
        self.assertEqual(one.rows(), 8)
        self.assertEqual(one.window(), 8)
        self.assertEqual(sizes.BatchSizes("test bytes", 100, 5.0).rows(), 100)

    def test_says_first_that_the_function_is_loaded(self):
        asked = []

        def batches():
            asked.append(True)
            yield pa.RecordBatch.from_arrays([pa.array([7])], ["v"])

        told = worker.start(spec(lambda v: v, "batched", pa.int64()))(batches())
        self.assertEqual((next(told).num_rows, asked), (0, []))
        self.assertEqual([one.num_rows for one in told], [0, 1, 0])

    def test_a_size_that_fits_memory_is_remembered(self):
        COUNTED.clear()
        values, errors = run(
            _fits_ten, "batched", pa.int64(), list(range(160)), batch_size=32
        )
        self.assertEqual((values, errors), (list(range(160)), {}))
        self.assertEqual(COUNTED[:4], [32, 16, 8, 8])
        self.assertEqual(set(COUNTED[6:]), {8})


def _fits_ten(v):
    import test_worker

    test_worker.COUNTED.append(len(v))
    if len(v) > 10:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    return v


class Pair(NamedTuple):
    a: int
    b: str


class TestOutputs(unittest.TestCase):
    STRUCT = pa.struct([("a", pa.int64()), ("b", pa.utf8())])
    VECTOR = pa.list_(pa.float32(), 2)

    def good(self, style, output, function, expected, values=(1, 2)):
        found, errors = run(function, style, output, list(values))
        self.assertEqual((found, errors), (expected, {}))

    def bad(self, style, output, function, *texts, values=(1, 2)):
        found, errors = run(function, style, output, list(values))
        self.assertEqual(found, [None] * len(found))
        for error in errors.values():
            self.assertEqual(error["code"], "INVALID_OUTPUT")
            for text in ("f_1",) + texts:
                self.assertIn(text, error["message"])
        self.assertEqual(len(errors), len(found))

    def test_of_batches(self):
        good = lambda output, f, expected: self.good("batched", output, f, expected)
        good(pa.int64(), lambda v: v, [1, 2])
        good(pa.int32(), lambda v: v, [1, 2])
        good(pa.float32(), lambda v: v, [1.0, 2.0])
        good(pa.int64(), lambda v: pa.chunked_array([v.slice(0, 1), v.slice(1)]), [1, 2])
        good(pa.float64(), lambda v: v.to_numpy() * 0.5, [0.5, 1.0])
        good(pa.int64(), lambda v: [None] * len(v), [None, None])
        good(pa.int64(), lambda v: pa.nulls(len(v)), [None, None])
        good(pa.utf8(), lambda v: np.array(["a"] * len(v)), ["a", "a"])
        good(pa.utf8(), lambda v: v.cast(pa.utf8()).dictionary_encode(), ["1", "2"])
        good(self.VECTOR, lambda v: np.ones((len(v), 2)), [[1.0, 1.0]] * 2)
        good(pa.list_(pa.float32()), lambda v: np.ones((len(v), 2)), [[1.0, 1.0]] * 2)
        good(self.VECTOR, lambda v: [np.ones(2), None][: len(v)], [[1.0, 1.0], None])
        good(self.VECTOR, lambda v: pa.array([[1.0, 2.0]] * len(v)), [[1.0, 2.0]] * 2)

    def test_of_batches_with_several_outputs(self):
        rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
        good = lambda f: self.good("batched", self.STRUCT, f, rows)
        xs = lambda v: ["x"] * len(v)
        good(lambda v: {"b": xs(v), "a": v})
        good(lambda v: Pair(v.to_numpy(), xs(v)))
        good(lambda v: pa.RecordBatch.from_arrays([v, pa.array(xs(v))], ["a", "b"]))
        good(lambda v: pa.table({"b": xs(v), "a": v}))
        good(lambda v: [Pair(one, "x") for one in v.to_pylist()])
        good(lambda v: pa.array([{"b": "x", "a": one} for one in v.to_pylist()]))

    def test_of_rows(self):
        good = lambda output, f, expected: self.good("scalar", output, f, expected)
        good(pa.int64(), lambda v: None if v == 1 else np.int32(2), [None, 2])
        good(pa.float32(), lambda v: v * 0.5, [0.5, 1.0])
        good(self.VECTOR, lambda v: np.ones(2) * v, [[1.0, 1.0], [2.0, 2.0]])
        good(self.STRUCT, lambda v: Pair(v, "x"), [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}])
        good(self.STRUCT, lambda v: {"a": v, "b": None}, [{"a": 1, "b": None}, {"a": 2, "b": None}])
        good(self.STRUCT, lambda v: None, [None, None])

    def test_another_number_of_values_is_no_fault_of_a_row(self):
        # A mean gives the right number for a single row, and a wrong value.
        found, errors = run(lambda v: pa.array([pc.mean(v).as_py()]), "batched", pa.float64(), [1, 2, 3])
        self.assertEqual(found, [None])
        self.assertEqual(errors[0]["code"], "WRONG_LENGTH")
        self.assertIn("'f_1' returned 1 values for a batch of 3 rows", errors[0]["message"])

    def test_what_does_not_fit_batches(self):
        bad = lambda output, f, *texts: self.bad("batched", output, f, *texts)
        bad(pa.int64(), lambda v: None, "returned None")
        bad(pa.int64(), lambda v: 7, "returned a int")
        bad(pa.int64(), lambda v: v.cast(pa.utf8()), "returned string", "int64")
        bad(pa.int64(), lambda v: pc.add(v, 0.5), "truncated")
        bad(pa.int8(), lambda v: pc.multiply(v, 1000), "int8")
        bad(self.VECTOR, lambda v: np.ones((len(v), 3)), "vectors of 3 values")
        bad(self.VECTOR, lambda v: np.ones((len(v), 2, 2)), "shape")
        bad(self.VECTOR, lambda v: [[1.0]] * len(v), "2")
        bad(self.STRUCT, lambda v: {"a": v}, "outputs a, its output type has a, b")
        bad(self.STRUCT, lambda v: {"a": v, "b": ["x"] * 3}, "3 values of 'b'")
        bad(self.STRUCT, lambda v: {"a": v, "b": v}, "f_1.b", "int64", "string")

    def test_what_does_not_fit_rows(self):
        bad = lambda output, f, *texts: self.bad("scalar", output, f, *texts)
        bad(pa.int64(), lambda v: "x", "returned string", "int64")
        bad(pa.int64(), lambda v: np.float64(1.5), "float64", "int64")
        bad(pa.utf8(), lambda v: 1, "returned a int", "string")
        bad(self.VECTOR, lambda v: [1.0], "returned a list")
        bad(self.STRUCT, lambda v: {"a": 1}, "outputs a, its output type has a, b")
        bad(self.STRUCT, lambda v: 1, "NamedTuple or a dict")

    def test_only_the_rows_that_do_not_fit_fail(self):
        values, errors = run(lambda v: v if v % 5 else "x", "scalar", pa.int64(), list(range(1, 11)))
        self.assertEqual(list(errors), [4, 9])
        self.assertEqual(values, [1, 2, 3, 4, None, 6, 7, 8, 9, None])
        values, errors = run(
            lambda v: v if v % 5 else "x",
            "scalar",
            pa.int64(),
            list(range(1, 11)),
            on_error="fail",
        )
        self.assertEqual((values, list(errors)), ([1, 2, 3, 4, None], [4]))


class TestRetry(unittest.TestCase):
    def test_failures_that_match_are_tried_again(self):
        for style in ("scalar", "batched"):
            for threads in (1, 2):
                with self.subTest(style=style, threads=threads):
                    COUNTED.clear()
                    values, errors = run(
                        _flaky,
                        style,
                        pa.int64(),
                        [1],
                        retry={"times": 3, "backoff_ms": 1, "message": "ResetError: .*rese."},
                        threads=threads,
                    )
                    self.assertEqual((values, errors), ([1], {}))
                    self.assertEqual(len(COUNTED), 3)

    def test_the_attempts_are_told_and_others_are_not_tried_again(self):
        for retry, attempts in (
            ({"times": 1, "backoff_ms": 0, "message": None}, 2),
            ({"times": 5, "backoff_ms": 0, "message": "^ValueError"}, 1),
            ({"times": 5, "backoff_ms": 0, "message": "^other"}, 1),
        ):
            for style in ("scalar", "batched"):
                with self.subTest(style=style, retry=retry):
                    COUNTED.clear()
                    values, errors = run(_flaky, style, pa.int64(), [1], retry=retry)
                    self.assertEqual(values, [None])
                    self.assertEqual(errors[0]["attempt"], attempts)
                    self.assertEqual(errors[0]["type"], "ConnectionResetError")


def _flaky(v):
    import test_worker

    test_worker.COUNTED.append(1)
    if len(test_worker.COUNTED) < 3:
        raise ConnectionResetError("connection reset")
    return v


class TestTimeouts(unittest.TestCase):
    def test_only_the_slow_rows_fail(self):
        def row(v):
            try:
                if v == 5:
                    time.sleep(30)
            except Exception:
                pass  # As functions do; the timer gets through.
            return v

        def batch(v):
            if 5 in v.to_pylist():
                time.sleep(30)
            return v

        for style, function in (("scalar", row), ("batched", batch)):
            for threads in (1, 3):
                with self.subTest(style=style, threads=threads):
                    begin = time.monotonic()
                    values, errors = run(
                        function,
                        style,
                        pa.int64(),
                        list(range(8)),
                        row_timeout_ms=60,
                        batch_size=8,
                        threads=threads,
                    )
                    self.assertEqual(values, [0, 1, 2, 3, 4, None, 6, 7])
                    self.assertEqual(errors[5]["code"], "ROW_TIMEOUT")
                    self.assertIn("row_timeout, 60 ms", errors[5]["message"])
                    self.assertLess(time.monotonic() - begin, 10)

    def test_a_slow_batch_of_fast_rows_is_only_cut(self):
        def f(v):
            time.sleep(0.01 * len(v))
            return v

        values, errors = run(
            f, "batched", pa.int64(), list(range(32)), row_timeout_ms=150, batch_size=32
        )
        self.assertEqual((values, errors), (list(range(32)), {}))

    def test_a_thread_that_hangs_gives_up_its_instance(self):
        class Hangs:
            def setup(self):
                import test_worker

                test_worker.COUNTED.append(self)

            def __call__(self, v):
                time.sleep(5 if v == 1 else 0.06)
                return v

        COUNTED.clear()
        values, errors = run(
            Hangs(),
            "scalar",
            pa.int64(),
            [0, 1, 2, 3, 4, 5, 6, 7],
            row_timeout_ms=100,
            threads=2,
            thread_safe=False,
        )
        self.assertEqual(values, [0, None, 2, 3, 4, 5, 6, 7])
        self.assertEqual(len(set(map(id, COUNTED))), 3)


class TestThreads(unittest.TestCase):
    def test_slow_rows_overlap_and_keep_their_order(self):
        def f(v):
            time.sleep(0.02)
            return v

        for style, size in (("scalar", 0), ("batched", 1)):
            with self.subTest(style=style):
                begin = time.monotonic()
                values, _ = run(
                    f, style, pa.int64(), list(range(64)), threads=8, batch_size=size
                )
                self.assertEqual(values, list(range(64)))
                self.assertLess(time.monotonic() - begin, 64 * 0.02 / 4)

    def test_instances(self):
        for thread_safe, loads in ((True, 1), (False, 4)):
            with self.subTest(thread_safe=thread_safe):
                COUNTED.clear()

                class Model:
                    safe = thread_safe

                    def setup(self):
                        import test_worker

                        test_worker.COUNTED.append(self)

                    def __call__(self, v):
                        time.sleep(0.01)
                        return v

                run(
                    Model(),
                    "scalar",
                    pa.int64(),
                    list(range(40)),
                    threads=4,
                    thread_safe=thread_safe,
                )
                self.assertEqual(len(COUNTED), loads)


class Model:
    def setup(self):
        import test_worker

        test_worker.COUNTED.append(threading.current_thread())
        self.factor = 3

    def __call__(self, v):
        if v == 2:
            raise ValueError
        return v * self.factor


class TestLoading(unittest.TestCase):
    def test_a_model_is_loaded_once_for_all_tasks_and_stays_after_failures(self):
        COUNTED.clear()
        asked = spec(Model(), "scalar", pa.int64())
        for _ in range(3):
            batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3])], ["v"])
            found = list(worker.start(asked)(iter([batch, batch])))
            self.assertEqual(found[2].column(0).to_pylist(), [3, None, 9])
        self.assertEqual(len(COUNTED), 1)

    def fault(self, asked):
        with self.assertRaises(worker.WorkerFault) as raised:
            list(worker.start(json.dumps(asked))(iter([])))
        text = str(raised.exception)
        self.assertTrue(text.startswith("LANCE_BACKFILL_FAULT:"), text)
        self.assertNotIn("\n", text)
        told = json.loads(text[len("LANCE_BACKFILL_FAULT:") :])
        return told["code"], told["message"]

    def test_what_cannot_be_loaded(self):
        class Broken:
            def setup(self):
                raise OSError("no weights")

            def __call__(self, v):
                return v

        code, message = self.fault(json.loads(spec(Broken(), "scalar", pa.int64())))
        self.assertEqual(code, "FUNCTION_NOT_LOADED")
        self.assertIn("failed in setup(): OSError: no weights", message)

        missing = json.loads(spec(of_row, "scalar", pa.int64()))
        missing["body"] += "-missing"
        self.assertIn("cannot be read", self.fault(missing)[1])

        other = json.loads(spec(lambda v: "other bytes", "scalar", pa.int64()))
        other["hash"] = "0" * 64
        self.assertIn("have the hash", self.fault(other)[1])

        module = json.loads(spec(lambda v: v, "scalar", pa.int64()))
        with open(module["body"], "wb") as file:
            file.write(b"cno_such_module\nf\n.")
        module["hash"] = hashlib.sha256(b"cno_such_module\nf\n.").hexdigest()
        code, message = self.fault(module)
        self.assertEqual(code, "FUNCTION_NOT_LOADED")
        self.assertIn("No module named 'no_such_module'", message)

    def test_another_environment_is_told_with_both_versions(self):
        asked = json.loads(
            spec(
                lambda v: "environment",
                "scalar",
                pa.int64(),
                environment={
                    "python": "3.1.4",
                    "packages": {"pyarrow": "0.1", "no-such-package": "1.0"},
                },
            )
        )
        code, message = self.fault(asked)
        self.assertEqual(code, "ENVIRONMENT_MISMATCH")
        for text in (
            "Python 3.1.4 there, 3.",
            "pyarrow 0.1 there, %s here" % pa.__version__,
            "no-such-package 1.0 there, missing here",
            "PYSPARK_PYTHON",
        ):
            self.assertIn(text, message)


if __name__ == "__main__":
    unittest.main()
