"""Makes the Python environment of the tests and the quick start: python_env.py FOLDER

Needs nothing but Python 3.10 or newer with venv and pip. Does nothing if the folder already holds what
python-requirements.txt says. FOLDER/spark is a link to PySpark's folder, which is a whole Spark.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("python-requirements.txt")


def main(folder: Path) -> None:
    if sys.version_info < (3, 10):
        sys.exit(f"Python 3.10 or newer is needed, and python3 is {sys.version.split()[0]}: put a newer one first on PATH.")
    wanted = hashlib.sha256(f"{folder}\n{sys.version}\n".encode() + REQUIREMENTS.read_bytes()).hexdigest()
    stamp = folder / "requirements.sha256"
    if is_made(stamp, wanted):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Modules that are built in parallel share the folder.
        if not is_made(stamp, wanted):
            make(folder)
            stamp.write_text(wanted, encoding="utf-8")


def is_made(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def make(folder: Path) -> None:
    print("Making the Python environment of the tests (once; a minute after its downloads)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(folder)], "Debian and Ubuntu have it in the package python3-venv.")
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    run([*pip, "--requirement", str(REQUIREMENTS)], "Look at pip's message above, and at the settings of pip here.")
    where = "import importlib.util as u; print(u.find_spec('pyspark').submodule_search_locations[0])"
    spark = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    (folder / "spark").symlink_to(spark)


def run(command: list[str], remedy: str) -> None:
    status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        sys.exit(f"'{' '.join(command)}' ended with {status}. {remedy}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
