package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.MessageDigest;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables in folders that the process may read and not write, by their permissions. */
class ReadOnlyTableIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Runs each call and prints its rows, or the message of its error. */
  private static final String CALLS =
      """
      import json, os, sys
      from pyspark.sql import SparkSession
      spark = SparkSession.builder.getOrCreate()
      tables, calls = sys.argv[1], json.loads(sys.argv[2])
      probe = os.path.join(tables, "declared.lance", "probe")
      try:
          open(probe, "w").close()
          print("WRITABLE", flush=True)
      except PermissionError:
          pass
      for call in calls:
          try:
              answer = [list(map(str, row)) for row in spark.sql("CALL lance.system." + call).collect()]
          except Exception as e:
              java = getattr(e, "java_exception", None)
              answer = java.getMessage() if java else str(e)
          print("ANSWER " + json.dumps({"call": call, "answer": answer}), flush=True)
      """;

  @TempDir private Path folder;

  @Test
  void readingCallsWorkAndBackfillIsRefused() throws Exception {
    SparkDistribution spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    String rows =
        "TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id FROM range(0, 90, 1, 3);";
    try (SparkRun run =
        spark.sql(
            "CREATE TABLE lance.declared " + rows,
            "CREATE TABLE lance.begun " + rows,
            "CALL lance.system.add_column('declared', 'n', 'id + 1');",
            "CALL lance.system.add_column('begun', 'n', 'id + 1');",
            "CALL lance.system.backfill('begun', 'n', max_fragments => 1, job_id => 'one');")) {
      run.output();
    }
    Map<String, String> before = hashes();
    Map<String, JsonNode> answers = new TreeMap<>();
    writable(false);
    try (SparkRun run =
        spark
            .withoutRightsOfRoot()
            .python(
                CALLS,
                spark.tables().toString(),
                JSON.writeValueAsString(
                    List.of(
                        "coverage('declared', 'n')",
                        "coverage('begun', 'n')",
                        "jobs('declared')",
                        "jobs('begun')",
                        "job('begun', 'one')",
                        "backfill('declared', 'n', dry_run => true)",
                        "backfill('begun', 'n', dry_run => true)",
                        "clean('begun', older_than => '0s', dry_run => true)",
                        "backfill('declared', 'n')",
                        "backfill('begun', 'n')",
                        "coverage('begun', 'n')")))) {
      String out = run.output();
      assertThat(out).as("the test's own process may not write").doesNotContain("WRITABLE");
      for (String line : out.lines().filter(l -> l.startsWith("ANSWER ")).toList()) {
        JsonNode answer = JSON.readTree(line.substring("ANSWER ".length()));
        answers.put(answer.get("call").asText(), answer.get("answer"));
      }
    } finally {
      writable(true);
    }
    assertThat(hashes()).isEqualTo(before);
    assertThat(answers).hasSize(10);
    assertThat(answers.get("coverage('declared', 'n')").toString())
        .contains("[\"2\",\"30\",\"0\",\"0\",\"0\",\"30\"");
    assertThat(answers.get("coverage('begun', 'n')").toString())
        .contains("[\"0\",\"30\",\"30\",\"0\",\"0\",\"0\"")
        .contains("[\"2\",\"30\",\"0\",\"0\",\"0\",\"30\"");
    assertThat(answers.get("jobs('declared')")).isEmpty();
    assertThat(answers.get("jobs('begun')").toString()).contains("\"one\"", "PAUSED");
    assertThat(answers.get("job('begun', 'one')")).isNotEmpty();
    assertThat(answers.get("backfill('declared', 'n', dry_run => true)").toString())
        .contains("\"PLANNED\"");
    assertThat(answers.get("backfill('begun', 'n', dry_run => true)").toString())
        .contains("\"PLANNED\"");
    assertThat(answers.get("clean('begun', older_than => '0s', dry_run => true)").isArray())
        .isTrue();
    for (String table : List.of("declared", "begun")) {
      assertThat(answers.get("backfill('" + table + "', 'n')").asText())
          .startsWith("[READ_ONLY_TABLE]")
          .contains(table)
          .contains("Permission denied")
          .contains("rights");
    }
  }

  private void writable(boolean writable) throws IOException {
    Set<PosixFilePermission> write =
        EnumSet.of(
            PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_WRITE);
    try (Stream<Path> files = Files.walk(folder.resolve("tables"))) {
      for (Path file : files.toList()) {
        Set<PosixFilePermission> permissions = new HashSet<>(Files.getPosixFilePermissions(file));
        permissions.removeAll(write);
        if (writable) {
          permissions.add(PosixFilePermission.OWNER_WRITE);
        }
        Files.setPosixFilePermissions(file, permissions);
      }
    }
  }

  private Map<String, String> hashes() throws Exception {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder.resolve("tables"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        hashes.put(file.toString(), HexFormat.of().formatHex(digest));
      }
    }
    return hashes;
  }
}
