"""Makes a stock Spark of another release for the tests: spark_release.py FOLDER VERSION

Takes it from PyPI, whose pyspark is a whole Spark, but only what runs programs: FOLDER/VERSION/bin, jars and python. The
environment that runs this stays as it is. Does nothing if the release is there already.
"""

import fcntl
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# In the archive, and in Spark's home.
PARTS = {"deps/bin": "bin", "deps/jars": "jars", "lib": "python/lib"}


def main(folder: Path, version: str) -> None:
    home = folder / version
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / (version + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two builds may share the folder.
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                unpack(download(Path(work), version), Path(work) / "home", "pyspark-" + version)
                # Last, so that a release is there wholly or not at all.
                (Path(work) / "home").rename(home)


def download(folder: Path, version: str) -> Path:
    print(f"Fetching Spark {version} for the tests (once, 320 MB)", flush=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--no-binary", "pyspark", "--dest", str(folder), "pyspark==" + version]
    status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        sys.exit(f"'{' '.join(command)}' ended with {status}. Look at pip's message above, and at the settings of pip here.")
    return next(folder.glob("pyspark-*.tar.gz"))


def unpack(archive: Path, home: Path, root: str) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            for source, target in PARTS.items():
                prefix = f"{root}/{source}/"
                if member.isfile() and member.name.startswith(prefix):
                    file = home / target / member.name[len(prefix) :]
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with tar.extractfile(member) as content, open(file, "wb") as copy:
                        shutil.copyfileobj(content, copy)
                    file.chmod(member.mode)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2])
