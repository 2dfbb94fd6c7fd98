package io.lancebackfill.job;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;

/** One Python process with pylance that runs many scripts: starting one for each is dear. */
final class PylanceProcess implements AutoCloseable {
  private static final String SERVER =
      """
      import base64, lance, pyarrow as pa, sys, traceback
      for line in sys.stdin:
          uri, script = (base64.b64decode(part).decode() for part in line.split())
          try:
              exec(script, {'lance': lance, 'pa': pa, 'uri': uri})
              print('ok', flush=True)
          except Exception:
              print(base64.b64encode(traceback.format_exc().encode()).decode(), flush=True)
      """;

  private final Process process;
  private final Writer to;
  private final BufferedReader from;

  PylanceProcess() {
    try {
      process =
          new ProcessBuilder(System.getProperty("test.python"), "-c", SERVER)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    to = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
    from =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /**
   * Runs a script to its end.
   *
   * @param script has {@code lance}, {@code pa} and {@code uri}
   */
  void run(Path table, String script) {
    try {
      to.write(encoded(table.toString()) + " " + encoded(script) + "\n");
      to.flush();
      String answer = from.readLine();
      if (answer == null) {
        throw new AssertionError("the Python process is gone");
      }
      if (!answer.equals("ok")) {
        throw new AssertionError(
            new String(Base64.getDecoder().decode(answer), StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String encoded(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    process.destroy();
  }
}
