package io.lancebackfill.job;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A Python process with pylance, as other users of a table have it. */
public final class Pylance implements AutoCloseable {
  private static final String SERVER =
      """
      import base64, contextlib, io, lance, pyarrow as pa, sys, traceback
      for line in sys.stdin:
          uri, script = (base64.b64decode(part).decode() for part in line.split())
          printed = io.StringIO()
          try:
              with contextlib.redirect_stdout(printed):
                  exec(script, {'lance': lance, 'pa': pa, 'uri': uri})
              word = 'ok'
          except BaseException:
              word, printed = 'failed', io.StringIO(printed.getvalue() + traceback.format_exc())
          print(word, base64.b64encode(printed.getvalue().encode()).decode(), flush=True)
      """;

  /** For all tests of this JVM, since a start takes longer than most scripts; it ends with it. */
  private static @Nullable Pylance shared;

  private final Process process;
  private final Writer to;
  private final BufferedReader from;

  private Pylance(Map<String, String> environment) throws IOException {
    ProcessBuilder python =
        new ProcessBuilder(System.getProperty("test.python"), "-c", SERVER)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    python.environment().putAll(environment);
    process = python.start();
    to = new BufferedWriter(process.outputWriter(StandardCharsets.UTF_8));
    from = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * What a script prints.
   *
   * @param script has {@code lance}, {@code pa} and {@code uri}
   */
  public static synchronized String run(Path table, String script) {
    try {
      if (shared == null || !shared.process.isAlive()) {
        shared = new Pylance(Map.of());
      }
      return shared.answer(table.toString(), script);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same for a table at any address, in a process with more environment variables. */
  public static String run(String uri, Map<String, String> environment, String script) {
    try (Pylance own = new Pylance(environment)) {
      return own.answer(uri, script);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String answer(String uri, String script) throws IOException {
    to.write(encoded(uri) + " " + encoded(script) + "\n");
    to.flush();
    String answer = from.readLine();
    if (answer == null) {
      throw new AssertionError("the Python process died of\n" + script);
    }
    String[] parts = answer.split(" ", -1);
    String printed =
        new String(Base64.getDecoder().decode(parts[1]), StandardCharsets.UTF_8).strip();
    if (!parts[0].equals("ok")) {
      throw new AssertionError(printed);
    }
    return printed;
  }

  private static String encoded(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    process.destroy();
  }
}
