package io.lancebackfill.manifest;

import io.lancebackfill.secret.Secrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Runs Python to its end. */
public final class PythonCommand {
  private PythonCommand() {}

  /**
   * How a run ended.
   *
   * @param exit its exit code; 0 is success
   * @param output what it printed
   * @param errors what it printed to standard error
   */
  public record Result(int exit, String output, String errors) {
    /** The last lines of what it had to say, without passwords of URLs. */
    public String tail(int lines) {
      List<String> all =
          Secrets.redacted(output + "\n" + errors).lines().filter(line -> !line.isBlank()).toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
    }
  }

  /**
   * Runs Python.
   *
   * @param python executable
   * @param folder to run in
   * @param seconds after which it is ended
   * @throws ManifestException if there is no such Python, or if it takes too long
   */
  public static Result run(String python, Path folder, long seconds, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(python));
    command.addAll(List.of(arguments));
    Path output = Files.createTempFile("lance-backfill", ".out");
    Path errors = Files.createTempFile("lance-backfill", ".err");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(folder.toAbsolutePath().toFile())
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile());
      builder.environment().put("PYTHONIOENCODING", "utf-8");
      // pip refuses --target beside a configured --user.
      builder.environment().put("PIP_USER", "0");
      Process process = start(builder, python);
      try {
        process.getOutputStream().close();
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
          throw fault(python, "did not end within " + seconds + " s", null);
        }
      } finally {
        process.destroyForcibly();
      }
      return new Result(process.exitValue(), text(output), text(errors));
    } finally {
      Files.deleteIfExists(output);
      Files.deleteIfExists(errors);
    }
  }

  private static Process start(ProcessBuilder builder, String python) {
    try {
      return builder.start();
    } catch (IOException e) {
      throw fault(python, "cannot be started", e);
    }
  }

  private static ManifestException fault(String python, String problem, @Nullable Throwable cause) {
    return new ManifestException(
        List.of(
            new ManifestFault(
                "python",
                "'" + python + "' " + problem + ". Set spark.pyspark.python to a Python 3.")),
        cause);
  }

  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
