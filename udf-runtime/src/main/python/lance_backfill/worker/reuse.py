"""What Spark does between the tasks of a worker process, made cheap.

After each task Spark's worker collects garbage among all objects of all modules, and before the next one it
reads the directories of all archives on sys.path anew; Spark's own core jar is one of them. That is a tenth of
a second together, which is most of what many tasks take.
"""

import gc
import os
import sys
import zipimport
from typing import Any, Optional, Tuple


def settle() -> None:
    """To be called when a function has been loaded: what is there now is there to stay."""
    gc.collect()
    gc.freeze()
    for finder in list(sys.path_importer_cache.values()):
        if isinstance(finder, zipimport.zipimporter) and hasattr(finder, "invalidate_caches"):
            _read_again_if_changed(finder)


def _read_again_if_changed(finder: Any) -> None:
    if "invalidate_caches" in vars(finder):
        return
    read_again = finder.invalidate_caches
    seen = _state(finder.archive)

    def invalidate_caches() -> None:
        nonlocal seen
        now = _state(finder.archive)
        if now is None or now != seen:
            read_again()
            seen = now

    finder.invalidate_caches = invalidate_caches


def _state(archive: str) -> Optional[Tuple[int, int, int]]:
    try:
        stat = os.stat(archive)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
