package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.BATCH_ORDER;
import static io.lancebackfill.config.BackfillOptions.BATCH_SIZE;
import static io.lancebackfill.config.BackfillOptions.CLUSTER;
import static io.lancebackfill.config.BackfillOptions.JOB_ID;
import static io.lancebackfill.config.BackfillOptions.MANIFEST;
import static io.lancebackfill.config.BackfillOptions.READ_VERSION;
import static io.lancebackfill.config.BackfillOptions.WHERE;
import static io.lancebackfill.config.BackfillOptions.WORKER_GROUP;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.config.FunctionNeeds;
import io.lancebackfill.config.OnError;
import io.lancebackfill.context.Clusters;
import io.lancebackfill.context.Manifests;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.declare.ColumnBinder;
import io.lancebackfill.declare.ColumnOptions;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/** Looks at a call of backfill without running it. Reads only. */
public final class BackfillCheck {
  private BackfillCheck() {}

  /**
   * What a call would run, and with what.
   *
   * @param column that it fills
   * @param cluster that it names, or null
   */
  public record Runs(
      ComputedColumn column,
      BackfillConf conf,
      Computation computation,
      @Nullable ClusterSpec cluster,
      TaskResources resources) {}

  /**
   * Binds the column's function as a job does.
   *
   * @throws BackfillException with a line for each fault
   */
  public static Runs runs(
      SparkSession spark, TableTarget table, String column, Map<String, Object> options) {
    return StorageErrors.translate(
        table,
        () -> {
          CheckedCall call = call(spark, new BackfillRequest(table, column, options));
          return new Runs(
              call.column(),
              call.conf(),
              call.bound().computation(),
              call.cluster(),
              call.resources(spark));
        });
  }

  /**
   * Looks for further faults of a call that is refused already.
   *
   * @param columns empty if the call names none, which is the caller's to say
   * @param options those that could be read
   * @throws BackfillException with a line for each fault of table, column and options, if any
   */
  public static void check(
      SparkSession spark, TableTarget table, List<String> columns, Map<String, Object> options) {
    Faults faults = new Faults();
    StorageErrors.translate(
        table,
        () -> {
          if (columns.isEmpty()) {
            call(spark, table, null, options, faults);
          }
          columns.forEach(column -> call(spark, table, column, options, faults));
          return null;
        });
    faults.throwIfAny();
  }

  /**
   * Checks a call against its table, and binds the column in a session of its own.
   *
   * @throws BackfillException with a line for each fault
   */
  static CheckedCall call(SparkSession spark, BackfillRequest request) {
    Faults faults = new Faults();
    CheckedCall call = call(spark, request.table(), request.column(), request.options(), faults);
    faults.throwIfAny();
    if (call == null) {
      throw new IllegalStateException("a fault was lost");
    }
    return call.narrowedTo(request.failedRows());
  }

  /**
   * Checks as much of a call as there is.
   *
   * @param name of the column, null if the call has none
   * @return null if there is a fault, or no column
   */
  static @Nullable CheckedCall call(
      SparkSession spark,
      TableTarget target,
      @Nullable String name,
      Map<String, Object> options,
      Faults faults) {
    TableSnapshot table = Tables.latest(target);
    ComputedColumn column =
        name == null ? null : faults.collect(() -> ComputedColumn.of(table, name));
    ColumnBinder binder = new ColumnBinder(spark, target);
    Map<String, String> columnOptions = new HashMap<>();
    if (column != null) {
      columnOptions.putAll(binder.functionOptions(column));
      columnOptions.putAll(ColumnOptions.ofJob(column));
    }
    BackfillConf conf =
        faults.collect(() -> BackfillConf.resolve(options, columnOptions, spark.conf()));
    Integer batchSize = conf == null ? null : conf.optional(BATCH_SIZE).orElse(null);
    boolean byLength =
        conf != null && conf.optional(BATCH_ORDER).map("auto"::equals).orElse(batchSize == null);
    int threads = conf == null ? 1 : FunctionNeeds.threads(conf);
    ColumnBinder.BoundColumn bound =
        column == null
            ? null
            : faults.collect(
                () -> binder.bindDeclared(table, column, batchSize, byLength, threads));
    TableSnapshot pinned =
        conf == null
            ? null
            : faults.collect(
                () ->
                    conf.optional(READ_VERSION)
                        .map(version -> Tables.at(target, version))
                        .orElse(null));
    Column where =
        conf == null
            ? null
            : faults.collect(
                () ->
                    conf.optional(WHERE)
                        .map(
                            text ->
                                ColumnBinder.where(spark, pinned == null ? table : pinned, text))
                        .orElse(null));
    if (conf != null && bound != null) {
      faults.collect(() -> requireHeld(column, bound, OnError.policy(conf)));
    }
    ClusterSpec cluster =
        conf == null
            ? null
            : faults.collect(
                () ->
                    conf.optional(CLUSTER)
                        .map(
                            given ->
                                new Clusters(
                                        root(
                                            target,
                                            BackfillErrorCode.CLUSTER_NOT_FOUND,
                                            "definitions of clusters",
                                            "cluster"))
                                    .named(given))
                        .orElse(null));
    WorkerEnvironment environment =
        conf == null ? null : faults.collect(() -> environment(target, conf, spark).orElse(null));
    if (conf != null
        && conf.optional(WORKER_GROUP).isPresent()
        && conf.optional(CLUSTER).isEmpty()) {
      faults.add(
          BackfillErrorCode.INVALID_OPTION,
          "worker_group is '%s', and no cluster is named whose group it could be. Name it with cluster, or leave worker_group out."
              .formatted(conf.optional(WORKER_GROUP).orElseThrow()));
    }
    if (conf != null && bound != null && !faults.any()) {
      faults.collect(() -> CheckedCall.resources(spark, bound.in(environment), conf, cluster));
    }
    if (faults.any() || column == null || bound == null || conf == null) {
      return null;
    }
    String jobId = conf.optional(JOB_ID).orElseGet(() -> UUID.randomUUID().toString());
    return new CheckedCall(
        table, column, bound.in(environment), conf, pinned, where, null, cluster, jobId);
  }

  private static Optional<WorkerEnvironment> environment(
      TableTarget target, BackfillConf conf, SparkSession spark) {
    Optional<String> name = conf.optional(MANIFEST);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    DatasetRef root = root(target, BackfillErrorCode.MANIFEST_NOT_FOUND, "manifests", "manifest");
    String cache = WorkerEnvironment.cache(spark.conf()).orElse(null);
    return Optional.of(new Manifests(root).environment(name.get(), cache));
  }

  /** Where a table's catalog keeps what an option names. */
  private static DatasetRef root(
      TableTarget target, BackfillErrorCode missing, String kept, String option) {
    DatasetRef root = target.catalogRoot();
    if (root == null) {
      throw new BackfillException(
          missing,
          "Table %s is of a catalog without a root, which keeps no %s. Leave '%s' out, or call by a catalog whose root is set."
              .formatted(target.name(), kept, option));
    }
    return root;
  }

  /** What Spark evaluates is not interrupted, nor halved where Python computes a part of it. */
  private static boolean requireHeld(
      @Nullable ComputedColumn column, ColumnBinder.BoundColumn bound, ErrorPolicy errors) {
    if (!(bound.computation() instanceof Computation.OfExpression expression)) {
      return true;
    }
    String name = column == null ? "" : column.name();
    if (errors.rowTimeoutMs() > 0) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_OPTION,
          ("row_timeout holds for functions that register_function knows; column %s is an"
                  + " expression that Spark evaluates, and nothing interrupts that. Leave it out, or"
                  + " register the function that may take long.")
              .formatted(name));
    }
    if (errors.isolates() && expression.isPython()) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_OPTION,
          ("on_error => 'null' and 'retry' do not hold for column %s: Spark runs the Python UDF in"
                  + " its expression, and gives up all rows of a task for one that fails. Declare the"
                  + " function with the Python package lance_backfill, or with register_function; or"
                  + " leave them out, and have the UDF return None itself where it would fail.")
              .formatted(name));
    }
    return true;
  }
}
