"""Sessions and catalogs: where the tables are, and who computes."""

import glob
import hashlib
import os
import pathlib
import sys
import urllib.parse
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

import pyarrow as pa

from ..errors import BackfillError
from . import given, shown
from .calls import Calls, as_backfill_error, in_default, quoted
from .context import Context, Entered
from .definitions import Definitions
from .table import Table

_EXTENSIONS = "io.lancebackfill.sql.LanceBackfillExtensions"
_CATALOG = "io.lancebackfill.catalog.LanceBackfillCatalog"
_CATALOGS = (_CATALOG, "org.lance.spark.LanceNamespaceSparkCatalog")
_PREFIX = "spark.sql.catalog."
_SIZE = "arrow.fixed-size-list.size"


def connect(
    location: Union[str, "os.PathLike[str]", None] = None,
    *,
    catalog: Optional[str] = None,
    spark: Any = None,
    storage_options: Optional[Mapping[str, str]] = None,
    jars: Optional[str] = None,
    cluster: Optional[str] = None,
) -> "Database":
    """Opens a folder of Lance tables.

    Uses the running Spark session, classic or Spark Connect, and adds a catalog for the folder to it, if
    none of the session's has that folder; without a session it starts a local one.

    Args:
        location: the folder, as a path or a URI such as s3://bucket/tables.
        catalog: a catalog that the session already has, instead of a location.
        spark: the session, if it is not the active one.
        storage_options: credentials and settings of the storage, as Lance names them.
        jars: for a session that is started here, the folder of the jars; else the environment variable
            LANCE_BACKFILL_JARS, or the folder of the jar that this package is in.
        cluster: for a session that is started here, a cluster that is defined at the location: the session
            gets its settings. A session that runs already keeps its own.

    Raises:
        BackfillError: SESSION_NOT_CONFIGURED, MISSING_JARS or INVALID_ARGUMENT.
    """
    if (location is None) == (catalog is None):
        raise BackfillError(
            "INVALID_ARGUMENT",
            "connect needs either a location or a catalog.",
            "Give a folder, connect('/data/lance'), or a catalog of the session, "
            "connect(catalog='lance').",
        )
    session = spark if spark is not None else _running()
    if session is None:
        session = _started(jars)
        if cluster is not None:
            session = _on_cluster(session, cluster, location, dict(storage_options or {}))
    extensions = str(session.conf.get("spark.sql.extensions", ""))
    if _EXTENSIONS not in extensions:
        raise BackfillError(
            "SESSION_NOT_CONFIGURED",
            "The Spark session does not have the extensions of Lance Backfill: spark.sql.extensions is "
            "'%s'." % extensions,
            "Start it with the jars and with spark.sql.extensions=%s, or stop it, and connect starts "
            "one." % _EXTENSIONS,
        )
    if catalog is not None:
        return Database(session, catalog)
    root = _root(os.fspath(location))  # type: ignore[arg-type]
    return Database(session, _catalog_of(session, root, dict(storage_options or {})))


def _running() -> Any:
    """The active session of this process."""
    from pyspark.sql import SparkSession

    classic = SparkSession.getActiveSession()
    if classic is not None:
        return classic
    try:
        from pyspark.sql.connect.session import SparkSession as Remote
    except ImportError:
        return None  # The packages of Spark Connect are not installed, so there is none.
    active = getattr(Remote, "getActiveSession", lambda: None)()
    if active is None and "SPARK_REMOTE" in os.environ:
        active = SparkSession.builder.getOrCreate()
    return active


def _started(jars: Optional[str]) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.config("spark.sql.extensions", _EXTENSIONS)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        # Else its workers run the first python3 on the path, which often lacks what this one has.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        # spark-submit has given its jars, to the JVM that runs already.
        files = _jars(jars)
        submitted = os.environ.get("PYSPARK_SUBMIT_ARGS", "")
        if files:
            builder = builder.config("spark.jars", ",".join(files))
        elif "--jars" not in submitted and "--packages" not in submitted:
            raise BackfillError(
                "MISSING_JARS",
                "There is no Spark session, and the jars for a new one are not known.",
                "Set LANCE_BACKFILL_JARS to the folder of the jars (backfill-job/target/dist), or give "
                "connect(..., jars=...), or start a session before.",
            )
    return builder.getOrCreate()


def _on_cluster(session: Any, cluster: str, location: Any, storage: Dict[str, str]) -> Any:
    """A session with a cluster's settings, in the place of the local one that read them."""
    from pyspark.sql import SparkSession

    try:
        if location is None:
            raise BackfillError(
                "INVALID_ARGUMENT",
                "connect(cluster=%r) has no location where the cluster is defined." % cluster,
                "Give connect(location, cluster=...).",
            )
        catalog = _catalog_of(session, _root(os.fspath(location)), storage)
        settings = Database(session, catalog).cluster_settings(cluster)
    finally:
        session.stop()
    builder = SparkSession.builder.config("spark.sql.extensions", _EXTENSIONS)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _jars(given: Optional[str]) -> List[str]:
    folder = given or os.environ.get("LANCE_BACKFILL_JARS")
    if folder is None:
        # In the bundle's jar, this file's path begins with the jar's.
        for parent in pathlib.Path(__file__).parents:
            if parent.suffix == ".jar" and parent.is_file():
                folder = str(parent.parent)
    return sorted(glob.glob(os.path.join(folder, "*.jar"))) if folder else []


def _root(location: str) -> str:
    scheme = urllib.parse.urlsplit(location).scheme
    if scheme and scheme != "file":
        return location.rstrip("/")
    if scheme == "file":
        location = urllib.parse.unquote(urllib.parse.urlsplit(location).path)
    return os.path.abspath(os.path.expanduser(location))


def _catalog_of(session: Any, root: str, storage: Dict[str, str]) -> str:
    # Options of a catalog count from its first use: another set of them is another catalog.
    told = "\n".join([root, *("%s=%s" % pair for pair in sorted(storage.items()))])
    name = "lance_" + hashlib.sha256(told.encode()).hexdigest()[:8]
    settings = {row["key"]: row["value"] for row in session.sql("SET").collect()}
    if not storage:
        for key, value in settings.items():
            known = key[len(_PREFIX) :] if key.startswith(_PREFIX) else ""
            if "." not in known and value in _CATALOGS:
                if _root(settings.get(key + ".root", "") or "/dev/null") == root:
                    return known
    if _PREFIX + name not in settings:
        for key, value in storage.items():
            session.conf.set("%s%s.storage.%s" % (_PREFIX, name, key), value)
        session.conf.set(_PREFIX + name + ".impl", "dir")
        session.conf.set(_PREFIX + name + ".root", root)
        session.conf.set(_PREFIX + name, _CATALOG)
    return name


class Database(Definitions):
    """The tables of one folder. ``catalog`` is its name in SQL, ``spark`` the session."""

    def __init__(self, spark: Any, catalog: str) -> None:
        self.spark = spark
        self.catalog = catalog
        self._calls = Calls(spark, catalog)
        self._entered = Entered()

    def open_table(self, name: str) -> Table:
        """A table by its name, ``images`` or ``namespace.images``.

        A name alone is looked for in the namespace ``default``, then among the tables of none.

        Raises BackfillError TABLE_OR_VIEW_NOT_FOUND if there is none.
        """
        given.of_kind(str, "open_table", "the name of a table", name)
        table = Table(self._calls, in_default(name), self._entered)
        try:
            table.schema()
        except BackfillError as e:
            if table.name == name or e.code != "TABLE_OR_VIEW_NOT_FOUND":
                raise
            bare = Table(self._calls, name, self._entered)
            try:
                bare.schema()
            except BackfillError:
                raise e from None
            return bare
        return table

    get_table = open_table

    def __getitem__(self, name: str) -> Table:
        """The same: ``db["images"]``, whose name a notebook completes."""
        return self.open_table(name)

    def __iter__(self) -> Iterator[str]:
        """The names of the tables, as a mapping gives its keys."""
        return iter(self.table_names())

    def _ipython_key_completions_(self) -> List[str]:
        return self.table_names()

    def table_names(self, namespace: str = "default") -> List[str]:
        """The names of the tables of a namespace, sorted."""
        place = quoted(self.catalog, *namespace.split("."))
        with as_backfill_error():
            rows = self.spark.sql("SHOW TABLES IN " + place).collect()
        return sorted(row["tableName"] for row in rows)

    def create_table(self, name: str, data: Any, mode: str = "create") -> Table:
        """Makes a table.

        Args:
            name: ``images`` or ``namespace.images``.
            data: a Spark DataFrame; or, for what fits into memory, a pyarrow Table or RecordBatch, a pandas
                DataFrame, or a list of dicts. Lists of fixed size become vectors.
            mode: 'create', or 'overwrite' to replace a table of that name.

        Raises:
            BackfillError: with Spark's code, TABLE_OR_VIEW_ALREADY_EXISTS for example.
        """
        if mode not in ("create", "overwrite"):
            raise BackfillError(
                "INVALID_ARGUMENT", "mode is %r." % mode, "Give 'create' or 'overwrite'."
            )
        sizes: Dict[str, int] = {}
        with as_backfill_error():
            writer = self._frame(data, sizes).writeTo(quoted(self.catalog, *in_default(name).split(".")))
            for column, size in sizes.items():
                writer = writer.tableProperty("%s.%s" % (column, _SIZE), str(size))
            writer.create() if mode == "create" else writer.createOrReplace()
        return self.open_table(name)

    def _frame(self, data: Any, sizes: Dict[str, int]) -> Any:
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        if isinstance(data, list):
            data = pa.Table.from_pylist(data)
        if not isinstance(data, pa.Table):
            if type(data).__module__.split(".")[0] == "pandas":
                return self.spark.createDataFrame(data)
            return data
        from pyspark.sql.pandas.types import from_arrow_schema

        fields = []
        for field in data.schema:
            if pa.types.is_fixed_size_list(field.type):
                sizes[field.name] = field.type.list_size
                field = field.with_type(pa.list_(field.type.value_type))
            fields.append(field)
        return self.spark.createDataFrame(data.to_pylist(), from_arrow_schema(pa.schema(fields)))

    def context(
        self, *, executors: Optional[int] = None, on_exit: str = "delete", **options: Any
    ) -> "Context[Database]":
        """A cluster, a manifest and other options for all backfills of this database in a block; those of a
        call win.

        ``with db.context(cluster="pools", concurrency=2): table.backfill("embedding")``; in a notebook
        also ``context = db.context(cluster="pools")``, ``context.enter()`` in one cell and
        ``context.exit()`` in another. A session keeps to what it was started with: what of the cluster it
        cannot have, each backfill says.

        Args:
            executors: start and warm up so many on entering; else they come with the first task.
            on_exit: what becomes of idle executors that came meanwhile. 'delete' ends them; 'retain' leaves
                them to the session's idle timeout, and ``executors()`` lists them; 'retain_on_failure' does if
                a backfill, or the block, failed.
            options: of backfill, such as cluster, manifest, worker_group, concurrency.
        """
        return Context(self, self._calls, self._entered, options, executors, on_exit)

    def __repr__(self) -> str:
        return "Database(catalog=%r)" % self.catalog

    def _repr_html_(self) -> str:
        title = "Database, catalog %s" % self.catalog
        try:
            names = self.table_names()
        except BackfillError as e:
            return shown.page(title, shown.faded(str(e)))
        return shown.page(title, shown.grid(["table"], [[name] for name in names], len(names)))
