package io.lancebackfill.python;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lancebackfill.exec.ErrorPolicy;
import java.io.File;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a worker is told to run, in the form in which Spark's workers take functions: pickled. */
final class WorkerCommand {
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private static final String PATH = "PYTHONPATH";

  private WorkerCommand() {}

  /**
   * A pickle of {@code (lance_backfill.worker.start(spec), StructType([]))}.
   *
   * @param body the file of the pickled function on this machine
   * @param arguments names under which the worker gets its columns
   * @param single whether the function is to get its rows one by one
   */
  static byte[] pickled(
      PythonFunction function,
      Path body,
      List<String> arguments,
      WorkerSettings settings,
      boolean single) {
    Map<String, @Nullable Object> spec = new LinkedHashMap<>();
    spec.put("name", function.name());
    spec.put("hash", function.hash());
    spec.put("body", body.toString());
    spec.put("style", function.style());
    spec.put("arguments", arguments);
    spec.put("output", function.options().get(PythonFunction.OUTPUT));
    spec.put("environment", Map.of("python", function.python(), "packages", function.packages()));
    spec.put("batch_size", settings.batchSize());
    spec.put("batch_order", settings.byLength() ? "auto" : "row");
    spec.put("checkpoint_interval_ms", settings.checkpointIntervalMs());
    ErrorPolicy errors = settings.errors();
    spec.put("on_error", errors.nulls() ? "null" : "fail");
    spec.put("retry", errors.retries() == 0 ? null : retry(errors));
    spec.put("row_timeout_ms", errors.rowTimeoutMs());
    spec.put("threads", settings.threads());
    spec.put("thread_safe", function.threadSafe());
    spec.put("single", single);
    return pickle(spec);
  }

  private static Map<String, @Nullable Object> retry(ErrorPolicy errors) {
    Map<String, @Nullable Object> retry = new HashMap<>();
    retry.put("times", errors.retries());
    retry.put("backoff_ms", errors.backoffMs());
    retry.put("message", errors.retryOn().isEmpty() ? null : errors.retryOn());
    return retry;
  }

  /** Pickle's first protocol is text: names to import, a string, and what to call with it. */
  private static byte[] pickle(Map<String, @Nullable Object> spec) {
    String json;
    try {
      // In a text of that protocol a backslash begins an escape.
      json = JSON.writeValueAsString(spec).replace("\\", "\\u005c");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    return pickle("clance_backfill.worker\nstart\n(V" + json + "\ntR");
  }

  /** A pickle of {@code (lance_backfill.worker.ready(), StructType([]))}. */
  static byte[] ready() {
    return pickle("clance_backfill.worker\nready\n(tR");
  }

  private static byte[] pickle(String function) {
    String type = "cpyspark.sql.types\nStructType\n(tR";
    return ("(" + function + type + "t.").getBytes(US_ASCII);
  }

  /**
   * The worker's environment. Each distinct one is another pool of worker processes with Spark, so
   * there is one for each set of GPUs and each manifest.
   */
  static Map<String, String> environment(Map<String, String> further) {
    Map<String, String> environment = new HashMap<>(further);
    environment.merge(
        PATH,
        PythonFiles.packages().toString(),
        (theirs, ours) -> ours + File.pathSeparator + theirs);
    return environment;
  }
}
