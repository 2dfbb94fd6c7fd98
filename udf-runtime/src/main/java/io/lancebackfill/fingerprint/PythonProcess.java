package io.lancebackfill.fingerprint;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lancebackfill.fingerprint.PythonFingerprint.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.python.PythonBroadcast;
import org.apache.spark.api.python.PythonFunction;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.jspecify.annotations.Nullable;
import scala.Option;

/** One run of the session's Python, which gets functions by stdin and prints their hashes. */
final class PythonProcess {
  private static final List<String> MODULES =
      List.of(
          "lance_backfill/__init__.py",
          "lance_backfill/fingerprint/__init__.py",
          "lance_backfill/fingerprint/canonical.py",
          "lance_backfill/fingerprint/code.py",
          "lance_backfill/fingerprint/library.py",
          "lance_backfill/fingerprint/request.py");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int STDERR_TAIL = 2000;

  /** Reads the modules themselves from stdin, so that no file need lie anywhere. */
  private static final String BOOTSTRAP =
      """
      import importlib.abc, importlib.util, json, sys
      stdin = sys.stdin.buffer
      sources = json.loads(stdin.read(int(stdin.readline())))
      def file(name, package):
          return name.replace(".", "/") + ("/__init__.py" if package else ".py")
      class Sent(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
          def is_package(self, name):
              return file(name, True) in sources
          def get_source(self, name):
              return sources[file(name, self.is_package(name))]
          def find_spec(self, name, path, target=None):
              if file(name, True) in sources or file(name, False) in sources:
                  return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))
      sys.meta_path.insert(0, Sent())
      from lance_backfill.fingerprint.request import main
      main()
      """;

  private final String python;
  private final Duration timeout;

  PythonProcess(String python) {
    this(python, Duration.ofSeconds(60));
  }

  PythonProcess(String python, Duration timeout) {
    this.python = python;
    this.timeout = timeout;
  }

  /**
   * What one run found out.
   *
   * @param outcomes one for each function, in order
   * @param files the user's own files that Python imported for it
   */
  record Answer(List<Outcome> outcomes, ImportedFiles files) {}

  /**
   * Looks at functions.
   *
   * @throws FingerprintException if Python cannot be run, takes too long or dies
   */
  Answer fingerprints(List<PythonUDF> functions) {
    byte[] input = input(functions);
    Process process = start(functions, candidates());
    try {
      CompletableFuture<byte[]> output = read(process.getInputStream());
      CompletableFuture<byte[]> errors = read(process.getErrorStream());
      CompletableFuture<Void> sent = send(process.getOutputStream(), input);
      if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        throw failed("did not answer within %d s".formatted(timeout.toSeconds()), "", null);
      }
      String stderr = new String(errors.join(), UTF_8);
      if (process.exitValue() != 0) {
        throw failed("ended with exit code %d".formatted(process.exitValue()), stderr, null);
      }
      sent.join();
      return answer(functions, output.join(), stderr);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed("was interrupted", "", e);
    } catch (CompletionException e) {
      throw failed("closed its pipes: " + e.getCause(), "", e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** The workers' Python may exist on executors only: then the driver's own, then any. */
  private List<String> candidates() {
    Set<String> candidates = new LinkedHashSet<>(List.of(python));
    if (SparkEnv.get() != null) {
      Option<String> driver = SparkEnv.get().conf().getOption("spark.pyspark.driver.python");
      if (driver.isDefined()) {
        candidates.add(driver.get());
      }
    }
    candidates.add("python3");
    return List.copyOf(candidates);
  }

  private Process start(List<PythonUDF> functions, List<String> candidates) {
    IOException failure = null;
    for (String candidate : candidates) {
      ProcessBuilder builder = new ProcessBuilder(candidate, "-c", BOOTSTRAP);
      Map<String, String> environment = builder.environment();
      functions.get(0).func().envVars().forEach(environment::put);
      environment.put("PYTHONPATH", pythonPath(functions, environment.get("PYTHONPATH")));
      environment.put("PYTHONDONTWRITEBYTECODE", "1");
      try {
        return builder.start();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    throw failed("cannot be started", "", failure);
  }

  /** What a worker would have on its path: Spark's own packages, added files, the environment's. */
  private static String pythonPath(List<PythonUDF> functions, @Nullable String inherited) {
    Set<String> path = new LinkedHashSet<>();
    path.add(PythonUtils.sparkPythonPath());
    if (SparkEnv.get() != null) {
      String added = SparkFiles.getRootDirectory();
      path.add(added);
      for (PythonUDF udf : functions) {
        udf.func().pythonIncludes().forEach(file -> path.add(added + File.separator + file));
      }
    }
    if (inherited != null) {
      path.add(inherited);
    }
    return path.stream()
        .filter(part -> !part.isEmpty())
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static byte[] input(List<PythonUDF> functions) {
    ObjectNode request = JSON.createObjectNode();
    ArrayNode entries = request.putArray("functions");
    for (PythonUDF udf : functions) {
      ObjectNode entry = entries.addObject();
      entry.put("name", udf.name());
      entry.put("eval_type", udf.evalType());
      entry.put("python", udf.func().pythonVer());
      entry.put("command", PythonFingerprint.commandOf(udf.func()));
      broadcasts(udf.func(), entry.putObject("broadcasts"));
    }
    try {
      byte[] modules = JSON.writeValueAsBytes(modules());
      ByteArrayOutputStream input = new ByteArrayOutputStream();
      input.write((modules.length + "\n").getBytes(UTF_8));
      input.write(modules);
      input.write(JSON.writeValueAsBytes(request));
      return input.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException("Writing into memory failed.", e);
    }
  }

  /** Large functions and the values that they share travel as files of the driver. */
  private static void broadcasts(PythonFunction function, ObjectNode paths) {
    for (Broadcast<PythonBroadcast> broadcast : function.broadcastVars()) {
      paths.put(Long.toString(broadcast.id()), broadcast.value().path());
    }
  }

  /** The sources by their paths in the jar. */
  private static Map<String, String> modules() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String path : MODULES) {
      try (InputStream source = PythonProcess.class.getClassLoader().getResourceAsStream(path)) {
        byte[] bytes =
            Objects.requireNonNull(source, () -> path + " is missing from the jar").readAllBytes();
        sources.put(path, new String(bytes, UTF_8));
      }
    }
    return sources;
  }

  private Answer answer(List<PythonUDF> functions, byte[] output, String stderr) {
    JsonNode answer;
    try {
      answer = JSON.readTree(output);
    } catch (IOException e) {
      throw failed("gave no answer that can be read", stderr, e);
    }
    JsonNode answers = answer == null ? null : answer.path("answers");
    if (answers == null || answers.size() != functions.size()) {
      throw failed("gave no answer for each function", stderr, null);
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < functions.size(); i++) {
      outcomes.add(outcome(functions.get(i).name(), answers.get(i)));
    }
    Map<String, String> files = new HashMap<>();
    answer
        .path("files")
        .fields()
        .forEachRemaining(f -> files.put(f.getKey(), f.getValue().asText()));
    return new Answer(outcomes, new ImportedFiles(files));
  }

  private static Outcome outcome(String name, JsonNode answer) {
    if (answer.hasNonNull("hash")) {
      return Outcome.of(name, answer.get("hash").asText());
    }
    if (answer.hasNonNull("needs_version")) {
      String why = answer.get("needs_version").asText();
      return Outcome.of(name, FingerprintException.needsVersion(name, why));
    }
    return Outcome.of(
        name,
        FingerprintException.failed(
            "Function '%s' cannot be looked at: %s. "
                    .formatted(name, answer.path("failed").asText())
                + "Make what it imports available to the driver's Python, or give it a version: "
                + FingerprintException.VERSION_OPTION
                + ".",
            null));
  }

  private FingerprintException failed(String what, String stderr, @Nullable Throwable cause) {
    String text = stderr.strip();
    String tail = text.length() <= STDERR_TAIL ? text : text.substring(text.length() - STDERR_TAIL);
    return FingerprintException.failed(
        "Python '%s', which looks at the functions of the session, %s. ".formatted(python, what)
            + "Set spark.pyspark.driver.python or PYSPARK_PYTHON to a Python with pyspark, "
            + "or give the function a version: "
            + FingerprintException.VERSION_OPTION
            + "."
            + (tail.isEmpty() ? "" : " Its last words:\n" + tail),
        cause);
  }

  private static CompletableFuture<byte[]> read(InputStream in) {
    return inThread(
        () -> {
          try (in) {
            return in.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static CompletableFuture<Void> send(OutputStream out, byte[] input) {
    return inThread(
        () -> {
          try (out) {
            out.write(input);
            return null;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /** A thread for each pipe: a full one must not keep another from being emptied. */
  private static <T> CompletableFuture<T> inThread(Supplier<T> action) {
    return CompletableFuture.supplyAsync(
        action,
        task -> {
          Thread thread = new Thread(task, "lance-backfill-python-pipe");
          thread.setDaemon(true);
          thread.start();
        });
  }
}
