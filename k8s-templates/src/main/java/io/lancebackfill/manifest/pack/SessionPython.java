package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.Platform;
import io.lancebackfill.manifest.PythonCommand;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Python of the session that packages.
 *
 * @param executable how it is started
 * @param version {@code 3.11.7}
 * @param platform its architecture, as {@link Platform} names it
 * @param linux whether it runs on Linux
 */
record SessionPython(String executable, String version, String platform, boolean linux) {
  private static final String PROGRAM =
      "import platform; print(platform.python_version(), platform.machine(), platform.system())";
  private static final Pattern ANSWER =
      Pattern.compile("(?<version>\\d+\\.\\d+\\.\\S+) (?<machine>\\S+) (?<system>\\S+)\\s*");
  private static final Pattern MINOR = Pattern.compile("(?<minor>\\d+\\.\\d+)(\\..*)?");
  private static final long LIMIT_SECONDS = 60;

  /** A session keeps its Python: it is asked once. */
  private static final Map<String, SessionPython> KNOWN = new ConcurrentHashMap<>();

  static SessionPython of(String executable, Path folder) throws IOException, InterruptedException {
    SessionPython known = KNOWN.get(executable);
    if (known == null) {
      known = ask(executable, folder);
      KNOWN.put(executable, known);
    }
    return known;
  }

  private static SessionPython ask(String executable, Path folder)
      throws IOException, InterruptedException {
    PythonCommand.Result result =
        PythonCommand.run(executable, folder, LIMIT_SECONDS, "-I", "-S", "-c", PROGRAM);
    Matcher answer = ANSWER.matcher(result.output());
    if (result.exit() != 0 || !answer.matches()) {
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  "python",
                  "'"
                      + executable
                      + "' does not work: "
                      + result.tail(5)
                      + ". Set spark.pyspark.python to a Python 3.")));
    }
    return new SessionPython(
        executable,
        answer.group("version"),
        Platform.canonical(answer.group("machine")),
        answer.group("system").equals("Linux"));
  }

  /** {@code 3.11} of {@code 3.11.7}. */
  static String minor(String version) {
    Matcher minor = MINOR.matcher(version);
    return minor.matches() ? minor.group("minor") : version;
  }
}
