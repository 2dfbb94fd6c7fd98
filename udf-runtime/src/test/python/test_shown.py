import html.parser
import re
import threading
import unittest

import pyarrow as pa
from pyspark.sql.types import LongType, StringType, StructField, StructType

from lance_backfill import BackfillError, BackfillResult
from lance_backfill.client import shown
from lance_backfill.client.connection import Database
from lance_backfill.client.job import BackfillJob, Progress
from lance_backfill.client.table import Table

EVIL = "<script>alert('x')</script>&"


class Balance(html.parser.HTMLParser):
    """Text of a page; fails where a tag is not closed, and knows no script."""

    def __init__(self, page):
        super().__init__()
        self.open, self.words = [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "b", "table", "thead", "tbody", "tr", "th", "td", "span"), tag
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


class Rows:
    def __init__(self, rows):
        self.rows = rows

    def collect(self):
        return self.rows


class Session:
    """What the client asks of a session, for one table."""

    def __init__(self, schema=None):
        self.schema_ = schema

    def table(self, name):
        if self.schema_ is None:
            raise BackfillError("TABLE_OR_VIEW_NOT_FOUND", "There is no %s." % name, "Look.")
        frame = Rows([])
        frame.schema = self.schema_
        return frame

    def sql(self, text):
        assert text.startswith("SHOW TABLES IN `lance`."), text
        return Rows([{"tableName": "images"}, {"tableName": EVIL}])


class Reports:
    """Gives what the procedures would."""

    catalog = "lance"

    def __init__(self, spark=None, tables=None, events=None):
        self.spark = spark
        self.tables = tables or {}
        self.events = events

    def table(self, procedure, arguments):
        return self.tables[procedure]

    def rows(self, procedure, arguments):
        if self.events is None:
            raise BackfillError("JOB_NOT_FOUND", "None.", "Wait.")
        return self.events


SCHEMA = StructType(
    [
        StructField("id", LongType()),
        StructField(EVIL, StringType()),
        StructField("count", LongType(), True, {"computed_column.expression": "len(%s)" % EVIL}),
    ]
)


def table(**reports):
    return Table(Reports(Session(SCHEMA), reports), "default.images", None)


class TestShown(unittest.TestCase):
    def check(self, page):
        self.assertNotIn("<script", page)
        # Neither light nor dark: no colour of text, no background but in bars.
        self.assertIsNone(re.search(r"[;\"]color:", page))
        self.assertEqual(page.count("background"), page.count("display:inline-block"))
        self.assertLess(len(page), 40_000)
        return Balance(page).text

    def test_a_table_shows_its_columns_and_what_computes_them(self):
        text = self.check(table()._repr_html_())
        self.assertIn("lance.default.images", text)
        self.assertIn("bigint", text)
        self.assertIn("len(%s)" % EVIL, text)

    def test_a_table_that_is_gone_says_so(self):
        text = self.check(Table(Reports(Session()), "default.gone", None)._repr_html_())
        self.assertIn("[TABLE_OR_VIEW_NOT_FOUND] There is no `lance`.`default`.`gone`.", text)

    def test_a_database_shows_and_completes_its_tables(self):
        database = Database(Session(SCHEMA), "lance")
        self.assertIn("images", self.check(database._repr_html_()))
        self.assertEqual(database._ipython_key_completions_(), sorted(["images", EVIL]))
        self.assertEqual(list(database), sorted(["images", EVIL]))
        self.assertEqual(database["images"].name, "default.images")

    def test_columns_are_completed_as_attributes_and_keys(self):
        columns = table().columns
        self.assertEqual(dir(columns), ["count", "id"])
        self.assertEqual(columns._ipython_key_completions_(), ["id", EVIL, "count"])
        self.assertEqual((columns.count, columns["id"], columns[EVIL]), ("count", "id", EVIL))
        self.assertEqual((len(columns), "id" in columns, "no" in columns), (3, True, False))
        with self.assertRaisesRegex(AttributeError, "no column 'cuont'. Did you mean 'count'"):
            columns.cuont
        with self.assertRaisesRegex(KeyError, "no column 'zzz'. There are: id, "):
            columns["zzz"]
        self.assertFalse(hasattr(columns, "__array__"))

    def test_ipython_completes_them(self):
        from IPython.core.completer import provisionalcompleter
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance()
        self.addCleanup(InteractiveShell.clear_instance)
        shell.user_ns.update(t=table(), db=Database(Session(SCHEMA), "lance"))
        for jedi in (True, False):
            shell.Completer.use_jedi = jedi
            for text, name in (("t.columns.co", "count"), ("t.columns['co", "count"), ("db['im", "images")):
                with self.subTest(text, jedi=jedi), provisionalcompleter():
                    found = [one.text for one in shell.Completer.completions(text, len(text))]
                    self.assertTrue([one for one in found if name in one], found)

    def test_coverage_is_arrow_with_a_look(self):
        plain = pa.table(
            {
                "fragment_id": range(200),
                "rows": [10] * 200,
                "fresh": [6] * 200,
                "stale": [4] * 200,
                "failed": [0] * 200,
                "function_version": [EVIL] * 200,
            }
        )
        found = table(coverage=plain).coverage("count")
        self.assertIsInstance(found, pa.Table)
        self.assertTrue(found.equals(plain))
        text = self.check(shown.of_arrow(found))
        self.assertIn("Coverage of 200 fragments", text)
        self.assertIn("1,200 fresh (60.0 %), 800 stale (40.0 %)", text)
        self.assertIn("150 more rows", text)
        self.assertNotIn("failed (", text)
        self.assertIn("no rows", self.check(shown.of_arrow(found.slice(0, 0))))

    def test_ipython_shows_reports_and_leaves_other_tables_alone(self):
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance()
        self.addCleanup(InteractiveShell.clear_instance)
        plain = pa.table({"job_id": ["a"], "status": [EVIL], "rows_failed": [None], "commits": [1]})
        found = table(jobs=plain).jobs()
        shown_, _ = shell.display_formatter.format(found)
        text = self.check(shown_["text/html"])
        self.assertIn("1 jobs", text)
        self.assertIn("NULL", text)
        self.assertNotIn("commits", text)
        self.assertNotIn("text/html", shell.display_formatter.format(plain)[0])

        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(pa.Table, lambda one: "the user's")
        found = table(jobs=plain).jobs()
        self.assertEqual(shell.display_formatter.format(found)[0]["text/html"], "the user's")

    def test_a_result_shows_its_counts(self):
        result = BackfillResult(
            "job-1", "DONE_WITH_ERRORS", rows_computed=1234567, elapsed_ms=1500, note=EVIL
        )
        text = self.check(result._repr_html_())
        for part in ("DONE_WITH_ERRORS, job job-1", "1,234,567", "1.5", EVIL):
            self.assertIn(part, text)
        self.assertNotIn("attached by", text)

    def test_a_job_shows_how_far_it_is_and_how_it_ended(self):
        event = {
            "status": "RUNNING",
            "rows_planned": 200,
            "rows_computed": 40,
            "rows_from_checkpoints": 10,
            "rows_failed": 5,
            "fragments_planned": 2,
            "fragments_committed": 1,
            "message": EVIL,
            "startup": {"driver": 0.5},
        }
        for end in (BackfillResult("job-1", "DONE", rows_computed=7), BackfillError("A_CODE", EVIL, "Do.")):
            go = threading.Event()

            def run():
                go.wait()
                if isinstance(end, Exception):
                    raise end
                return end

            reports = Reports(Session(SCHEMA))
            job = BackfillJob(reports, "default.images", "job-1", run)
            self.assertIn("STARTING", self.check(job._repr_html_()))
            reports.events = [event]
            text = self.check(job._repr_html_())
            self.assertIn("45 done (22.5 %), 5 failed (2.5 %), 150 to do (75.0 %)", text)
            self.assertIn(EVIL, text)
            self.assertIn("start: driver 0.5", text)
            go.set()
            job._thread.join()
            text = self.check(job._repr_html_())
            self.assertIn("DONE, job" if end is not None and not isinstance(end, Exception) else "FAILED", text)

    def test_long_texts_are_cut_and_whole_in_a_hint(self):
        page = shown.grid(["x"], [["y" * 500], [True], [None]], 3)
        self.assertIn("y" * 79 + "…", self.check(page))
        self.assertIn('title="%s"' % ("y" * 500), page)
        self.assertIn("no rows", self.check(Progress("STARTING")._repr_html_()))


if __name__ == "__main__":
    unittest.main()
