import gc
import importlib
import os
import socket
import sys
import tempfile
import unittest
import zipfile

import pyarrow as pa

from lance_backfill.worker.reuse import answer_at_once, settle
from worker_runs import run

BROUGHT = []


class TestReuse(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.archive = os.path.join(self.folder.name, "modules.zip")
        self.pack("early")
        sys.path.append(self.archive)
        importlib.import_module("early_in_archive")

    def tearDown(self):
        gc.unfreeze()
        sys.path.remove(self.archive)
        sys.path_importer_cache.pop(self.archive, None)
        for name in ("early", "late"):
            sys.modules.pop(name + "_in_archive", None)
        self.folder.cleanup()

    def pack(self, *names):
        with zipfile.ZipFile(self.archive, "w") as file:
            for name in names:
                file.writestr(name + "_in_archive.py", "NAME = %r" % name)

    def directory(self):
        # A dict of zipimport's own, made anew whenever the archive is read.
        return vars(sys.path_importer_cache[self.archive]).get("_files")

    def test_an_archive_that_stays_as_it_is_is_not_read_again(self):
        settle()
        before = self.directory()
        importlib.invalidate_caches()
        self.assertIs(before, self.directory())

    def test_an_archive_that_changed_is_read_again(self):
        settle()
        self.pack("early", "late")
        importlib.invalidate_caches()
        self.assertEqual("late", importlib.import_module("late_in_archive").NAME)

    def test_an_archive_that_is_gone_is_no_fault(self):
        settle()
        os.remove(self.archive)
        importlib.invalidate_caches()
        with self.assertRaises(ImportError):
            importlib.import_module("never_in_archive")

    def test_what_is_loaded_is_not_looked_at_by_every_collection(self):
        settle()
        self.assertGreater(gc.get_freeze_count(), 1000)
        self.assertLess(len(gc.get_objects()), 1000)

    def test_what_a_function_brings_when_it_is_first_called_is_there_to_stay(self):
        def grows(v):
            import test_reuse

            if not test_reuse.BROUGHT:
                test_reuse.BROUGHT.extend([i] for i in range(10_000))
            return v

        import test_reuse

        brought = test_reuse.BROUGHT
        run(grows, "scalar", pa.int64(), [1])
        self.assertEqual(10_000, len(brought))
        self.assertLess(len(gc.get_objects()), 5000)

    def test_tcp_connections_send_what_is_small_at_once(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as connection:
                asked = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
                self.assertFalse(connection.getsockopt(*asked))
                answer_at_once()
                self.assertTrue(connection.getsockopt(*asked))

    def test_garbage_that_comes_later_is_collected(self):
        settle()

        class Node:
            pass

        node = Node()
        node.itself = node
        del node
        self.assertGreater(gc.collect(), 0)


if __name__ == "__main__":
    unittest.main()
