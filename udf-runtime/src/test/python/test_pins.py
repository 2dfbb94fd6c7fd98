import importlib.metadata
import unittest

import pyarrow as pa
from pyspark.sql.types import LongType, StructField, StructType

from lance_backfill import BackfillError, pins, udf
from lance_backfill.client.functions import prepared
from lance_backfill.errors import Faults
from lance_backfill.worker import WorkerFault
from worker_runs import run


class TestPins(unittest.TestCase):
    def test_names_and_versions(self):
        for text, expected in {
            "torch": ("torch", "*"),
            " torch >= 2.3, <3": ("torch", ">=2.3,<3"),
            "a.b-c==1.*": ("a.b-c", "==1.*"),
            "torch==2.4.1+cu121": ("torch", "==2.4.1+cu121"),
        }.items():
            self.assertEqual(pins.parsed(text), expected)
        for text in ("", "torch 2", "torch=2", "torch~=2.3", "torch>=2.*", "torch>=", "torch,", 3, None):
            self.assertIsNone(pins.parsed(text), text)

    def test_which_versions_fit(self):
        for asked, good, bad in (
            ("*", ["1", "2.0rc1"], []),
            ("1.2.0", ["1.2.0"], ["1.2", "1.2.0+cpu"]),
            ("==1.2", ["1.2", "1.2.0", "1.2.0+cu121"], ["1.2.1", "1.20", "1"]),
            ("==1.2.0+cu121", ["1.2.0+cu121"], ["1.2.0"]),
            ("==1.2.*", ["1.2", "1.2.9"], ["1.20", "1.3", "2"]),
            ("!=1.2.*", ["1.3"], ["1.2.1"]),
            ("!=1.2", ["1.2.1"], ["1.2.0"]),
            (">=1.9,<2", ["1.9", "1.10.3"], ["1.8.9", "2", "2.0.0"]),
            (">1.9", ["1.9.1"], ["1.9", "1.9.0"]),
            ("<=1.9", ["1.9.0", "1.0"], ["1.9.1"]),
        ):
            for found in good:
                self.assertTrue(pins.fits(asked, found), (asked, found))
            for found in bad:
                self.assertFalse(pins.fits(asked, found), (asked, found))

    def test_what_is_pinned_counts_instead_of_what_is_imported(self):
        def packages_of(packages):
            def f(v: int) -> int:
                return pa.scalar(v).as_py()

            faults = Faults()
            schema = StructType([StructField("v", LongType())])
            found = prepared(udf(version="1", packages=packages)(f), schema, faults)
            faults.check()
            return found.environment["packages"]

        here = importlib.metadata.version("pyarrow")
        self.assertEqual(packages_of(None), {"pyarrow": here})
        self.assertEqual(packages_of([]), {})
        self.assertEqual(packages_of(["pyarrow>=14", "numpy"]), {"pyarrow": ">=14", "numpy": "*"})

    def test_a_pin_that_is_none_is_told(self):
        with self.assertRaises(BackfillError) as raised:
            udf(data_type=pa.int64(), packages=["numpy~=1"])(lambda v: v)
        self.assertEqual(raised.exception.code, "INVALID_OPTION")
        self.assertIn("'numpy~=1'", raised.exception.problem)

    def test_workers_look_at_the_pins(self):
        def packages(**versions):
            return {"python": None, "packages": versions}

        values, _ = run(
            lambda v: v, "scalar", pa.int64(), [1], environment=packages(pyarrow=">=1", numpy="*")
        )
        self.assertEqual(values, [1])
        with self.assertRaises(WorkerFault) as raised:
            run(lambda v: v + 1, "scalar", pa.int64(), [1], environment=packages(pyarrow="<1"))
        self.assertEqual(raised.exception.code, "ENVIRONMENT_MISMATCH")
        here = importlib.metadata.version("pyarrow")
        self.assertIn("pyarrow <1 there, %s here" % here, raised.exception.message)


if __name__ == "__main__":
    unittest.main()
