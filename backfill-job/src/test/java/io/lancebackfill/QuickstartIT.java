package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's first command, as it stands, on the jars that the build has just made. */
class QuickstartIT {
  @TempDir private Path folder;

  @Test
  void fillsThreeColumnsAndSurvivesBeingKilled() throws IOException, InterruptedException {
    Path script = Path.of("src/quickstart/quickstart.sh").toAbsolutePath();
    Path output = folder.resolve("output.txt");
    ProcessBuilder builder =
        new ProcessBuilder("bash", script.toString(), "--built")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    Path python = Path.of(System.getProperty("test.python"));
    builder.environment().put("PYTHON_ENV", python.getParent().getParent().toString());
    Process process = builder.start();
    try {
      assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    String printed = Files.readString(output, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(printed).isZero();
    assertThat(printed)
        .contains("killed after", "taken over from earlier work", "INTERRUPTED", "recognised")
        .doesNotContain("WARN", "Exception", "Traceback");
  }
}
