import random
import time
import unittest

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lance_backfill.worker import lengths, sizes
from worker_runs import batches_of, run

CALLS = []


def _length(v):
    import test_lengths

    test_lengths.CALLS.append(v.to_pylist())
    return pc.cast(pc.utf8_length(v), pa.int64())


def _not_bad(v):
    found = _length(v)
    if any(one is not None and "bad" in one for one in v.to_pylist()):
        raise ValueError("bad")
    return found


def texts(rows, seed=1):
    """Of 37 characters mostly, and some of thousands; every 17th is NULL."""
    numbers = np.random.default_rng(seed).lognormal(np.log(37), 1, rows).astype(int) + 1
    return [None if i % 17 == 3 else "x" * int(n) for i, n in enumerate(numbers)]


def padded(calls):
    return sum(len(call) * max(len(one or "") for one in call) for call in calls)


class TestCallsByLength(unittest.TestCase):
    def setUp(self):
        CALLS.clear()
        sizes._ROW_S.clear()
        sizes._LEARNED.clear()

    def test_values_and_errors_stand_in_their_rows(self):
        values = texts(3000)
        for i in (0, 5, 700, 2999):
            values[i] = "bad" * (i + 1)
        bad = [0, 5, 700, 2999]
        expected = [None if v is None or i in bad else len(v) for i, v in enumerate(values)]
        for style, function in {
            "batched": _not_bad,
            "record_batch": lambda batch: _not_bad(batch.column("v")),
        }.items():
            for size in (0, 1, 64, 4096):
                for threads in (1, 3):
                    with self.subTest(style=style, size=size, threads=threads):
                        found, errors = run(
                            function,
                            style,
                            pa.int64(),
                            pa.array(values),
                            batch_size=size,
                            threads=threads,
                        )
                        self.assertEqual(found, expected)
                        self.assertEqual(sorted(errors), bad)

    def test_every_kind_of_value_finds_its_row(self):
        values = texts(1000)
        for output, make in {
            pa.list_(pa.float32(), 2): lambda n: [n, n + 1.0],
            pa.list_(pa.int32()): lambda n: list(range(n % 5)),
            pa.struct([("a", pa.int64()), ("b", pa.utf8())]): lambda n: {"a": n, "b": str(n)},
            pa.bool_(): lambda n: n % 2 == 0,
        }.items():
            with self.subTest(output=output):
                function = lambda v: [None if x is None else make(len(x)) for x in v.to_pylist()]
                found, errors = run(function, "batched", output, values, batch_size=16)
                self.assertEqual(errors, {})
                self.assertEqual(found, function(pa.array(values)))

    def test_calls_are_of_like_lengths_and_no_larger_than_they_may_be(self):
        values = texts(4000)
        run(_length, "batched", pa.int64(), values, batch_size=64, batch_order="row")
        rows, CALLS[:] = list(CALLS), []
        run(_length, "batched", pa.int64(), values, batch_size=64)
        self.assertLess(padded(CALLS), padded(rows) / 2)
        self.assertLessEqual(max(map(len, CALLS)), 64)
        self.assertLess(len(CALLS), 1.3 * len(rows))
        # None is padded to more than the batches of its window are on average.
        average = padded(rows[1:9]) / 8
        for call in CALLS[1:9]:
            self.assertLessEqual(padded([call]), max(average, len(call[0] or "")) * 1.001)

    def test_a_function_that_is_slow_answers_in_time(self):
        def slow(v):
            time.sleep(0.01 * len(v))
            return v

        given = [pa.RecordBatch.from_arrays([pa.array(texts(200), pa.utf8())], ["v"])]
        found = batches_of(
            slow, "batched", pa.utf8(), given, batch_size=4, checkpoint_interval_ms=400
        )
        answered = [one.num_rows for one in found if one.num_rows]
        self.assertGreater(max(answered), 4)
        self.assertLessEqual(max(answered), 20)

    def test_rows_of_one_length_keep_their_order(self):
        for name, column in {
            "equal": pa.array(["%06d" % i for i in range(2000)]),
            "nearly equal": pa.array([str(10**6 + i) * (9 + i % 2) for i in range(2000)]),
            "numbers": pa.array(range(2000)),
            "vectors": pa.array([[float(i)] * 3 for i in range(2000)], pa.list_(pa.float32(), 3)),
        }.items():
            with self.subTest(name=name):
                CALLS.clear()
                run(_keep, "batched", pa.int64(), column, batch_size=100)
                self.assertEqual([len(call) for call in CALLS], [100] * 20)
                self.assertEqual(sum(CALLS, []), column.to_pylist())

    def test_rows_keep_their_order_if_it_is_asked_for_or_there_is_no_choice(self):
        values = texts(500)
        for options in (
            {"batch_order": "row", "batch_size": 10},
            {"single": True},
            {"batch_size": 1},
            {"batch_size": 500},
        ):
            with self.subTest(options=options):
                CALLS.clear()
                run(_length, "batched", pa.int64(), values, **options)
                self.assertEqual(sum(CALLS, []), values)

    def test_the_first_row_that_fails_ends_the_output(self):
        values = texts(600)
        values[350], values[400] = "bad", "bad" * 1000
        for threads in (1, 3):
            with self.subTest(threads=threads):
                found, errors = run(
                    _not_bad,
                    "batched",
                    pa.int64(),
                    values,
                    batch_size=16,
                    threads=threads,
                    on_error="fail",
                )
                self.assertEqual(found, [v and len(v) for v in values[:350]] + [None])
                self.assertEqual(list(errors), [350])

    def test_another_number_of_values_ends_the_output(self):
        def drops(v):
            return _length(v.filter(pc.fill_null(pc.not_equal(v, "bad"), True)))

        values = texts(600)
        values[100] = "bad"
        found, errors = run(drops, "batched", pa.int64(), values, batch_size=16)
        self.assertEqual([e["code"] for e in errors.values()], ["WRONG_LENGTH"])
        self.assertLessEqual(len(found), 112)

    def test_lengths_of_all_kinds_of_columns(self):
        window = pa.RecordBatch.from_arrays(
            [
                pa.array([7, 8, 9]),
                pa.array(["ä", None, "abc"], pa.large_utf8()),
                pa.array([b"", None, b"1"]),
                pa.array([[1, 2, 3], None, []], pa.large_list(pa.int8())),
            ],
            ["a", "b", "c", "d"],
        )
        self.assertEqual(lengths.of_rows(window).tolist(), [3, 0, 3])
        self.assertEqual(lengths.of_rows(window.slice(2)).tolist(), [3])
        self.assertIsNone(lengths.of_rows(window.select(["a"])))
        vectors = pa.array([[1, 2]], pa.list_(pa.int8(), 2))
        self.assertIsNone(lengths.of_rows(pa.RecordBatch.from_arrays([vectors], ["v"])))

    def test_random_windows(self):
        chance = random.Random(5)
        for _ in range(30):
            rows = chance.randint(1, 900)
            values = [
                chance.choice([None, "", "y" * chance.randint(0, 9), "z" * chance.randint(0, 2000)])
                for _ in range(rows)
            ]
            found, errors = run(
                _length,
                "batched",
                pa.int64(),
                pa.array(values, pa.utf8()),
                batch_size=chance.choice([0, 2, 7, 64]),
                threads=chance.choice([1, 2]),
            )
            self.assertEqual(found, [None if v is None else len(v) for v in values])
            self.assertEqual(errors, {})


def _keep(v):
    import test_lengths

    test_lengths.CALLS.append(v.to_pylist())
    return pa.nulls(len(v), pa.int64())


if __name__ == "__main__":
    unittest.main()
