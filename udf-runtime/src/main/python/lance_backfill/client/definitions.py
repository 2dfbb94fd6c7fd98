"""Clusters and manifests that a catalog keeps the definitions of."""

import datetime
import json
import os
from typing import Any, Dict, Iterable, Mapping, Optional, Union

import pyarrow as pa

from . import given
from .calls import Calls

_PATHS = ("requirements", "py_modules", "paths")


class Definitions:
    """What is called on the definitions of a catalog."""

    _calls: Calls

    def define_cluster(self, spec: Union[str, Mapping[str, Any]]) -> Dict[str, Any]:
        """Keeps the definition of a cluster, in the place of one of its name.

        Args:
            spec: a mapping with the fields of the definition, or its JSON or YAML.

        Returns:
            Its name, type, number of worker_groups, and warnings: known traps, one a line.

        Raises:
            BackfillError: CLUSTER_SPEC_INVALID, with every fault and its place.
        """
        return self._calls.rows("define_cluster", {"spec": _text("define_cluster", spec)})[0]

    def clusters(self) -> pa.Table:
        """The clusters that are defined: name, type, worker_groups, spec, defined_at."""
        return self._calls.table("clusters", {})

    def drop_cluster(self, name: str, if_exists: bool = False) -> None:
        """Forgets a definition; what runs goes on. Raises BackfillError CLUSTER_NOT_FOUND."""
        self._calls.rows("drop_cluster", {"name": name, "if_exists": if_exists})

    def cluster_settings(self, name: str, deploy_mode: str = "client") -> Dict[str, str]:
        """Spark's settings of a session on a cluster, to be given when it starts.

        Args:
            name: of the cluster.
            deploy_mode: 'client', the driver in the process that starts it; 'cluster', in a pod.
        """
        arguments = {"name": name, "deploy_mode": deploy_mode}
        return {row["key"]: row["value"] for row in self._calls.rows("cluster_settings", arguments)}

    def check_cluster(self, name: str, **needs: Any) -> pa.Table:
        """Whether a cluster can run what its definition says, and what a job requests of it.

        Args:
            name: of the cluster.
            needs: of a task and the job: num_cpus, num_gpus, memory, concurrency, worker_group,
                deploy_mode.

        Returns:
            Findings: severity (ERROR, WARNING, INFO), code, problem, cause, remedy. Nothing is started.
        """
        return self._calls.table("check_cluster", {"name": name, **_needs(needs)})

    def diagnose(self, cluster: Optional[str] = None, application: Optional[str] = None) -> pa.Table:
        """Why executors' pods wait, or ended; no rows if all of them run. Columns as check_cluster's."""
        return self._calls.table("diagnose", {"cluster": cluster, "application": application})

    def define_manifest(
        self,
        spec: Union[str, Mapping[str, Any]],
        *,
        skip_site_packages: Optional[bool] = None,
        local_zip_output_dir: Union[str, "os.PathLike[str]", None] = None,
        delete_local_zips: Optional[bool] = None,
    ) -> Dict[str, Any]:
        """Packages what Python workers need installed, and keeps it under the manifest's name.

        Only what changed is packaged and sent again.

        Args:
            spec: a mapping with the fields of the manifest, or its JSON or YAML. Paths are those of the
                driver's machine. Relative ones of a mapping begin at this process's working folder, unless
                the driver is elsewhere (Spark Connect); those of a text where the driver was started.
            skip_site_packages: that workers have the packages already, over what the spec says.
            local_zip_output_dir: a folder that gets the zips of what is packaged, to look at.
            delete_local_zips: whether that folder loses them again once they are uploaded.

        Returns:
            Its name, hash, python, and how many parts, files and bytes it has.

        Raises:
            BackfillError: MANIFEST_INVALID, with every fault and its place.
        """
        if "connect" not in type(self._calls.spark).__module__:
            local_zip_output_dir = _absolute(local_zip_output_dir)
            if isinstance(spec, Mapping):
                spec = {name: _absolute(value) if name in _PATHS else value for name, value in spec.items()}
        arguments = {
            "spec": _text("define_manifest", spec),
            "skip_site_packages": skip_site_packages,
            "local_zip_output_dir": None if local_zip_output_dir is None else os.fspath(local_zip_output_dir),
            "delete_local_zips": delete_local_zips,
        }
        return self._calls.rows("define_manifest", arguments)[0]

    def manifests(self) -> pa.Table:
        """The manifests that are defined: name, hash, python, parts, files, bytes, spec, defined_at."""
        return self._calls.table("manifests", {})

    def drop_manifest(self, name: str, if_exists: bool = False) -> None:
        """Forgets a manifest; what runs with it goes on. Raises BackfillError MANIFEST_NOT_FOUND."""
        self._calls.rows("drop_manifest", {"name": name, "if_exists": if_exists})

    def clean_manifests(self, older_than: Optional[str] = None, dry_run: bool = False) -> pa.Table:
        """Deletes packaged parts that no manifest has had for ``older_than``, 7 days if it is left out.

        Returns part and unnamed_since of those that were deleted, or would be.
        """
        return self._calls.table("clean_manifests", {"older_than": older_than, "dry_run": dry_run})

    def executors(self) -> pa.Table:
        """The executors that this session has: executor, host, profile, slots, running_tasks, added_at."""
        return self._calls.table("executors", {})

    def release_executors(self, keep: Iterable[str] = ()) -> pa.Table:
        """Ends idle executors that dynamic allocation started, but those to keep; returns who they were.

        Those with tasks, cached blocks or shuffle files stay, and so does dynamic allocation's minimum.
        """
        kept = ",".join(sorted(given.names("release_executors", "ids of executors to keep", keep)))
        return self._calls.table("release_executors", {"keep": kept})

    def warm_up(self, **options: Any) -> pa.Table:
        """Starts executors and Python workers, and loads what those need, before a job does.

        Args:
            options: those of the backfills to come: cluster, worker_group, manifest, num_cpus, num_gpus,
                memory; executors, how many there shall be; table and column, whose function workers
                load; timeout, such as '5 min'.

        Returns:
            A row for each step that was taken: step (executors, manifest, python, function), seconds,
            detail.

        Raises:
            BackfillError: ADMISSION_TIMEOUT if a step is not done in time, and what a backfill's call
                raises.
        """
        return self._calls.table("warm_up", _needs(options))


def _needs(options: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        key: float(value) if key in ("num_cpus", "num_gpus") else value
        for key, value in options.items()
    }


def _absolute(value: Any) -> Any:
    """A path from any working folder. What is no path of this machine stays, for its fault to be told."""
    if isinstance(value, (list, tuple)):
        return [_absolute(one) for one in value]
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value) or "://" in str(value):
        return value
    return os.path.abspath(os.path.expanduser(value))


def _text(call: str, spec: Any) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        if isinstance(value, datetime.timedelta):
            return int(value.total_seconds())
        raise TypeError

    if isinstance(spec, str):
        return spec
    try:
        return json.dumps(spec, default=plain)
    except (TypeError, ValueError):
        raise given.wrong(call, "a spec of texts, numbers, and lists and mappings of those", spec) from None
