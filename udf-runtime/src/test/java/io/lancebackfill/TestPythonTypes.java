package io.lancebackfill;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.spark.PythonFunctions;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The Python package's types, as mypy sees them. */
class TestPythonTypes {
  @Test
  void areRight() throws Exception {
    Process process =
        new ProcessBuilder(
                PythonFunctions.PYTHON,
                "-m",
                "mypy",
                "--config-file",
                Path.of("src/test/python/mypy.ini").toAbsolutePath().toString(),
                "--cache-dir",
                Path.of("target/mypy").toAbsolutePath().toString(),
                "lance_backfill")
            .directory(Path.of("src/main/python").toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(process.waitFor()).as(output).isZero();
  }
}
