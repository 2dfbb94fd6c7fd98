import pathlib
import re
import unittest

import lance_backfill
import own_codes
from lance_backfill import BackfillError
from lance_backfill.client.connection import Database
from lance_backfill.client.context import Entered
from lance_backfill.client.table import Table
from lance_backfill.errors import OWN_CODES, Faults, of_spark

JAVA_CODES = "backfill-job/src/main/java/io/lancebackfill/error/BackfillErrorCode.java"


class TestErrors(unittest.TestCase):
    def test_messages_of_java_are_taken_apart(self):
        error = of_spark(
            Exception(
                "SparkRuntimeException: [COLUMN_DROPPED] Column size is gone in version 7. Nothing was "
                "committed. Declare the column again if it is still wanted.\n"
                "Job nightly-1; see job and jobs.\n\tat io.lancebackfill.Job.run(Job.java:3)\n"
            )
        )
        self.assertEqual(error.code, "COLUMN_DROPPED")
        self.assertEqual(error.job_id, "nightly-1")
        self.assertEqual(error.problem, "Column size is gone in version 7. Nothing was committed.")
        self.assertTrue(error.remedy.startswith("Declare the column again"))
        self.assertNotIn("Job.java", str(error))
        self.assertTrue(str(error).startswith("[COLUMN_DROPPED] Column size"))

    def test_what_has_no_code_is_none_of_ours(self):
        self.assertIsNone(of_spark(Exception("Connection refused")))

    def test_faults_come_together(self):
        faults = Faults()
        faults.check()
        faults.add("A_CODE", "One.", "Do this.")
        faults.add("B_CODE", "Two.", "Do that.")
        with self.assertRaises(BackfillError) as raised:
            faults.check()
        self.assertEqual(str(raised.exception), "[A_CODE] One. Do this.\n[B_CODE] Two. Do that.")
        self.assertEqual((raised.exception.code, raised.exception.remedy), ("A_CODE", "Do that."))

    def test_arguments_of_a_wrong_kind_are_told_before_a_session_is_asked(self):
        table = Table(None, "default.t", Entered())
        for call, got in (
            (lambda: table.add_columns("x"), "a dict of columns and what computes them, and got 'x'."),
            (lambda: table.add_columns(["x"]), "got ['x']."),
            (lambda: table.alter_columns("x"), "dicts of 'path' and 'udf', and got 'x'."),
            (lambda: table.backfill(None), "a list of names, and got None."),
            (lambda: table.backfill(["a", 3]), "got ['a', 3]."),
            (lambda: table.drop_columns(7), "got 7."),
            (lambda: table.preview(len, limit=-1), "a limit of 0 or more rows, and got -1."),
            (lambda: table.preview(len, limit="5"), "got '5'."),
            (lambda: Database.open_table(None, None), "the name of a table, and got None."),
            (lambda: table.add_columns("x" * 1000), "got '%s...." % ("x" * 96)),
        ):
            with self.subTest(got=got), self.assertRaises(BackfillError) as raised:
                call()
            self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")
            self.assertTrue(raised.exception.problem.endswith(got), raised.exception.problem)

    def test_each_code_of_the_package_is_documented(self):
        package = pathlib.Path(lance_backfill.__file__).parent
        source = "\n".join(file.read_text() for file in sorted(package.rglob("*.py")))
        raised = set(
            re.findall(
                r"(?:BackfillError|WorkerFault|faults\.add|\.add|_invalid)\(\s*\"([A-Z]+(?:_[A-Z]+)+)\"", source
            )
        )
        java = (package.parents[4] / JAVA_CODES).read_text()
        self.assertGreater(len(raised), 10)
        self.assertLessEqual(set(OWN_CODES), raised)
        unknown = {code for code in raised - set(OWN_CODES) if not re.search(r"\b%s\(" % code, java)}
        self.assertEqual(unknown, set())

    def test_they_say_what_the_document_says(self):
        self.assertEqual([entry[0] for entry in own_codes.entries()], list(OWN_CODES))


if __name__ == "__main__":
    unittest.main()
