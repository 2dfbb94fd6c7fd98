package io.lancebackfill.job;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Runs pylance in a Python process, as other users of a table would. */
public final class Pylance {
  private Pylance() {}

  /**
   * What a script prints.
   *
   * @param script has {@code lance}, {@code pa} and {@code uri}
   */
  public static String run(Path table, String script) {
    return run(table.toString(), Map.of(), script);
  }

  /** The same for a table at any address, with more environment variables. */
  public static String run(String uri, Map<String, String> environment, String script) {
    String program = "import lance, sys, pyarrow as pa\nuri = sys.argv[1]\n" + script;
    ProcessBuilder python =
        new ProcessBuilder(System.getProperty("test.python"), "-c", program, uri)
            .redirectErrorStream(true);
    python.environment().putAll(environment);
    try {
      Process process = python.start();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new AssertionError(output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
