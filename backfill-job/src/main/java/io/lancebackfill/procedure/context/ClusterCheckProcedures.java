package io.lancebackfill.procedure.context;

import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.check.Finding;
import io.lancebackfill.cluster.fields.SpecProblem;
import io.lancebackfill.context.Clusters;
import io.lancebackfill.context.GroupResources;
import io.lancebackfill.context.PodFindings;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.procedure.CallTargets;
import io.lancebackfill.resource.FunctionResources;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** Whether a cluster can run what is asked of it, and why executors do not run. */
public final class ClusterCheckProcedures {
  private static final StructType FINDINGS =
      new ResultSchema()
          .notNull("severity", StringType)
          .notNull("code", StringType)
          .notNull("problem", StringType)
          .notNull("cause", StringType)
          .notNull("remedy", StringType)
          .build();

  private ClusterCheckProcedures() {}

  public static List<Procedure> all() {
    return List.of(new Check(), new Diagnose());
  }

  private static List<Finding> findings(Supplier<List<Finding>> look) {
    try {
      return look.get();
    } catch (LinkageError e) {
      throw new BackfillException(
          BackfillErrorCode.MISSING_JARS,
          "This Spark has no client of Kubernetes (%s). Add spark-kubernetes_2.12 of Spark's own version to it, with what that needs."
              .formatted(e),
          e);
    }
  }

  private static Row row(Finding finding) {
    return RowFactory.create(
        finding.severity().name(),
        finding.code().name(),
        finding.problem(),
        finding.cause(),
        finding.remedy());
  }

  private static final class Check implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "check_cluster",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the cluster."),
              ProcedureParameter.optional(
                  "concurrency",
                  ParameterType.INT,
                  "Tasks that shall run at once, for what that requests; 1 if it is left out."),
              ProcedureParameter.optional(
                  "num_cpus", ParameterType.DOUBLE, "CPUs of a task; 1 if it is left out."),
              ProcedureParameter.optional(
                  "num_gpus", ParameterType.DOUBLE, "GPUs of a task; none if it is left out."),
              ProcedureParameter.optional(
                  "memory", ParameterType.STRING, "Memory of a task, such as '2g'."),
              ProcedureParameter.optional(
                  "worker_group", ParameterType.STRING, "The worker group to take."),
              ProcedureParameter.optional(
                  "deploy_mode",
                  ParameterType.STRING,
                  "client or cluster, by whose accounts the driver acts; client if it is left"
                      + " out.")),
          FINDINGS,
          "Whether a cluster can run what its definition says, and what a job requests of it; starts"
              + " nothing.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      ClusterSpec cluster = new Clusters(CallTargets.root(context)).named(arguments.string("name"));
      List<Row> rows = new ArrayList<>();
      for (SpecProblem warning : cluster.warnings()) {
        rows.add(
            RowFactory.create(
                "WARNING", "CLUSTER_SPEC", warning.path(), warning.problem(), warning.remedy()));
      }
      GroupResources.sizing(
              cluster,
              arguments.optionalString("worker_group").orElse(null),
              needs(arguments),
              arguments.intValue("concurrency", 1),
              inPod(arguments))
          .ifPresent(
              sizing ->
                  rows.add(
                      RowFactory.create(
                          "INFO",
                          "SIZING",
                          "what the job requests of worker group " + sizing.group().name(),
                          sizing.table(),
                          "")));
      if (cluster.type() == ClusterType.KUBERNETES) {
        findings(
                () ->
                    PodFindings.ofDefinition(
                        context.session().sparkContext(), cluster, inPod(arguments)))
            .forEach(finding -> rows.add(row(finding)));
      }
      return rows;
    }

    private static boolean inPod(ProcedureArguments arguments) {
      return arguments.optionalString("deploy_mode").filter("cluster"::equals).isPresent();
    }

    private static FunctionResources needs(ProcedureArguments arguments) {
      return new FunctionResources(
          arguments.optionalDouble("num_cpus").orElse(1.0),
          arguments.optionalDouble("num_gpus").orElse(0.0),
          arguments.optionalString("memory").map(JavaUtils::byteStringAsBytes).orElse(0L));
    }
  }

  private static final class Diagnose implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "diagnose",
          List.of(
              ProcedureParameter.optional(
                  "cluster",
                  ParameterType.STRING,
                  "Name of the cluster; that of this session if it is left out."),
              ProcedureParameter.optional(
                  "application",
                  ParameterType.STRING,
                  "Spark's id of an application, such as 'spark-3f2a...'; this session's if it is"
                      + " left out.")),
          FINDINGS,
          "Why executors' pods wait, or ended; nothing if all of them run.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      SparkContext spark = context.session().sparkContext();
      ClusterSpec cluster =
          arguments
              .optionalString("cluster")
              .map(name -> new Clusters(CallTargets.root(context)).named(name))
              .orElse(null);
      boolean kubernetes =
          cluster == null
              ? spark.master().startsWith("k8s")
              : cluster.type() == ClusterType.KUBERNETES;
      if (!kubernetes) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_ARGUMENT,
            "This session runs on %s, where there are no pods to look at. Name a 'cluster' of type kubernetes and an 'application', or call it in a session on Kubernetes."
                .formatted(spark.master()));
      }
      String application = arguments.optionalString("application").orElse(spark.applicationId());
      return findings(() -> PodFindings.ofApplication(spark, cluster, application)).stream()
          .map(ClusterCheckProcedures::row)
          .toList();
    }
  }
}
