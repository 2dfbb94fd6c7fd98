"""The environment of a manifest, for what does not run in a job: previews and replays."""

import contextlib
import os
import sys
from typing import Any, Dict, Iterator, Mapping, Optional

from ..errors import BackfillError
from .calls import Calls

_SETTING = "spark.lancebackfill.manifest"


def manifest_of(
    calls: Calls, entered: Mapping[str, Any], options: Mapping[str, Any]
) -> Optional[str]:
    """The manifest that a backfill would have: of a context, the column or function, or the session."""
    named = entered.get("manifest") or options.get("manifest") or calls.spark.conf.get(_SETTING, None)
    return str(named) if named else None


def variables(calls: Calls, manifest: Optional[str], what: str) -> Dict[str, str]:
    """The variables of a Python that runs in the manifest on this machine, where it is installed now.

    Raises BackfillError MANIFEST_NOT_HERE if the Python that computes is not on this machine for certain.
    """
    if manifest is None:
        return {}
    context = None if "connect" in type(calls.spark).__module__ else calls.spark.sparkContext
    if context is None or (what == "preview" and not context.master.startswith("local")):
        raise BackfillError(
            "MANIFEST_NOT_HERE",
            "Manifest '%s' is for the workers of jobs, and %s cannot run in it: %s."
            % (
                manifest,
                what,
                "the session is one of Spark Connect"
                if context is None
                else "its workers are those of %s" % context.master,
            ),
            "Do it in a local session, connect(location), or backfill a few rows with where or max_fragments.",
        )
    rows = calls.rows("manifest_variables", {"name": manifest})
    return {row["variable"]: row["value"] for row in rows}


@contextlib.contextmanager
def of_workers(frame: Any, values: Mapping[str, str]) -> Iterator[None]:
    """Functions that become part of a query meanwhile run in workers of their own, with these variables."""
    if not values:
        yield
        return
    environment = frame.sparkSession.sparkContext.environment
    before = dict(environment)
    environment.update(values)
    try:
        yield
    finally:
        environment.clear()
        environment.update(before)


@contextlib.contextmanager
def of_process(values: Mapping[str, str]) -> Iterator[None]:
    """This process has the variables, and its imports find the manifest's modules first. Modules that are
    imported meanwhile stay."""
    path, before = list(sys.path), dict(os.environ)
    added = values.get("PYTHONPATH", "")
    sys.path[:0] = added.split(os.pathsep) if added else []
    os.environ.update({name: value for name, value in values.items() if name != "PYTHONPATH"})
    try:
        yield
    finally:
        sys.path[:] = path
        for name in values:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
