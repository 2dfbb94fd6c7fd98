package io.lancebackfill;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.spark.PythonFunctions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The Python package's own tests, by its modules, as Python's unittest runs them. */
class TestPythonPackage {
  private static final Path TESTS = Path.of("src/test/python").toAbsolutePath();

  static List<String> modules() throws Exception {
    try (Stream<Path> files = Files.list(TESTS)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("test_\\w+\\.py"))
          .map(name -> name.replace(".py", ""))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("modules")
  void passes(String module) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(PythonFunctions.PYTHON, "-B", "-m", "unittest", module)
            .directory(TESTS.toFile())
            .redirectErrorStream(true);
    builder.environment().put("PYTHONPATH", Path.of("src/main/python").toAbsolutePath().toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(process.waitFor()).as(output).isZero();
  }
}
