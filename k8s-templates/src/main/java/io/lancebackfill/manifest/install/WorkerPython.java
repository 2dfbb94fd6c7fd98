package io.lancebackfill.manifest.install;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.Platform;
import io.lancebackfill.manifest.PythonCommand;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a worker's Python says of itself.
 *
 * @param version {@code 3.11.7}
 * @param platform its architecture
 * @param packages versions by normalised name, as it would import them
 */
record WorkerPython(String version, String platform, Map<String, String> packages) {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final long LIMIT_SECONDS = 120;

  /** The first distribution of a name on sys.path is the one that is imported. */
  private static final String PROGRAM =
      """
      import importlib.metadata, json, platform, re, sys
      sys.path[:0] = sys.argv[1:]
      packages = {}
      for found in importlib.metadata.distributions():
          name = found.metadata["Name"]
          if name:
              packages.setdefault(re.sub(r"[-_.]+", "-", name).lower(), found.version)
      print(json.dumps({"version": platform.python_version(), "platform": platform.machine(),
                        "packages": packages}))
      """;

  /**
   * Asks a Python.
   *
   * @param sysPath folders that go before its own
   */
  static WorkerPython of(String python, Path folder, List<Path> sysPath)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("-c", PROGRAM));
    sysPath.forEach(entry -> arguments.add(entry.toString()));
    PythonCommand.Result result =
        PythonCommand.run(python, folder, LIMIT_SECONDS, arguments.toArray(new String[0]));
    if (result.exit() != 0) {
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  "python",
                  "'"
                      + python
                      + "' of this worker does not work: "
                      + result.tail(5)
                      + ". Set spark.pyspark.python to a Python 3.")));
    }
    JsonNode answer = MAPPER.readTree(result.output());
    return new WorkerPython(
        answer.path("version").asText(),
        Platform.canonical(answer.path("platform").asText()),
        MAPPER.convertValue(answer.path("packages"), new TypeReference<Map<String, String>>() {}));
  }
}
