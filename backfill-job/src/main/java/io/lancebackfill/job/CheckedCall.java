package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.ADMISSION_TIMEOUT;
import static io.lancebackfill.config.BackfillOptions.ATTACH;
import static io.lancebackfill.config.BackfillOptions.BATCH_SIZE;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.MANIFEST;
import static io.lancebackfill.config.BackfillOptions.MAX_FRAGMENTS;
import static io.lancebackfill.config.BackfillOptions.READY_TAG;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE_UNKNOWN;
import static io.lancebackfill.config.BackfillOptions.WORKER_GROUP;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.config.FunctionNeeds;
import io.lancebackfill.context.AdmissionWatch;
import io.lancebackfill.context.GroupResources;
import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.coverage.HistoryWalk;
import io.lancebackfill.coverage.PastRows;
import io.lancebackfill.datasource.commit.AttachPolicy;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.declare.ColumnBinder;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillException;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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
  /** What its Python workers run in, if the call names a manifest that they take. */
  Optional<WorkerEnvironment> environment() {
    return bound.computation().environment();
  }

  private CheckedCall with(
      TableSnapshot newTable,
      ComputedColumn newColumn,
      ColumnBinder.BoundColumn newBound,
      String newJobId) {
    return new CheckedCall(
        newTable, newColumn, newBound, conf, pinned, where, failedRows, cluster, newJobId);
  }

  /** The same call on a newer version of the table. */
  CheckedCall on(TableSnapshot newer) {
    return with(newer, column, bound, jobId);
  }

  /** The same call in the name of another one's job. */
  CheckedCall withJobId(String id) {
    return with(table, column, bound, id);
  }

  /** The same call in smaller batches than it asks for. */
  CheckedCall inSmallBatches() {
    return with(table, column, bound.inSmallBatches(conf.optional(BATCH_SIZE).orElse(null)), jobId);
  }

  /** The same call for rows that failed, or for all of them without any given. */
  CheckedCall narrowedTo(@Nullable PastRows rows) {
    return new CheckedCall(table, column, bound, conf, pinned, where, rows, cluster, jobId);
  }

  /** The version at which inputs are read. */
  TableSnapshot inputs(TableSnapshot newest) {
    return pinned == null ? newest : pinned;
  }

  /** The same call with the field ids that its columns have in the newest version. */
  CheckedCall presentIn(TableSnapshot newest) {
    return with(
        newest,
        column.presentIn(newest),
        bound.withInputs(bound.inputs().stream().map(inputs(newest)::present).toList()),
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

  static TaskResources resources(
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
