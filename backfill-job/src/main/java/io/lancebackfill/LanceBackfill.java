package io.lancebackfill;

import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.context.SessionExecutors;
import io.lancebackfill.context.WarmUp;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.declare.ColumnDeclarations;
import io.lancebackfill.declare.ColumnDeclarations.Declared;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillRequest;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.pipeline.ColumnPipeline;
import io.lancebackfill.procedure.ErrorsProcedure;
import io.lancebackfill.procedure.context.WarmUpCall;
import io.lancebackfill.report.CoverageReport;
import io.lancebackfill.report.ErrorsReport;
import io.lancebackfill.table.CallCatalog;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.TableTargets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * The way in for Java programs: {@code LanceBackfill.table(spark,
 * "lance.db.t").backfill("col").run()}.
 */
public final class LanceBackfill {
  private final SparkSession spark;
  private final TableTarget target;
  private final @Nullable Context context;

  private LanceBackfill(SparkSession spark, TableTarget target, @Nullable Context context) {
    this.spark = spark;
    this.target = target;
    this.context = context;
  }

  /**
   * A table.
   *
   * @param table a name whose first part is a Lance catalog of the session, or a URI, for which the
   *     session's only Lance catalog gives the credentials
   * @throws io.lancebackfill.error.BackfillException if there is no such table or catalog
   */
  public static LanceBackfill table(SparkSession spark, String table) {
    return new LanceBackfill(spark, TableTargets.resolve(spark, table), null);
  }

  /**
   * A cluster, a manifest and executors for several backfills: {@code try (var context =
   * LanceBackfill.context(spark, "lance").cluster("pools").open()) {
   * context.table("lance.db.t").backfill("col").run(); }}.
   *
   * @param catalog a Lance catalog of the session, which keeps the definitions
   */
  public static ContextBuilder context(SparkSession spark, String catalog) {
    return new ContextBuilder(spark, catalog);
  }

  /** What becomes of executors that came in a context. Spark ends idle ones in any case. */
  public enum OnExit {
    /** Those that are idle end with the context. */
    DELETE,
    /** They stay until they have been idle for the session's timeout. */
    RETAIN,
    /** As RETAIN if a backfill failed, for a look at it; else as DELETE. */
    RETAIN_ON_FAILURE
  }

  /** Options of a context. */
  public static final class ContextBuilder {
    private final SparkSession spark;
    private final String catalog;
    private final Map<String, Object> options = new LinkedHashMap<>();
    private int executors;
    private OnExit onExit = OnExit.DELETE;

    private ContextBuilder(SparkSession spark, String catalog) {
      this.spark = spark;
      this.catalog = catalog;
    }

    public ContextBuilder cluster(String name) {
      options.put(BackfillOptions.CLUSTER.name(), name);
      return this;
    }

    public ContextBuilder manifest(String name) {
      options.put(BackfillOptions.MANIFEST.name(), name);
      return this;
    }

    /** So many executors are started at once, and warmed up; else they come with the first task. */
    public ContextBuilder executors(int number) {
      executors = number;
      return this;
    }

    public ContextBuilder onExit(OnExit mode) {
      onExit = mode;
      return this;
    }

    /**
     * Begins it. A session keeps to what it was started with; what of the cluster it cannot have, a
     * backfill says.
     *
     * @throws io.lancebackfill.error.BackfillException CLUSTER_NOT_FOUND, MANIFEST_NOT_FOUND; with
     *     executors, what keeps them from coming
     */
    public Context open() {
      DatasetRef root =
          CallCatalog.find(spark.sessionState().conf(), catalog)
              .flatMap(CallCatalog::folder)
              .orElseThrow(
                  () ->
                      new BackfillException(
                          BackfillErrorCode.UNKNOWN_CATALOG,
                          "'%1$s' is no Lance catalog of this session that has a root. Set spark.sql.catalog.%1$s and spark.sql.catalog.%1$s.root."
                              .formatted(catalog)));
      Context context = new Context(spark, Map.copyOf(options), onExit);
      WarmUp warmUp =
          new WarmUpCall(spark, options, executors, line -> System.err.println("context: " + line))
              .of(root);
      if (executors > 0) {
        warmUp.run();
      }
      return context;
    }
  }

  /** Backfills with the same cluster and manifest, and the executors that came for them. */
  public static final class Context implements AutoCloseable {
    private final SparkSession spark;
    private final Map<String, Object> options;
    private final OnExit onExit;
    private final Set<String> before;
    private volatile boolean failed;

    private Context(SparkSession spark, Map<String, Object> options, OnExit onExit) {
      this.spark = spark;
      this.options = options;
      this.onExit = onExit;
      this.before =
          new SessionExecutors(spark.sparkContext())
              .list().stream().map(SessionExecutors.Listed::id).collect(Collectors.toSet());
    }

    /** As {@link LanceBackfill#table}; its backfills have the context's cluster and manifest. */
    public LanceBackfill table(String table) {
      return new LanceBackfill(spark, TableTargets.resolve(spark, table), this);
    }

    /** Ends it, and executors by its mode; a second time changes nothing. */
    @Override
    public void close() {
      if (onExit == OnExit.DELETE || (onExit == OnExit.RETAIN_ON_FAILURE && !failed)) {
        new SessionExecutors(spark.sparkContext()).release(before);
      }
    }
  }

  /** Declares a computed column. */
  public List<Declared> addColumn(String column, String expression) {
    return addColumn(column, expression, Map.of());
  }

  /** Declares a computed column with options, such as {@code vector_dim}. */
  public List<Declared> addColumn(String column, String expression, Map<String, String> options) {
    return addColumn(column, expression, options, List.of());
  }

  /**
   * Declares a computed column whose rows have to meet conditions.
   *
   * @param require conditions in SQL on the column and its inputs; a row for which one is false has
   *     failed
   */
  public List<Declared> addColumn(
      String column, String expression, Map<String, String> options, List<String> require) {
    return new ColumnDeclarations(spark, target)
        .add(List.of(column), expression, null, options, require);
  }

  /** What each fragment holds in a computed column. */
  public List<CoverageReport.Line> coverage(String column) {
    return new CoverageReport(spark, target).run(column);
  }

  /**
   * The rows on which functions failed, as {@code errors} lists them.
   *
   * @param jobId null for those of all jobs
   * @param column null for those of all columns
   */
  public Dataset<Row> errors(@Nullable String jobId, @Nullable String column) {
    List<Row> rows =
        new ErrorsReport(target).errors(jobId, column).stream().map(ErrorsProcedure::row).toList();
    return spark.createDataFrame(rows, ErrorsProcedure.OUTPUT);
  }

  /** Runs a column's present function on the rows on which a job failed and that are so still. */
  public BackfillResult retryErrors(String jobId, Map<String, String> options) {
    ErrorsReport.OfJob failed = new ErrorsReport(target).ofJob(jobId);
    return inContext(
        () ->
            new BackfillAction(
                    spark,
                    new BackfillRequest(
                        target, failed.column(), withContext(options), failed.rows()))
                .run());
  }

  /**
   * Fills several computed columns, a job each: each after those that it reads, and beside them
   * where its tasks have executors of their own.
   *
   * @param columns a group by one of its columns
   * @param options of each job, by option name
   * @return what each job did, in the order in which they began
   * @throws io.lancebackfill.error.BackfillException for whatever keeps one of them from its end;
   *     what was finished is committed then, and the same call goes on from there
   */
  public List<BackfillResult> backfillAll(List<String> columns, Map<String, ?> options) {
    return inContext(() -> new ColumnPipeline(spark, target, columns, withContext(options)).run());
  }

  /** The context's options, under those of a call. */
  private Map<String, Object> withContext(Map<String, ?> options) {
    Map<String, Object> all = new LinkedHashMap<>(context == null ? Map.of() : context.options);
    all.putAll(options);
    return all;
  }

  /** Runs what the context is for; it remembers a failure. */
  private <T> T inContext(Supplier<T> work) {
    boolean ended = false;
    try {
      T result = work.get();
      ended = true;
      return result;
    } finally {
      if (!ended && context != null) {
        context.failed = true;
      }
    }
  }

  /** A backfill of one computed column, or group, to be set up and run. */
  public Backfill backfill(String column) {
    return new Backfill(column);
  }

  /** Options and start of one backfill. What is not set comes from the column or the session. */
  public final class Backfill {
    private final String column;
    private final Map<String, Object> options = new LinkedHashMap<>();

    private Backfill(String column) {
      this.column = column;
    }

    /** The name of the cluster whose worker groups run it. */
    public Backfill cluster(String name) {
      return option(BackfillOptions.CLUSTER, name);
    }

    /** The name of the manifest that its Python workers run in. */
    public Backfill manifest(String name) {
      return option(BackfillOptions.MANIFEST, name);
    }

    public Backfill where(String condition) {
      return option(BackfillOptions.WHERE, condition);
    }

    public Backfill recompute() {
      return option(BackfillOptions.RECOMPUTE, true);
    }

    public Backfill recomputeUnknown() {
      return option(BackfillOptions.RECOMPUTE_UNKNOWN, true);
    }

    public Backfill maxFragments(int fragments) {
      return option(BackfillOptions.MAX_FRAGMENTS, fragments);
    }

    public Backfill readVersion(long version) {
      return option(BackfillOptions.READ_VERSION, version);
    }

    public Backfill dryRun() {
      return option(BackfillOptions.DRY_RUN, true);
    }

    public Backfill concurrency(int tasks) {
      return option(BackfillOptions.CONCURRENCY, tasks);
    }

    public Backfill batchSize(int rows) {
      return option(BackfillOptions.BATCH_SIZE, rows);
    }

    /** Which rows a Python function gets together: {@code auto} or {@code row}. */
    public Backfill batchOrder(String order) {
      return option(BackfillOptions.BATCH_ORDER, order);
    }

    public Backfill checkpointInterval(Duration interval) {
      return option(BackfillOptions.CHECKPOINT_INTERVAL, interval.toString());
    }

    public Backfill commitGranularity(int fragments) {
      return option(BackfillOptions.COMMIT_GRANULARITY, fragments);
    }

    public Backfill commitInterval(Duration interval) {
      return option(BackfillOptions.COMMIT_INTERVAL, interval.toString());
    }

    /**
     * What a row does on which the function fails: {@code fail}, {@code null}, {@code retry(3)}.
     */
    public Backfill onError(String policy) {
      return option(BackfillOptions.ON_ERROR, policy);
    }

    /** Which failures are tried again: a regular expression. */
    public Backfill retryOn(String pattern) {
      return option(BackfillOptions.RETRY_ON, pattern);
    }

    public Backfill maxFailedRows(long rows) {
      return option(BackfillOptions.MAX_FAILED_ROWS, rows);
    }

    public Backfill maxFailedFraction(double fraction) {
      return option(BackfillOptions.MAX_FAILED_FRACTION, fraction);
    }

    public Backfill rowTimeout(Duration timeout) {
      return option(BackfillOptions.ROW_TIMEOUT, timeout.toString());
    }

    /** CPUs of a task; fractions count. */
    public Backfill numCpus(double cpus) {
      return option(BackfillOptions.NUM_CPUS, cpus);
    }

    /** GPUs of a task, or a part of one. */
    public Backfill numGpus(double gpus) {
      return option(BackfillOptions.NUM_GPUS, gpus);
    }

    /** What a task takes beside the executor's own memory, such as {@code 2g}. */
    public Backfill memory(String size) {
      return option(BackfillOptions.MEMORY, size);
    }

    public Backfill jobId(String id) {
      return option(BackfillOptions.JOB_ID, id);
    }

    private Backfill option(ConfigOption<?> option, Object value) {
      options.put(option.name(), value);
      return this;
    }

    /**
     * Runs the backfill to its end.
     *
     * @throws io.lancebackfill.error.BackfillException for whatever keeps it from that; what was
     *     finished is committed then, and the same call goes on from there
     */
    public BackfillResult run() {
      return inContext(
          () ->
              new BackfillAction(spark, new BackfillRequest(target, column, withContext(options)))
                  .run());
    }
  }
}
