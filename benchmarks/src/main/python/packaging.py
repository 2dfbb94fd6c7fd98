"""How long a manifest takes to package: at first, with nothing changed, with one file changed.

    target/python/bin/python benchmarks/src/main/python/packaging.py --files 20000 --bytes 1073741824

Needs a built repository (backfill-job/target/dist). The workspace is one Python package of random bytes, in folders of
a hundred files; catalog and cache are fresh in each round. Prints medians of seconds, and of the first the ratio.
"""

import argparse
import glob
import os
import shutil
import statistics
import sys
import tempfile
import time

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4))
DIST = os.path.join(REPOSITORY, "backfill-job", "target", "dist")
sys.path[:0] = glob.glob(os.path.join(DIST, "*-bundle.jar"))[:1]

from lance_backfill import connect


def workspace(folder, files, size):
    for i in range(files):
        inner = os.path.join(folder, "part_%03d" % (i // 100))
        if i % 100 == 0:
            os.makedirs(inner)
        with open(os.path.join(inner, "module_%d.py" % i), "wb") as file:
            file.write(os.urandom(size // files))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--files", type=int, default=20_000)
    arguments.add_argument("--bytes", type=int, default=1 << 30)
    given = arguments.parse_args()
    root = tempfile.mkdtemp()
    seconds = {}
    try:
        code = os.path.join(root, "code")
        workspace(code, given.files, given.bytes)
        time.sleep(3)  # what has just been written is not taken for unchanged
        cache = os.path.join(root, "cache")
        os.environ["PYSPARK_SUBMIT_ARGS"] = (
            "--master local[2] --conf spark.lancebackfill.environments.cache=%s pyspark-shell" % cache
        )  # read once, by the JVM that all rounds share
        for i in range(given.rounds):
            db = connect(os.path.join(root, "tables%d" % i), jars=DIST)
            db.manifests()  # the session is warm

            def define(step):
                began = time.time()
                told = db.define_manifest({"name": "m", "py_modules": [code]})
                seconds.setdefault(step, []).append(time.time() - began)
                return told

            first = define("first")
            same = define("nothing changed")
            with open(os.path.join(code, "analysis_%d.ipynb" % i), "w") as file:
                file.write("{}")
            notebook = define("a notebook more")
            with open(os.path.join(code, "part_000", "module_7.py"), "ab") as file:
                file.write(b"#")
            changed = define("one file changed")
            assert same["hash"] == first["hash"] == notebook["hash"] != changed["hash"]
            db.spark.stop()
            shutil.rmtree(os.path.join(root, "tables%d" % i))
            shutil.rmtree(cache)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    first = statistics.median(seconds["first"])
    print("\n%d files, %d MiB, %d rounds\n" % (given.files, given.bytes >> 20, given.rounds))
    print("| call | s, median (min to max) | of the first |\n|---|---|---|")
    for step, all in seconds.items():
        median = statistics.median(all)
        print("| %s | %.2f (%.2f to %.2f) | %.1f %% |" % (step, median, min(all), max(all), 100 * median / first))


main()
