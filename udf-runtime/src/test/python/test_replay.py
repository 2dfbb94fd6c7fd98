import unittest

import pyarrow as pa
from pyspark.sql import Row

from lance_backfill import BackfillError
from lance_backfill.client import calls, replay


class TestErrors(unittest.TestCase):
    def test_an_error_is_a_row_in_any_form(self):
        error = {"column": "c", "row_address": 7, "code": "X"}
        for form in (error, Row(**error), pa.Table.from_pylist([error])):
            self.assertEqual(replay._told(form), error)
        for form in (7, None, {"column": "c"}, pa.Table.from_pylist([error, error])):
            with self.assertRaises(BackfillError) as raised:
                replay._told(form)
            self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")

    def test_messages_of_one_kind(self):
        def kind(message, code="FUNCTION_RAISED"):
            return replay._kind({"code": code, "message": message})

        self.assertEqual(kind("ValueError: seven 7"), kind("ValueError: seven 14\nmore"))
        self.assertEqual(kind("KeyError: 'a b'"), kind("KeyError: 'c'"))
        self.assertEqual(kind("E: took 1.5 s"), kind("E: took 12 s"))
        self.assertNotEqual(kind("ValueError: seven 7"), kind("TypeError: seven 7"))
        self.assertNotEqual(kind("E: x"), kind("E: x", "INVALID_OUTPUT"))
        self.assertEqual(kind(None), kind(""))

    def test_the_columns_of_a_call(self):
        self.assertEqual(calls.function_call("Embed_1a(`a b`, `c``d`)"), ("Embed_1a", ["a b", "c`d"]))
        self.assertEqual(calls.function_call(" embed ( caption , `x` ) "), ("embed", ["caption", "x"]))
        self.assertEqual(calls.function_call(""), ("", []))


class TestNeighbours(unittest.TestCase):
    def of(self, offset, **options):
        case = replay._Case.__new__(replay._Case)
        case.offset, case.options = offset, options
        return case.neighbours()

    def test_batches_begin_anew_where_the_input_is_cut(self):
        self.assertEqual(self.of(70, batch_size="64")[:2], (64, 127))
        self.assertEqual(self.of(4095, batch_size="100")[:2], (4000, 4095))
        self.assertEqual(self.of(4096, batch_size="100")[:2], (4096, 4195))

    def test_what_is_not_known_is_said(self):
        self.assertIn("batch_size 64", self.of(70, batch_size="64")[2])
        self.assertIn("'auto'", self.of(70)[2])
        self.assertIn("'auto'", self.of(70, batch_size="64", batch_order="auto")[2])
        self.assertIn("no batch_size", self.of(70, batch_order="row")[2])
        self.assertEqual(self.of(70)[:2], (64, 95))


if __name__ == "__main__":
    unittest.main()
