"""Which modules count by their name: those of Python and of installed packages."""

import functools
import importlib.util
import os
import re
import sys
import sysconfig


def _library_folders():
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(os.path.realpath(folder) + os.sep for folder in folders)


_LIBRARY_FOLDERS = _library_folders()
_PACKAGE_FOLDER = re.compile(r"[\\/](site|dist)-packages[\\/]")
_SPARK_PACKAGES = ("pyspark", "py4j", "lance_backfill")


@functools.lru_cache(maxsize=None)
def is_library(module_name):
    """Whether a module is known by its name: of Python, or installed as a package."""
    if not module_name or module_name in ("__main__", "__mp_main__"):
        return False
    top = module_name.split(".", 1)[0]
    if top in sys.builtin_module_names or top in _SPARK_PACKAGES:
        return True
    module = sys.modules.get(module_name)
    if module is None:
        # Pickled by value: the module need not exist here.
        return False
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.origin in ("built-in", "frozen"):
        return True
    return is_library_file(getattr(module, "__file__", None))


def is_library_file(file):
    if file is None:
        return False
    if file in ("built-in", "frozen"):
        return True
    path = os.path.realpath(file)
    return bool(_PACKAGE_FOLDER.search(path)) or path.startswith(_LIBRARY_FOLDERS)


def is_own_module(name):
    """Whether a module is the user's own; it is imported then, as the function would do."""
    try:
        spec = importlib.util.find_spec(name.split(".", 1)[0])
        if spec is None or is_library_file(spec.origin):
            return False
        importlib.import_module(name)
    except (ImportError, ValueError):
        return False
    return not is_library(name)


def is_importable(value):
    """Whether a module holds this very object under its name."""
    found = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value
