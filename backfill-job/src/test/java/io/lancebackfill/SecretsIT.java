package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.job.Pylance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The credentials of a catalog, and a token that functions find in their environment, are in
 * nothing that a program of every kind of call leaves behind.
 */
class SecretsIT {
  private static final String TOKEN = "canary-of-the-hub-71b3";

  private static final String PROGRAM =
      """
      import json, os, sys
      from pyspark.sql import SparkSession
      from lance_backfill import BackfillError, connect, udf
      folder = sys.argv[1]
      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      def call(statement, **values):
          rows = spark.sql("CALL lance.system." + statement, values).collect()
          print(statement, rows)
          return rows
      token = {"HUB_TOKEN": {"secret": "hub", "key": "token"}}
      call("define_cluster(spec => :s)", s=json.dumps({
          "name": "pools", "type": "kubernetes", "namespace": "jobs", "image": "registry/image:1",
          "head_group": {"num_cpus": 1, "memory": "2Gi", "secret_env_vars": token},
          "worker_groups": [{"name": "cpu", "num_cpus": 2, "memory": "4Gi", "max_replicas": 2,
                             "secret_env_vars": token}]}))
      call("clusters()")
      call("cluster_settings(name => 'pools')")
      files = call("cluster_files(name => 'pools')")
      assert any("secretKeyRef" in file.content for file in files), files
      module = os.path.join(folder, "hub.py")
      with open(module, "w") as file:
          file.write("import os\\ndef known():\\n    return len(os.environ['HUB_TOKEN'])\\n")
      call("define_manifest(spec => :s)", s=json.dumps({
          "name": "hub", "py_modules": [module], "secret_env_vars": {"HUB_TOKEN": "hub/token"}}))
      call("manifests()")

      spark.sql("CREATE TABLE lance.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 40, 1, 4)").collect()
      @udf(version="1", on_error="null")
      def length(id: int) -> int:
          import hub
          if id % 10 == 7:
              raise ValueError("no %d here" % id)
          return hub.known() + id
      t = db.open_table("t")
      t.add_columns({"n": length, "twice": "n * 2"})
      call("warm_up(table => 't', column => 'n', manifest => 'hub')")
      job = t.backfill("n", manifest="hub")
      print(job, t.backfill("twice"), t.jobs().to_pylist(), t.get_errors().to_pylist(), t)
      call("job(table => 't', job_id => :j)", j=job.job_id)
      call("coverage(table => 't', column => 'n')")
      call("functions()")
      spark.sql("EXPLAIN EXTENDED SELECT n FROM lance.t WHERE id > 3").show(truncate=False)
      spark.sql("EXPLAIN EXTENDED CALL lance.system.coverage('t', 'n')").show(truncate=False)
      for refused in ("backfill(table => 's3://bucket/none.lance', column => 'n')",
                      "backfill(table => 's3://nowhere/t.lance', column => 'n')",
                      "backfill(table => 't', column => 'n', cluster => 'pool')"):
          try:
              call(refused)
          except Exception as e:
              print(refused, e)
      print("values:", t.to_spark().where("n = %d + id AND twice = 2 * n" % len(sys.argv[2])).count())
      """;

  /** Every dataset of the bucket as text, and every object as it is. */
  private static final String CONTENTS =
      """
      import boto3
      client = boto3.client("s3")
      keys = [o["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket="bucket")
              for o in page.get("Contents", [])]
      bodies = {key: client.get_object(Bucket="bucket", Key=key)["Body"].read() for key in keys}
      folders = sorted({key.split("/_versions/")[0] for key in keys if "/_versions/" in key})
      read = 0
      for folder in folders:
          data = lance.dataset("s3://bucket/" + folder)
          bodies[folder] = repr((data.to_table().to_pylist(), data.schema)).encode()
          read += data.count_rows()
      for key, body in bodies.items():
          for secret in %s:
              assert secret.encode() not in body, "%%s holds %%s" %% (key, secret)
      assert len(folders) > 5 and read > 60, (folders, read)
      """;

  @TempDir private Path folder;

  @Test
  void noSecretIsLeftBehind() throws Exception {
    List<String> secrets = List.of(S3Server.SECRET, TOKEN);
    Path written = Files.createDirectories(folder.resolve("written"));
    Path events = Files.createDirectories(folder.resolve("events"));
    try (S3Server server = new S3Server(folder)) {
      SparkDistribution spark = new SparkDistribution(folder);
      S3Server.catalog(spark, server.port());
      spark.conf("spark.submit.pyFiles", spark.bundle().toString());
      spark.conf("spark.log.level", "INFO");
      spark.conf("spark.eventLog.enabled", "true");
      spark.conf("spark.eventLog.dir", events.toUri().toString());
      spark.conf("spark.executorEnv.HUB_TOKEN", TOKEN);
      spark.conf("spark.lancebackfill.environments.cache", folder.resolve("cache").toString());
      try (var ignored = StandaloneCluster.start(spark, folder)) {
        try (SparkRun run = spark.python(PROGRAM, written.toString(), "x".repeat(TOKEN.length()))) {
          assertThat(run.exitStatus()).as(run.stderr()).isZero();
          assertThat(run.stdout()).contains("values: 36").contains("no 7 here");
          assertThat(run.stdout() + run.stderr()).doesNotContain(secrets);
        }
      }
      Pylance.run(
          "s3://bucket",
          server.environment(),
          CONTENTS.formatted("[\"%s\", \"%s\"]".formatted(secrets.toArray())));
    }
    List<Path> left = filesBelow(folder);
    assertThat(left).anyMatch(file -> file.startsWith(events));
    assertThat(left).anyMatch(file -> file.endsWith("stderr") && file.toString().contains("work"));
    for (Path file : left) {
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      assertThat(secrets).as(file.toString()).noneMatch(text::contains);
    }
  }

  private static List<Path> filesBelow(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }
}
