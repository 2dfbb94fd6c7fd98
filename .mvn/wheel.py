"""Makes the wheel of the package lance_backfill: wheel.py SOURCES VERSION FOLDER

Needs nothing but Python's own library, and no network. The same sources give the same bytes.
"""

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

NAME = "lance_backfill"
LICENSE = Path(__file__).parent.parent / "LICENSE"
METADATA = """\
Metadata-Version: 2.1
Name: lance-backfill
Version: {version}
Summary: Computed columns of Lance tables, filled by Apache Spark
License: Apache-2.0
Requires-Python: >=3.10
Requires-Dist: pyspark>=3.5,<3.6
Requires-Dist: pyarrow>=14
Classifier: Typing :: Typed
"""
WHEEL = """\
Wheel-Version: 1.0
Generator: lance-backfill
Root-Is-Purelib: true
Tag: py3-none-any
"""


def main(sources: Path, version: str, folder: Path) -> None:
    # Maven's word for what comes before a release, and Python's.
    version = version.replace("-SNAPSHOT", ".dev0")
    info = f"{NAME}-{version}.dist-info"
    files = {
        path.relative_to(sources).as_posix(): path.read_bytes()
        for path in sorted((sources / NAME).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/METADATA"] = METADATA.format(version=version).encode()
    files[f"{info}/WHEEL"] = WHEEL.encode()
    files[f"{info}/LICENSE"] = LICENSE.read_bytes()
    record = f"{info}/RECORD"
    lines = [f"{name},{digest(content)},{len(content)}\n" for name, content in files.items()]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{NAME}-{version}-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, content, zipfile.ZIP_DEFLATED)


def digest(content: bytes) -> str:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + hashed.rstrip(b"=").decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
