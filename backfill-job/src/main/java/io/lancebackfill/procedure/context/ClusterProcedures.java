package io.lancebackfill.procedure.context;

import static org.apache.spark.sql.types.DataTypes.IntegerType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.fields.SpecProblem;
import io.lancebackfill.cluster.files.BackfillJob;
import io.lancebackfill.cluster.files.DeploymentFiles;
import io.lancebackfill.cluster.spark.SessionSettings;
import io.lancebackfill.context.Clusters;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.procedure.CallTargets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** Definitions of clusters. */
public final class ClusterProcedures {
  private ClusterProcedures() {}

  public static List<Procedure> all() {
    return List.of(new Define(), new ListAll(), new Drop(), new Settings(), new Files());
  }

  private static Clusters clusters(ProcedureContext context) {
    return new Clusters(CallTargets.root(context));
  }

  private static String type(ClusterSpec cluster) {
    return cluster.type().name().toLowerCase(Locale.ROOT);
  }

  private static final class Define implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "define_cluster",
          List.of(
              ProcedureParameter.required(
                  "spec", ParameterType.STRING, "The definition, JSON or YAML.")),
          new ResultSchema()
              .notNull("name", StringType)
              .notNull("type", StringType)
              .notNull("worker_groups", IntegerType)
              .notNull("warnings", StringType)
              .build(),
          "Keeps the definition of a cluster, in the place of one of its name.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      ClusterSpec cluster = clusters(context).define(arguments.string("spec"));
      List<String> warnings = cluster.warnings().stream().map(SpecProblem::toString).toList();
      return List.of(
          RowFactory.create(
              cluster.name(),
              type(cluster),
              cluster.workerGroups().size(),
              String.join("\n", warnings)));
    }
  }

  private static final class ListAll implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "clusters",
          List.of(),
          new ResultSchema()
              .notNull("name", StringType)
              .notNull("type", StringType)
              .notNull("worker_groups", IntegerType)
              .notNull("spec", StringType)
              .notNull("defined_at", TimestampType)
              .build(),
          "Lists the clusters that the catalog has definitions of.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return clusters(context).list().stream()
          .map(
              defined ->
                  RowFactory.create(
                      defined.cluster().name(),
                      type(defined.cluster()),
                      defined.cluster().workerGroups().size(),
                      defined.cluster().toJson(),
                      java.sql.Timestamp.from(defined.at())))
          .toList();
    }
  }

  private static final class Drop implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "drop_cluster",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the cluster."),
              ProcedureParameter.optional(
                  "if_exists", ParameterType.BOOLEAN, "Whether there need be none of that name.")),
          new ResultSchema().notNull("name", StringType).build(),
          "Forgets the definition of a cluster; what runs on it goes on.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return clusters(context)
          .drop(arguments.string("name"), arguments.bool("if_exists", false))
          .map(dropped -> List.of(RowFactory.create(dropped)))
          .orElse(List.of());
    }
  }

  private static final class Files implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "cluster_files",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the cluster."),
              ProcedureParameter.optional(
                  "conf", ParameterType.STRING_MAP, "Settings of Spark besides the cluster's."),
              ProcedureParameter.optional(
                  "arguments",
                  ParameterType.STRING_ARRAY,
                  "Arguments of BackfillMain, for the application to run.")),
          new ResultSchema().notNull("file", StringType).notNull("content", StringType).build(),
          "Files to deploy a cluster with: roles and accounts, pod templates, an image, an"
              + " application of the spark-operator.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      ClusterSpec cluster = clusters(context).named(arguments.string("name"));
      try {
        BackfillJob job =
            new BackfillJob(arguments.stringMap("conf"), arguments.strings("arguments"));
        List<Row> rows = new ArrayList<>();
        DeploymentFiles.of(cluster, job)
            .forEach((file, content) -> rows.add(RowFactory.create(file, content)));
        return rows;
      } catch (IllegalArgumentException e) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
      }
    }
  }

  private static final class Settings implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "cluster_settings",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the cluster."),
              ProcedureParameter.optional(
                  "deploy_mode",
                  ParameterType.STRING,
                  "client, the driver in the process that starts it, or cluster, in a pod; client if"
                      + " it is left out.")),
          new ResultSchema().notNull("key", StringType).notNull("value", StringType).build(),
          "Spark's settings of a session on a cluster, to be given when it starts.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      ClusterSpec cluster = clusters(context).named(arguments.string("name"));
      String mode = arguments.optionalString("deploy_mode").orElse("client");
      boolean inPod = mode.equals("cluster");
      if (!inPod && !mode.equals("client")) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_ARGUMENT,
            "Argument 'deploy_mode' is '%s'. It is client or cluster.".formatted(mode));
      }
      if (inPod && cluster.type() != ClusterType.KUBERNETES) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_ARGUMENT,
            "Cluster %s is of type %s, whose driver runs in no pod. Leave deploy_mode out."
                .formatted(cluster.name(), type(cluster)));
      }
      Map<String, String> settings =
          inPod ? SessionSettings.cluster(cluster) : SessionSettings.client(cluster, null);
      List<Row> rows = new ArrayList<>();
      settings.forEach((key, value) -> rows.add(RowFactory.create(key, value)));
      return rows;
    }
  }
}
