package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.ADMISSION_TIMEOUT;
import static io.lancebackfill.config.BackfillOptions.ATTACH;
import static io.lancebackfill.config.BackfillOptions.BATCH_ORDER;
import static io.lancebackfill.config.BackfillOptions.BATCH_SIZE;
import static io.lancebackfill.config.BackfillOptions.CLUSTER;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.JOB_ID;
import static io.lancebackfill.config.BackfillOptions.MANIFEST;
import static io.lancebackfill.config.BackfillOptions.MAX_FRAGMENTS;
import static io.lancebackfill.config.BackfillOptions.READY_TAG;
import static io.lancebackfill.config.BackfillOptions.READ_VERSION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE_UNKNOWN;
import static io.lancebackfill.config.BackfillOptions.WHERE;
import static io.lancebackfill.config.BackfillOptions.WORKER_GROUP;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.config.FunctionNeeds;
import io.lancebackfill.config.OnError;
import io.lancebackfill.context.AdmissionWatch;
import io.lancebackfill.context.Clusters;
import io.lancebackfill.context.GroupResources;
import io.lancebackfill.context.Manifests;
import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.coverage.HistoryWalk;
import io.lancebackfill.coverage.PastRows;
import io.lancebackfill.datasource.commit.AttachPolicy;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.declare.ColumnBinder;
import io.lancebackfill.declare.ColumnOptions;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.BackfillPlanner;
import io.lancebackfill.plan.PlanRequest;
import io.lancebackfill.report.HeldBackNote;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * A call of backfill whose arguments are in order.
 *
 * @param table the newest version when the call was checked
 * @param pinned the version at which inputs are read, if the call names one
 * @param where the bound condition, or null
 * @param failedRows as in {@link BackfillRequest}
 * @param cluster that the call names, or null
 */
record CheckedCall(
    TableSnapshot table,
    ComputedColumn column,
    ColumnBinder.BoundColumn bound,
    BackfillConf conf,
    @Nullable TableSnapshot pinned,
    @Nullable Column where,
    @Nullable PastRows failedRows,
    @Nullable ClusterSpec cluster,
    String jobId) {
  /**
   * Checks a call against its table, and binds the column in a session of its own.
   *
   * @throws BackfillException with a line for each fault
   */
  static CheckedCall of(SparkSession spark, BackfillRequest request) {
    Faults faults = new Faults();
    CheckedCall call = of(spark, request.table(), request.column(), request.options(), faults);
    faults.throwIfAny();
    if (call == null) {
      throw new IllegalStateException("a fault was lost");
    }
    return new CheckedCall(
        call.table,
        call.column,
        call.bound,
        call.conf,
        call.pinned,
        call.where,
        request.failedRows(),
        call.cluster,
        call.jobId);
  }

  /**
   * Checks as much of a call as there is.
   *
   * @param name of the column, null if the call has none
   * @return null if there is a fault, or no column
   */
  static @Nullable CheckedCall of(
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
                        .map(given -> clusters(target).named(given))
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
      faults.collect(() -> resources(spark, bound.in(environment), conf, cluster));
    }
    if (faults.any() || column == null || bound == null || conf == null) {
      return null;
    }
    String jobId = conf.optional(JOB_ID).orElseGet(() -> UUID.randomUUID().toString());
    return new CheckedCall(
        table, column, bound.in(environment), conf, pinned, where, null, cluster, jobId);
  }

  private static Clusters clusters(TableTarget target) {
    DatasetRef root = target.catalogRoot();
    if (root == null) {
      throw new BackfillException(
          BackfillErrorCode.CLUSTER_NOT_FOUND,
          "Table %s is of a catalog without a root, which keeps no definitions of clusters. Leave 'cluster' out, or call by a catalog whose root is set."
              .formatted(target.name()));
    }
    return new Clusters(root);
  }

  private static Optional<WorkerEnvironment> environment(
      TableTarget target, BackfillConf conf, SparkSession spark) {
    Optional<String> name = conf.optional(MANIFEST);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    DatasetRef root = target.catalogRoot();
    if (root == null) {
      throw new BackfillException(
          BackfillErrorCode.MANIFEST_NOT_FOUND,
          "Table %s is of a catalog without a root, which keeps no manifests. Leave 'manifest' out, or call by a catalog whose root is set."
              .formatted(target.name()));
    }
    String cache = WorkerEnvironment.cache(spark.conf()).orElse(null);
    return Optional.of(new Manifests(root).environment(name.get(), cache));
  }

  /** What its Python workers run in, if the call names a manifest that they take. */
  Optional<WorkerEnvironment> environment() {
    return bound.computation().environment();
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

  /** The same call on a newer version of the table. */
  CheckedCall on(TableSnapshot newer) {
    return new CheckedCall(newer, column, bound, conf, pinned, where, failedRows, cluster, jobId);
  }

  /** The same call in the name of another one's job. */
  CheckedCall withJobId(String id) {
    return new CheckedCall(table, column, bound, conf, pinned, where, failedRows, cluster, id);
  }

  /** The same call in smaller batches than it asks for. */
  CheckedCall inSmallBatches() {
    return new CheckedCall(
        table,
        column,
        bound.inSmallBatches(conf.optional(BATCH_SIZE).orElse(null)),
        conf,
        pinned,
        where,
        failedRows,
        cluster,
        jobId);
  }

  /** The version at which inputs are read. */
  TableSnapshot inputs(TableSnapshot newest) {
    return pinned == null ? newest : pinned;
  }

  /** The same call with the field ids that its columns have in the newest version. */
  CheckedCall presentIn(TableSnapshot newest) {
    return new CheckedCall(
        newest,
        column.presentIn(newest),
        bound.withInputs(bound.inputs().stream().map(inputs(newest)::present).toList()),
        conf,
        pinned,
        where,
        failedRows,
        cluster,
        jobId);
  }

  /** Whether it is for some of the rows that need computing. */
  boolean selects() {
    return where != null || failedRows != null;
  }

  /** Whether the column's tag is to say in which version it is filled. */
  boolean readyTag() {
    return conf.optional(READY_TAG).orElse(!column.require().isEmpty());
  }

  AttachPolicy attachPolicy() {
    return AttachPolicy.valueOf(conf.value(ATTACH).toUpperCase(Locale.ROOT));
  }

  /**
   * What its tasks run with.
   *
   * @throws BackfillException RESOURCES_UNAVAILABLE or CLUSTER_GROUP_UNFIT
   */
  TaskResources resources(SparkSession spark) {
    TaskResources resources = resources(spark, bound, conf, cluster);
    Optional<String> manifest = conf.optional(MANIFEST);
    if (manifest.isEmpty() || environment().isPresent()) {
      return resources;
    }
    List<String> notes = new ArrayList<>(resources.notes());
    notes.add(
        "manifest %s: it holds for stored Python functions only; what computes column %s runs with what the session has"
            .formatted(manifest.get(), column.name()));
    return new TaskResources(resources.slots(), resources.most(), resources.profile(), notes);
  }

  /** What a user should know of how its tasks run. */
  List<String> notes(SparkSession spark) {
    TaskResources resources = resources(spark);
    List<String> notes = new ArrayList<>(resources.notes());
    int most = conf.optional(CONCURRENCY).orElse(Integer.MAX_VALUE);
    if (most < resources.slots()) {
      notes.add(
          "concurrency is %d, and %d tasks could run at once here: the rest idles. Leave it out, or raise it"
              .formatted(most, resources.slots()));
    }
    return notes;
  }

  private static TaskResources resources(
      SparkSession spark,
      ColumnBinder.BoundColumn bound,
      BackfillConf conf,
      @Nullable ClusterSpec cluster) {
    boolean python = bound.computation().isPython();
    FunctionResources asked = FunctionNeeds.of(conf);
    return cluster == null
        ? TaskResources.of(spark.sparkContext(), asked, python)
        : GroupResources.of(
            spark.sparkContext(),
            cluster,
            conf.optional(WORKER_GROUP).orElse(null),
            asked,
            python,
            bound.computation().environment().map(WorkerEnvironment::secrets).orElse(Map.of()));
  }

  /** Watches that its tasks get executors. */
  AdmissionWatch admission(SparkSession spark, Consumer<String> notices) {
    return AdmissionWatch.of(
        spark.sparkContext(),
        cluster,
        resources(spark).profile(),
        conf.optional(ADMISSION_TIMEOUT).orElse(AdmissionWatch.defaultTimeout(cluster)),
        notices);
  }

  /** Tasks that run at once. */
  int slots(SparkSession spark) {
    int all = resources(spark).slots();
    return conf.optional(CONCURRENCY).map(limit -> Math.min(limit, all)).orElse(all);
  }

  /**
   * The records of the column and of its computed inputs, followed up to the call's version.
   *
   * @param followed the versions up to which the column's were followed before
   */
  HistoryWalk.Result followed(SparkSession spark, TableState state, Followed followed) {
    return HistoryWalk.follow(
        spark,
        table,
        column,
        bound.inputs(),
        ComputedInputs.of(spark, table, inputs(table), bound.inputs(), state),
        followed);
  }

  /**
   * What is to be done, by the records.
   *
   * @param spark the caller's session: {@code where} means what it would mean there
   * @param notices is told what a user should know before the work begins
   */
  BackfillPlan plan(
      SparkSession spark,
      TableTarget target,
      HistoryWalk.Result history,
      String generation,
      Consumer<String> notices) {
    PastRows.Present failed = failedRows == null ? null : failedRows.in(spark, table);
    if (failed != null && !failed.gaps().isEmpty()) {
      notices.accept(
          "rows that failed were moved in versions of the table that are gone since (%s): where they are is not known, and backfill computes them"
              .formatted(failed.gaps()));
    }
    List<Checkpoint> checkpoints =
        new CheckpointStore(new TableState(target.ref()), column.checkpointKey()).load(notices);
    BackfillPlan plan =
        new BackfillPlanner(spark)
            .plan(
                new PlanRequest(
                    inputs(table),
                    table,
                    column,
                    bound.inputs(),
                    history.origins(),
                    history.inputs(),
                    checkpoints,
                    where,
                    failed == null ? null : failed.rows(),
                    conf.value(RECOMPUTE),
                    conf.value(RECOMPUTE_UNKNOWN),
                    generation,
                    conf.optional(MAX_FRAGMENTS).orElse(0)));
    if (!plan.heldBack().isEmpty()) {
      notices.accept(HeldBackNote.of(target, plan.heldBack()));
    }
    return plan;
  }
}
