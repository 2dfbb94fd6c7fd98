"""Tells what the kill cost, from what the killed run and the resumed one left in the work folder: summary.py FOLDER"""

import json
import sys
from pathlib import Path


def main(work: Path) -> None:
    killed = json.loads((work / "killed").read_text())
    result = json.loads((work / "result").read_text())
    texts = int((work / "texts").read_text())
    started = (work / "rows").stat().st_size
    computed = result["rows_computed"]
    kept = texts - computed
    taken_over = result["rows_from_checkpoints"]
    if result["status"] != "DONE" or kept <= 0:
        sys.exit(f"The second run did not go on where the first one stopped: {result}")
    lines = [
        f"killed     the driver (process {killed['driver']}, by SIGKILL) as its model took row {killed['row']:,} of {texts:,}",
        f"kept       {kept:,} rows, which were not computed again: {kept - taken_over:,} were in the table",
    ]
    if taken_over:
        lines.append(f"           already, {taken_over:,} in finished files and checkpoints")
    lines.append(f"computed   {computed:,} rows by the second run, {max(0, started + computed - texts):,} of them anew")
    print("\n".join("  " + line for line in lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
