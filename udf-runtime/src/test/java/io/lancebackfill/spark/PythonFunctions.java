package io.lancebackfill.spark;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.api.python.PythonBroadcast;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.JavaConverters;

/** Python functions as pyspark would hand them to the JVM, pickled by a real Python. */
public final class PythonFunctions {
  /** What Spark calls the kinds of Python functions. */
  public static final int PLAIN = 100;

  public static final int PANDAS = 200;

  /** A Python with pyspark. */
  public static final String PYTHON = System.getProperty("test.python", "python3");

  private static final ObjectMapper JSON = new ObjectMapper();

  private PythonFunctions() {}

  /** How a script is given to Python. */
  public enum Mode {
    SCRIPT,
    SHELL
  }

  /**
   * Runs a script of the test resources that prints a JSON object of base64 strings.
   *
   * @param environment in addition to this process's
   */
  public static Map<String, byte[]> pickled(
      String script, Mode mode, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    Path file = resource(script);
    List<String> command = new ArrayList<>(List.of(PYTHON));
    command.addAll(mode == Mode.SHELL ? List.of("-i", "-q") : List.of(file.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectError(ProcessBuilder.Redirect.appendTo(stderr(script).toFile()));
    if (mode == Mode.SHELL) {
      builder.redirectInput(file.toFile());
    }
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("see " + stderr(script)).isZero();
    int json = output.indexOf("JSON{");
    assertThat(json).as("see " + stderr(script)).isNotNegative();
    Map<String, String> texts =
        JSON.readValue(output.substring(json + 4), new TypeReference<>() {});
    Map<String, byte[]> pickled = new LinkedHashMap<>();
    texts.forEach((name, text) -> pickled.put(name, Base64.getDecoder().decode(text)));
    return pickled;
  }

  public static PythonUDF udf(String name, byte[] command) {
    return udf(name, command, PYTHON, Map.of(), List.of());
  }

  public static PythonUDF udf(
      String name,
      byte[] command,
      String python,
      Map<String, String> environment,
      List<Broadcast<PythonBroadcast>> broadcasts) {
    return new PythonUDF(
        name,
        new SimplePythonFunction(
            command, new HashMap<>(environment), List.of(), python, version(), broadcasts, null),
        DataTypes.IntegerType,
        JavaConverters.asScalaBuffer(List.<Expression>of()).toList(),
        PLAIN,
        true,
        NamedExpression.newExprId());
  }

  /** Registers a function as pyspark's {@code spark.udf.register} does. */
  public static void register(
      SparkSession session,
      String name,
      byte[] command,
      int kind,
      Map<String, String> environment) {
    session
        .udf()
        .registerPython(
            name,
            new UserDefinedPythonFunction(
                name,
                new SimplePythonFunction(
                    command,
                    new HashMap<>(environment),
                    List.of(),
                    PYTHON,
                    version(),
                    List.of(),
                    null),
                DataTypes.IntegerType,
                kind,
                true));
  }

  /** The minor version of {@link #PYTHON}. */
  public static String version() {
    return Version.RUNNING;
  }

  private static final class Version {
    static final String RUNNING = ask();

    private static String ask() {
      String print = "import sys; print('%d.%d' % sys.version_info[:2])";
      try {
        Process process = new ProcessBuilder(PYTHON, "-c", print).start();
        return new String(process.getInputStream().readAllBytes(), UTF_8).strip();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static Path resource(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(PythonFunctions.class.getResource("/python/" + name), name)
              .toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path stderr(String script) {
    return Path.of("target", script + ".stderr");
  }
}
