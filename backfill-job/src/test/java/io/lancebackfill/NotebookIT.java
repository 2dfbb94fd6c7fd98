package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The notebooks that users begin with, run from top to bottom with the wheel that was built. */
class NotebookIT {
  private static final String RUN =
      """
      import sys, nbformat, nbclient
      notebook = nbformat.read(sys.argv[1], 4)
      try:
          nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
      finally:
          nbformat.write(notebook, sys.argv[2])
      """;

  @TempDir private Path folder;

  /** A notebook after its run. */
  private JsonNode run(String name) throws Exception {
    Path dist = Path.of(System.getProperty("test.dist")).toAbsolutePath();
    Path python = Path.of(System.getProperty("test.python"));
    Path done = folder.resolve("done.ipynb");
    Path log = folder.resolve("log.txt");
    ProcessBuilder builder =
        new ProcessBuilder(
                python.toString(),
                "-c",
                RUN,
                Path.of("src/quickstart", name).toAbsolutePath().toString(),
                done.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("PYTHONPATH", wheel(dist).toString());
    builder.environment().put("LANCE_BACKFILL_JARS", dist.toString());
    builder.environment().put("NOTEBOOK_FOLDER", folder.resolve("tables").toString());
    builder.environment().put("PYSPARK_PYTHON", python.toString());
    builder.environment().put("JAVA_TOOL_OPTIONS", SparkClasses.jvmOptionsOfSparkAlone());
    builder
        .environment()
        .put("NOTEBOOK_DATA", Path.of("src/quickstart/digits.csv.gz").toAbsolutePath().toString());
    // Two addresses that no device has: the model is NumPy's.
    builder.environment().put("CUDA_VISIBLE_DEVICES", "0,1");
    Process process = builder.start();
    try {
      assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();

    return new ObjectMapper().readTree(done.toFile());
  }

  @Test
  void imagesOnTwoGpus() throws Exception {
    JsonNode notebook = run("images.ipynb");
    assertThat(output(notebook, "table")).isEqualTo("1797");
    assertThat(output(notebook, "cluster")).isEqualTo("2");
    assertThat(output(notebook, "manifest")).isEqualTo("1");
    assertThat(output(notebook, "preview")).isEqualTo("36");
    assertThat(output(notebook, "backfill")).isEqualTo("[('DONE', 1797), ('DONE', 1797)]");
    assertThat(output(notebook, "devices")).isIn("['0']", "['1']", "['0', '1']");
    assertThat(output(notebook, "startup"))
        .isEqualTo("['driver', 'first_row', 'first_task', 'function', 'manifest', 'python']");
    assertThat(output(notebook, "exit")).isEqualTo("0");
    assertThat(output(notebook, "query")).matches("9\\d%|100%");
  }

  @Test
  void recoveryFromErrorsAndAKill() throws Exception {
    JsonNode notebook = run("recovery.ipynb");
    assertThat(output(notebook, "fail")).isEqualTo("FUNCTION_FAILED");
    assertThat(output(notebook, "null")).isEqualTo("('DONE_WITH_ERRORS', 4)");
    assertThat(output(notebook, "errors")).contains("ZeroDivisionError").doesNotContain(",");
    assertThat(output(notebook, "fix").lines().filter(line -> line.equals("4"))).hasSize(2);
    assertThat(output(notebook, "interrupted")).isEqualTo("'INTERRUPTED'");
    assertThat(output(notebook, "resume")).isEqualTo("DONE True True\n400");
  }

  @Test
  void firstSteps() throws Exception {
    JsonNode notebook = run("notebook.ipynb");
    int rows = Integer.parseInt(output(notebook, "table"));
    String[] filled = output(notebook, "backfill").replaceAll("[()']", "").split(", ", -1);
    int failed = Integer.parseInt(filled[2]);
    assertThat(filled).containsExactly("DONE_WITH_ERRORS", String.valueOf(rows), filled[2]);
    assertThat(failed).isBetween(1, rows / 2);
    assertThat(output(notebook, "replay")).contains("raised: ", "and the model takes 60");
    assertThat(output(notebook, "fix")).isEqualTo("('DONE', %d)".formatted(failed));
    assertThat(output(notebook, "again")).isEqualTo(String.valueOf(rows - failed));
    assertThat(output(notebook, "query")).contains("cat", "_distance");
  }

  private static Path wheel(Path dist) throws IOException {
    try (Stream<Path> files = Files.list(dist)) {
      return files.filter(file -> file.toString().endsWith(".whl")).findFirst().orElseThrow();
    }
  }

  /** What a cell printed, and its value. */
  private static String output(JsonNode notebook, String cell) {
    for (JsonNode each : notebook.get("cells")) {
      if (each.get("id").asText().equals(cell)) {
        StringBuilder text = new StringBuilder();
        for (JsonNode output : each.get("outputs")) {
          JsonNode lines =
              output.has("text") ? output.get("text") : output.path("data").path("text/plain");
          boolean progress = output.path("name").asText().equals("stderr");
          if (!progress && !output.path("data").has("application/vnd.jupyter.widget-view+json")) {
            lines.forEach(line -> text.append(line.asText()));
            text.append(lines.isTextual() ? lines.asText() : "");
          }
        }
        return text.toString().strip();
      }
    }
    throw new AssertionError("no cell " + cell);
  }
}
