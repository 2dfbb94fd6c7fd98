"""Options that hold for several calls."""

import unittest

from lance_backfill.client.context import Context, Entered


class ContextTest(unittest.TestCase):
    def setUp(self):
        self.entered = Entered()

    def context(self, **options):
        return Context("database", self.entered, options)

    def test_the_inner_one_wins_and_both_end(self):
        with self.context(cluster="a", concurrency=2) as database:
            self.assertEqual("database", database)
            with self.context(cluster="b"):
                self.assertEqual({"cluster": "b", "concurrency": 2}, self.entered.get())
            self.assertEqual({"cluster": "a", "concurrency": 2}, self.entered.get())
        self.assertEqual({}, self.entered.get())

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
