package io.lancebackfill.procedure.context;

import static io.lancebackfill.config.BackfillOptions.ADMISSION_TIMEOUT;
import static io.lancebackfill.config.BackfillOptions.CLUSTER;
import static io.lancebackfill.config.BackfillOptions.MANIFEST;
import static io.lancebackfill.config.BackfillOptions.WORKER_GROUP;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.config.FunctionNeeds;
import io.lancebackfill.context.AdmissionWatch;
import io.lancebackfill.context.Clusters;
import io.lancebackfill.context.GroupResources;
import io.lancebackfill.context.Manifests;
import io.lancebackfill.context.WarmUp;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.environment.PythonProgram;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.job.BackfillCheck;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.table.TableTarget;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/** Readies a session for backfills: with what a call of one with the same options would get. */
public final class WarmUpCall {
  private final SparkSession spark;
  private final Map<String, Object> options;
  private final int executors;
  private final Consumer<String> notices;

  /**
   * @param options of a backfill, by name
   * @param executors how many there shall be; 0 for one at least
   * @param notices is told what a user should know meanwhile
   */
  public WarmUpCall(
      SparkSession spark, Map<String, Object> options, int executors, Consumer<String> notices) {
    this.spark = spark;
    this.options = options;
    this.executors = executors;
    this.notices = notices;
  }

  /**
   * For backfills of one column, with its function loaded if Python workers run that.
   *
   * @throws BackfillException as a backfill's call, with a line for each fault
   */
  WarmUp of(TableTarget table, String column) {
    BackfillCheck.Runs runs = BackfillCheck.runs(spark, table, column, options);
    ArrowFunction function =
        runs.computation() instanceof Computation.OfFunction called && called.isPython()
            ? called.function()
            : null;
    return warmUp(
        runs.conf(),
        runs.cluster(),
        runs.resources(),
        new WarmUp.Content(
            program(), runs.computation().environment().orElse(null), function, table.ref()));
  }

  /**
   * For backfills of any column.
   *
   * @param root folder of the catalog
   * @throws BackfillException CLUSTER_NOT_FOUND, MANIFEST_NOT_FOUND, INVALID_OPTION and what {@link
   *     GroupResources} finds, with a line for each
   */
  public WarmUp of(DatasetRef root) {
    BackfillConf conf = BackfillConf.resolve(options, Map.of(), spark.conf());
    Faults faults = new Faults();
    ClusterSpec cluster =
        faults.collect(() -> conf.optional(CLUSTER).map(new Clusters(root)::named).orElse(null));
    WorkerEnvironment environment =
        faults.collect(
            () ->
                conf.optional(MANIFEST)
                    .map(
                        name ->
                            new Manifests(root)
                                .environment(
                                    name, WorkerEnvironment.cache(spark.conf()).orElse(null)))
                    .orElse(null));
    faults.throwIfAny();
    SparkContext context = spark.sparkContext();
    FunctionResources asked = FunctionNeeds.of(conf);
    TaskResources resources =
        cluster == null
            ? TaskResources.of(context, asked, true)
            : GroupResources.of(
                context,
                cluster,
                conf.optional(WORKER_GROUP).orElse(null),
                asked,
                true,
                environment == null ? Map.of() : environment.secrets());
    return warmUp(conf, cluster, resources, new WarmUp.Content(program(), environment, null, null));
  }

  private String program() {
    return PythonProgram.of(spark.sparkContext());
  }

  private WarmUp warmUp(
      BackfillConf conf,
      @Nullable ClusterSpec cluster,
      TaskResources resources,
      WarmUp.Content content) {
    return new WarmUp(
        spark.sparkContext(),
        new WarmUp.Place(
            cluster,
            resources,
            FunctionNeeds.of(conf).gpus(),
            executors,
            conf.optional(ADMISSION_TIMEOUT).orElse(AdmissionWatch.defaultTimeout(cluster))),
        content,
        notices);
  }
}
