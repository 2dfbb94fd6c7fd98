"""Options that hold for several calls."""

import pathlib
import re
import unittest

import lance_backfill
from lance_backfill import BackfillError
from lance_backfill.client.context import OPTIONS, Context, Entered


class Session:
    """A session with executors; those that come are added to them."""

    def __init__(self):
        self.executors = ["0"]
        self.called = []

    def rows(self, procedure, arguments):
        self.called.append(procedure)
        if procedure in ("clusters", "manifests"):
            return [{"name": name} for name in ("a", "b", "broken")]
        if procedure == "warm_up":
            self.executors += [str(len(self.executors) + i) for i in range(arguments["executors"])]
            if arguments.get("manifest") == "broken":
                raise BackfillError("MANIFEST_NOT_FOUND", "None.", "Define it.")
        if procedure == "release_executors":
            self.executors = [e for e in self.executors if e in arguments["keep"].split(",")]
        return [{"executor": e} for e in self.executors]


class ContextTest(unittest.TestCase):
    def setUp(self):
        self.entered = Entered()
        self.session = Session()

    def context(self, executors=None, on_exit="delete", **options):
        return Context("database", self.session, self.entered, options, executors, on_exit)

    def test_the_inner_one_wins_and_both_end(self):
        with self.context(cluster="a", concurrency=2) as database:
            self.assertEqual("database", database)
            with self.context(cluster="b"):
                self.assertEqual({"cluster": "b", "concurrency": 2}, self.entered.get())
            self.assertEqual({"cluster": "a", "concurrency": 2}, self.entered.get())
        self.assertEqual({}, self.entered.get())

    def test_its_options_are_those_of_backfill(self):
        document = pathlib.Path(lance_backfill.__file__).parents[5] / "docs" / "reference.md"
        names = re.findall(r"^\| `(\w+)` \| `spark\.lancebackfill\.", document.read_text(), re.MULTILINE)
        self.assertEqual(set(names) - {"job_id"}, set(OPTIONS))

    def test_what_no_backfill_takes_is_refused_at_once(self):
        with self.assertRaises(BackfillError) as raised:
            self.context(executors=0, on_exit="leave", clustre="a", job_id="j")
        told = str(raised.exception)
        self.assertIn("on_exit is 'leave'. Give one of delete, ", told)
        self.assertIn("[UNKNOWN_ARGUMENT] context has no argument 'clustre'. Did you mean 'cluster'?", told)
        self.assertIn("[UNKNOWN_ARGUMENT] context has no argument 'job_id'.", told)
        self.assertIn("takes a number of executors, 1 or more, and got 0.", told)
        self.assertEqual([], self.session.called)

    def test_it_ends_with_an_exception(self):
        with self.assertRaises(ZeroDivisionError):
            with self.context(cluster="a"):
                1 / 0
        self.assertEqual({}, self.entered.get())

    def test_cells_that_run_twice_enter_and_exit_once(self):
        context = self.context(cluster="a")
        context.enter()
        context.enter()
        self.assertEqual({"cluster": "a"}, self.entered.get())
        context.exit()
        self.assertEqual({}, self.entered.get())
        context.exit()

    def test_executors_that_came_end_with_it(self):
        with self.context(executors=2, cluster="a"):
            self.assertEqual(["0", "1", "2"], self.session.executors)
        self.assertEqual(["0"], self.session.executors)

    def test_retained_ones_stay(self):
        with self.context(executors=2, on_exit="retain"):
            pass
        self.assertEqual(["0", "1", "2"], self.session.executors)

    def test_they_are_retained_on_failure_of_the_block_or_a_backfill_only(self):
        context = self.context(executors=1, on_exit="retain_on_failure")
        with context:
            pass
        self.assertEqual(["0"], self.session.executors)
        context.enter()
        with self.assertRaises(ZeroDivisionError):
            self.entered.running(lambda: 1 / 0)
        context.exit()
        self.assertEqual(["0", "1"], self.session.executors)
        with self.assertRaises(KeyError):
            with context:
                raise KeyError
        self.assertEqual(["0", "1", "2"], self.session.executors)

    def test_a_context_that_cannot_be_entered_leaves_none(self):
        with self.assertRaises(BackfillError):
            self.context(executors=1, manifest="broken").enter()
        self.assertEqual(["0"], self.session.executors)
        self.assertEqual({}, self.entered.get())

    def test_names_that_nobody_defined_are_told_on_entering(self):
        with self.assertRaises(BackfillError) as raised:
            self.context(cluster="c", manifest="m", executors=1).enter()
        self.assertEqual(
            [
                "[CLUSTER_NOT_FOUND] No cluster 'c' is defined in this catalog. Defined are: a, b, broken."
                " Name one of them, or define it: define_cluster(...).",
                "[MANIFEST_NOT_FOUND] No manifest 'm' is defined in this catalog. Defined are: a, b, broken."
                " Name one of them, or define it: define_manifest(...).",
            ],
            str(raised.exception).split("\n"),
        )
        self.assertEqual(["0"], self.session.executors)
        self.assertEqual({}, self.entered.get())

    def test_an_unknown_mode_is_refused(self):
        with self.assertRaisesRegex(BackfillError, "on_exit is 'keep'"):
            self.context(on_exit="keep")

    def test_a_second_enter_or_exit_provisions_nothing(self):
        context = self.context(executors=1)
        context.enter()
        context.enter()
        context.exit()
        context.exit()
        self.assertEqual(["executors", "warm_up", "release_executors"], self.session.called)

    def test_it_is_seen_by_other_threads(self):
        import threading

        seen = []
        with self.context(cluster="a"):
            thread = threading.Thread(target=lambda: seen.append(self.entered.get()))
            thread.start()
            thread.join()
        self.assertEqual([{"cluster": "a"}], seen)


if __name__ == "__main__":
    unittest.main()
