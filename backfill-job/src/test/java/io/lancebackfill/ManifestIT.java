package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A manifest of one program's, in an object store, for workers that have none of its packages. */
class ManifestIT {
  /** The package that pip installs, and the module, are on nobody's path but the manifest's. */
  private static final String AUTHOR =
      """
      import json, os, sys, zipfile
      from pyspark.sql import SparkSession
      from lance_backfill import connect, udf
      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      folder = sys.argv[1]

      info = "tiny-1.0.dist-info/"
      files = {
          "tiny/__init__.py": "FACTOR = 3\\n",
          info + "METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n",
          info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
      }
      files[info + "RECORD"] = "".join(name + ",,\\n" for name in files) + info + "RECORD,,\\n"
      with zipfile.ZipFile(os.path.join(folder, "tiny-1.0-py3-none-any.whl"), "w") as wheel:
          for name, content in files.items():
              wheel.writestr(name, content)
      def write(name, text):
          path = os.path.join(folder, name)
          with open(path, "w") as file:
              file.write(text)
          return path

      def define(**spec):
          row = spark.sql("CALL lance.system.define_manifest(spec => :s)", {"s": json.dumps(spec)}).first()
          print("defined:", row["name"], row["files"] > 0)
      define(
          name="nightly", pip=["tiny==1.0"], env_vars={"PLUS": "7"},
          requirements=write("requirements.txt", "--no-index\\n--find-links %s\\n" % folder),
          py_modules=[write("adding.py", "import os\\ndef add(x):\\n    return x + int(os.environ['PLUS'])\\n")])
      define(name="lacking", python="3.99", pip=["pyarrow==0.1", "tiny==1.0"], skip_site_packages=True)

      spark.sql("CREATE TABLE lance.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 40, 1, 4)").collect()

      @udf(version="1")
      def computed(id: int) -> int:
          import adding, tiny
          return adding.add(id * tiny.FACTOR)
      db.open_table("t").add_columns({"value": computed})
      """;

  private static final String TRUST = "SET spark.lancebackfill.functions.trust=true;";
  private static final String CACHE = "spark.lancebackfill.environments.cache";

  @TempDir private Path folder;

  @Test
  void aManifestOfAPythonProgramServesSparkSqlOnACluster() throws Exception {
    try (S3Server server = new S3Server(folder)) {
      SparkDistribution spark = new SparkDistribution(folder).jarsOfTheApplication();
      S3Server.catalog(spark, server.port());
      spark.conf("spark.submit.pyFiles", spark.bundle().toString());
      define(spark);
      run(spark);
    }
  }

  private void define(SparkDistribution spark) throws Exception {
    spark.conf(CACHE, folder.resolve("author").toString());
    Path files = Files.createDirectories(folder.resolve("files"));
    try (SparkRun run = spark.python(AUTHOR, files.toString())) {
      assertThat(run.output()).contains("defined: nightly True", "defined: lacking False");
      assertThat(run.stderr()).contains("manifest: installing done", "manifest: uploading done");
      assertThat(run.stdout() + run.stderr()).doesNotContain(S3Server.SECRET);
    }
    // The author's machine is gone.
    try (var kept = Files.list(files)) {
      for (Path file : kept.toList()) {
        Files.delete(file);
      }
    }
  }

  private void run(SparkDistribution spark) throws Exception {
    Path machine = folder.resolve("machine");
    spark.conf(CACHE, machine.toString());
    try (var ignored = StandaloneCluster.start(spark, folder)) {
      try (SparkRun run = spark.sql(TRUST, backfill("lacking"))) {
        assertThat(run.exitStatus()).isNotZero();
        assertThat(run.stderr())
            .contains("[ENVIRONMENT_MISMATCH] python: manifest 'lacking' wants 3.99, ")
            .contains("[ENVIRONMENT_MISMATCH] pyarrow: manifest 'lacking' wants 0.1, ")
            .contains("[ENVIRONMENT_MISMATCH] tiny: manifest 'lacking' wants 1.0, ")
            .doesNotContain(S3Server.SECRET);
      }
      try (SparkRun run =
          spark.sql(
              TRUST,
              "SELECT 'before', count(value) FROM lance.t;",
              backfill("nightly"),
              "SELECT 'right', count(*) FROM lance.t WHERE value = id * 3 + 7;")) {
        assertThat(run.output()).contains("before\t0\n", "\tDONE\t", "right\t40\n");
        assertThat(run.stderr()).doesNotContain(S3Server.SECRET);
      }
    }
    assertThat(machine.resolve("trees")).isNotEmptyDirectory();
  }

  private static String backfill(String manifest) {
    return "CALL lance.system.backfill(table => 't', column => 'value', manifest => '%s');"
        .formatted(manifest);
  }
}
