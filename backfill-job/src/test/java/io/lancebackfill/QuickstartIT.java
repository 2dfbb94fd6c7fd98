package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The README's first command, as it stands, on the jars that the build has just made. */
class QuickstartIT {
  private static final Path SCRIPT = Path.of("src/quickstart/quickstart.sh").toAbsolutePath();

  @TempDir private Path folder;

  private record Ended(int status, String printed) {}

  private Ended quickstart(Map<String, String> settings) throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    ProcessBuilder builder =
        new ProcessBuilder("bash", SCRIPT.toString(), "--built")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    Path python = Path.of(System.getProperty("test.python"));
    builder.environment().put("PYTHON_ENV", python.getParent().getParent().toString());
    builder.environment().put("QUICKSTART_WORK", folder.resolve("work").toString());
    builder.environment().remove("LANCE_LOG");
    builder.environment().put("JAVA_TOOL_OPTIONS", SparkClasses.jvmOptionsOfSparkAlone());
    builder.environment().putAll(settings);
    Process process = builder.start();
    try {
      assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    return new Ended(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
  }

  /** The slow model gets fewer texts, so that it takes the time that the usual one takes. */
  @ParameterizedTest
  @CsvSource({"1, 73416", "0.1, 4000", "10, 16000"})
  void killsItselfHalfwayWhateverTheSpeedOfItsModel(String speed, String texts)
      throws IOException, InterruptedException {
    Ended ended = quickstart(Map.of("QUICKSTART_MODEL_SPEED", speed, "QUICKSTART_TEXTS", texts));
    assertThat(ended.status()).as(ended.printed()).isZero();
    assertThat(ended.printed())
        .contains("killed: the process ended with 137", "INTERRUPTED", "recognised")
        .containsPattern("killed +the driver \\(process \\d+, by SIGKILL\\) as its model took row")
        .containsPattern("kept +[\\d,]+ rows, which were not computed again: [1-9][\\d,]+ were in")
        .contains("embedding: DONE, ", "nearest to 'a cat that laughs': ")
        .doesNotContain("WARN", "INFO:", "Exception", "Traceback", "not stable yet");
  }

  @Test
  void saysWhatToDoIfItFails() throws IOException, InterruptedException {
    Ended ended = quickstart(Map.of("PYTHON_ENV", folder.resolve("nothing").toString()));
    assertThat(ended.status()).isEqualTo(1);
    assertThat(ended.printed())
        .endsWith("Nothing is built yet.\nWhat to do: Run this without --built.\n");
  }
}
