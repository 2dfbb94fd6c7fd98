package io.lancebackfill.procedure.context;

import static org.apache.spark.sql.types.DataTypes.IntegerType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.context.Manifests;
import io.lancebackfill.environment.PythonProgram;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.manifest.pack.PackagingOptions;
import io.lancebackfill.manifest.pack.Part;
import io.lancebackfill.procedure.CallTargets;
import io.lancebackfill.progress.PackagingLines;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;

/** Manifests of what Python workers need installed. */
public final class ManifestProcedures {
  private ManifestProcedures() {}

  public static List<Procedure> all() {
    return List.of(new Define(), new ListAll(), new Drop(), new Clean(), new Variables());
  }

  private static Manifests manifests(ProcedureContext context) {
    return new Manifests(CallTargets.root(context));
  }

  private static ResultSchema packaged() {
    return new ResultSchema()
        .notNull("name", StringType)
        .notNull("hash", StringType)
        .notNull("python", StringType)
        .notNull("parts", IntegerType)
        .notNull("files", LongType)
        .notNull("bytes", LongType);
  }

  private static long files(PackagedManifest manifest) {
    return manifest.parts().stream().mapToLong(Part::files).sum();
  }

  private static long bytes(PackagedManifest manifest) {
    return manifest.parts().stream().mapToLong(Part::bytes).sum();
  }

  private static final class Define implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "define_manifest",
          List.of(
              ProcedureParameter.required(
                  "spec", ParameterType.STRING, "The manifest, JSON or YAML."),
              ProcedureParameter.optional(
                  "skip_site_packages",
                  ParameterType.BOOLEAN,
                  "Whether the workers have the packages of pip already, whatever the manifest"
                      + " says."),
              ProcedureParameter.optional(
                  "local_zip_output_dir",
                  ParameterType.STRING,
                  "A folder of the driver's machine that gets the zips too."),
              ProcedureParameter.optional(
                  "delete_local_zips",
                  ParameterType.BOOLEAN,
                  "Whether that folder loses them again once they are uploaded.")),
          packaged().build(),
          "Packages what Python workers need installed, and keeps it under the manifest's name.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      PackagedManifest manifest =
          manifests(context)
              .define(
                  arguments.string("spec"),
                  options(context.session(), arguments),
                  new PackagingLines(System.err))
              .packaged();
      return List.of(
          RowFactory.create(
              manifest.name(),
              manifest.hash(),
              manifest.target().python(),
              manifest.parts().size(),
              files(manifest),
              bytes(manifest)));
    }

    /** Relative paths are those of the driver's working folder. */
    private static PackagingOptions options(SparkSession session, ProcedureArguments arguments) {
      PackagingOptions.Builder options =
          PackagingOptions.builder()
              .python(PythonProgram.of(session.sparkContext()))
              .skipSitePackages(arguments.bool("skip_site_packages", false))
              .deleteLocalZips(arguments.bool("delete_local_zips", false));
      arguments
          .optionalString("local_zip_output_dir")
          .ifPresent(zips -> options.localZipOutputDir(Path.of(zips)));
      WorkerEnvironment.cache(session.conf()).ifPresent(cache -> options.cache(Path.of(cache)));
      return options.build();
    }
  }

  private static final class ListAll implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "manifests",
          List.of(),
          packaged().notNull("spec", StringType).notNull("defined_at", TimestampType).build(),
          "Lists the manifests of the catalog.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return manifests(context).list().stream()
          .map(
              defined ->
                  RowFactory.create(
                      defined.spec().name(),
                      defined.packaged().hash(),
                      defined.packaged().target().python(),
                      defined.packaged().parts().size(),
                      files(defined.packaged()),
                      bytes(defined.packaged()),
                      defined.spec().toJson(),
                      Timestamp.from(defined.at())))
          .toList();
    }
  }

  private static final class Variables implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "manifest_variables",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the manifest.")),
          new ResultSchema().notNull("variable", StringType).notNull("value", StringType).build(),
          "Installs a manifest on the driver's machine, and lists the variables of a Python that"
              + " runs in it there; none that is a secret.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      SparkSession session = context.session();
      String cache = WorkerEnvironment.cache(session.conf()).orElse(null);
      return manifests(context)
          .environment(arguments.string("name"), cache)
          .variables(PythonProgram.of(session.sparkContext()))
          .entrySet()
          .stream()
          .sorted(Map.Entry.comparingByKey())
          .map(entry -> RowFactory.create(entry.getKey(), entry.getValue()))
          .toList();
    }
  }

  private static final class Clean implements Procedure {
    private static final Duration DEFAULT_AGE = Duration.ofDays(7);

    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "clean_manifests",
          List.of(
              ProcedureParameter.optional(
                  "older_than",
                  ParameterType.DURATION,
                  "What a manifest had more recently stays, for jobs that run with it; a duration"
                      + " such as '1h', by default '7 days'."),
              ProcedureParameter.optional(
                  "dry_run", ParameterType.BOOLEAN, "Lists what would be deleted.")),
          new ResultSchema()
              .notNull("part", StringType)
              .notNull("unnamed_since", TimestampType)
              .build(),
          "Deletes packaged parts that no manifest has any more.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      Duration age = arguments.value("older_than").map(Duration.class::cast).orElse(DEFAULT_AGE);
      return manifests(context).clean(age, arguments.bool("dry_run", false)).stream()
          .map(part -> RowFactory.create(part.hash(), Timestamp.from(part.since())))
          .toList();
    }
  }

  private static final class Drop implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "drop_manifest",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the manifest."),
              ProcedureParameter.optional(
                  "if_exists", ParameterType.BOOLEAN, "Whether there need be none of that name.")),
          new ResultSchema().notNull("name", StringType).build(),
          "Forgets a manifest; what runs with it goes on.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return manifests(context)
          .drop(arguments.string("name"), arguments.bool("if_exists", false))
          .map(dropped -> List.of(RowFactory.create(dropped)))
          .orElse(List.of());
    }
  }
}
