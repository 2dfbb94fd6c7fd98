"""What Spark does between the tasks of a worker process, made cheap.

After each task Spark's worker collects garbage among all objects of all modules, and before the next one it
reads the directories of all archives on sys.path anew; Spark's own core jar is one of them. That is a tenth of
a second together, which is most of what many tasks take. What a worker writes at the end of a task waits for
up to 40 ms, until what went before has been acknowledged.
"""

import gc
import os
import socket
import stat
import sys
import zipimport
from typing import Any, Optional, Tuple


def settle() -> None:
    """What is there now is there to stay: to be called when a function has been loaded, and when it has
    first computed rows."""
    gc.collect()
    gc.freeze()
    for finder in list(sys.path_importer_cache.values()):
        if isinstance(finder, zipimport.zipimporter) and hasattr(finder, "invalidate_caches"):
            _read_again_if_changed(finder)


def answer_at_once() -> None:
    """Has this process's TCP connections, of which Spark's is one, send what is small at once. To be called
    before any of the function's code runs, which may have connections of its own."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for name in os.listdir(folder):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            continue  # The listing's own descriptor, closed by now; or no TCP.


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
