"""Specs of clusters and manifests on their way to the call."""

import datetime
import json
import os
import pathlib
import tempfile
import unittest

from lance_backfill import BackfillError
from lance_backfill.client.definitions import Definitions


class Session:
    """A classic session; what is called is kept."""

    spark = object()

    def rows(self, procedure, arguments):
        self.called = (procedure, arguments)
        return [{}]

    table = rows


class RemoteSession(Session):
    spark = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()


class DefinitionsTest(unittest.TestCase):
    def setUp(self):
        self.definitions = Definitions()
        self.definitions._calls = Session()
        self.before = os.getcwd()
        self.folder = os.path.realpath(tempfile.mkdtemp())
        os.chdir(self.folder)
        self.addCleanup(os.rmdir, self.folder)
        self.addCleanup(os.chdir, self.before)

    def defined(self, spec, **options):
        self.definitions.define_manifest(spec, **options)
        procedure, arguments = self.definitions._calls.called
        self.assertEqual("define_manifest", procedure)
        return {**arguments, "spec": json.loads(arguments["spec"])}

    def test_relative_paths_begin_at_this_process_working_folder(self):
        spec = {"name": "m", "pip": ["numpy"], "requirements": "r.txt", "paths": [pathlib.Path("src"), "../a", "/b"]}
        found = self.defined(spec, local_zip_output_dir="zips", delete_local_zips=True)
        parent = os.path.dirname(self.folder)
        self.assertEqual(
            {
                "name": "m",
                "pip": ["numpy"],
                "requirements": self.folder + "/r.txt",
                "paths": [self.folder + "/src", parent + "/a", "/b"],
            },
            found["spec"],
        )
        self.assertEqual(self.folder + "/zips", found["local_zip_output_dir"])
        self.assertEqual([True, None], [found["delete_local_zips"], found["skip_site_packages"]])
        self.assertEqual([pathlib.Path("src"), "../a", "/b"], spec["paths"])

    def test_home_is_this_users(self):
        self.assertEqual([os.path.expanduser("~/src")], self.defined({"paths": ["~/src"]})["spec"]["paths"])

    def test_what_is_no_path_of_this_machine_is_left_to_the_checks(self):
        given = {"name": "m", "requirements": "s3://bucket/r.txt", "paths": ["", 3], "py_modules": None}
        self.assertEqual(given, self.defined(given)["spec"])

    def test_those_of_another_machine_stay(self):
        self.definitions._calls = RemoteSession()
        found = self.defined({"paths": ["src"]}, local_zip_output_dir=pathlib.Path("zips"))
        self.assertEqual([["src"], "zips"], [found["spec"]["paths"], found["local_zip_output_dir"]])

    def test_durations_are_seconds(self):
        group = {"name": "g", "idle_timeout_seconds": datetime.timedelta(minutes=2)}
        self.definitions.define_cluster({"name": "c", "worker_groups": [group]})
        found = json.loads(self.definitions._calls.called[1]["spec"])
        self.assertEqual(120, found["worker_groups"][0]["idle_timeout_seconds"])

    def test_what_no_document_can_say_is_refused(self):
        circle = {}
        circle["name"] = circle
        for spec in ({"name": {1, 2}}, {("a", "b"): 1}, circle, object()):
            with self.assertRaises(BackfillError) as raised:
                self.definitions.define_cluster(spec)
            self.assertEqual("INVALID_ARGUMENT", raised.exception.code)
            self.assertIn("define_cluster takes a spec of texts", raised.exception.problem)

    def test_executors_to_keep_are_ids(self):
        self.definitions.release_executors(["2", "1"])
        self.assertEqual(("release_executors", {"keep": "1,2"}), self.definitions._calls.called)
        with self.assertRaises(BackfillError):
            self.definitions.release_executors([1])


if __name__ == "__main__":
    unittest.main()
