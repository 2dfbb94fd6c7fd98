package io.lancebackfill.error;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.SocketException;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.SparkThrowable;
import org.apache.spark.api.python.PythonException;

/**
 * What is wrong with the Python process that runs a function, as opposed to the function: told from
 * the types of Spark's exceptions and from which of its classes was at work, since Spark gives
 * these failures no error class.
 */
public final class PythonWorkerFault {
  private static final String RUNNER = "org.apache.spark.api.python.BasePythonRunner$";
  private static final String READER = RUNNER + "ReaderIterator";
  private static final String WRITER = RUNNER + "WriterThread";
  private static final String FACTORY = "org.apache.spark.api.python.PythonWorkerFactory";

  /** What a worker says that is no good for any function; Python's exceptions come as text. */
  private static final Pattern UNFIT =
      Pattern.compile(
          "\\[PYTHON_VERSION_MISMATCH]|(PyArrow|Pandas) >= \\S+ must be installed|No module named 'pyarrow'");

  /** What our own worker says before a function runs: JSON with a code and a message. */
  private static final String TOLD = "LANCE_BACKFILL_FAULT:";

  private static final ObjectMapper JSON = new ObjectMapper();

  private PythonWorkerFault() {}

  /**
   * PROCESS_LOST, PYTHON_UNAVAILABLE, or what our own worker found; empty if it is not the worker's
   * fault.
   */
  public static Optional<BackfillException> of(Throwable failure) {
    List<Throwable> chain = RootCause.chain(failure);
    Optional<BackfillException> told = chain.stream().flatMap(c -> told(c).stream()).findFirst();
    if (told.isPresent()) {
      return told;
    }
    if (any(chain, PythonWorkerFault::ofFunction)) {
      return any(chain, PythonWorkerFault::unfit)
          ? Optional.of(unavailable(failure))
          : Optional.empty();
    }
    if (any(chain, cause -> passed(cause, FACTORY))) {
      // A daemon that ran breaks off, or cannot fork: that is lack of memory, and may pass.
      return Optional.of(
          any(chain, c -> c instanceof SocketException || c instanceof IllegalStateException)
              ? died(failure)
              : unavailable(failure));
    }
    return any(chain, PythonWorkerFault::brokeOff) ? Optional.of(died(failure)) : Optional.empty();
  }

  private static Optional<BackfillException> told(Throwable cause) {
    String text = String.valueOf(cause.getMessage());
    int at = cause instanceof PythonException ? text.lastIndexOf(TOLD) : -1;
    if (at < 0) {
      return Optional.empty();
    }
    try {
      JsonNode fault = JSON.readTree(text.substring(at + TOLD.length()));
      return Optional.of(
          new BackfillException(
              BackfillErrorCode.valueOf(fault.path("code").asText()),
              fault.path("message").asText(),
              cause));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      return Optional.empty(); // a user's text that looks alike
    }
  }

  private static boolean ofFunction(Throwable cause) {
    return cause instanceof PythonException
        || (cause instanceof SparkThrowable spark && spark.getErrorClass() != null);
  }

  private static boolean unfit(Throwable cause) {
    return cause instanceof PythonException
        && UNFIT.matcher(String.valueOf(cause.getMessage())).find();
  }

  /** The reader reads nothing but the worker's socket; the writer also runs what comes before. */
  private static boolean brokeOff(Throwable cause) {
    return cause instanceof IOException
        && (passed(cause, READER) || (cause instanceof SocketException && passed(cause, WRITER)));
  }

  private static boolean passed(Throwable cause, String className) {
    return Stream.of(cause.getStackTrace()).anyMatch(f -> f.getClassName().equals(className));
  }

  private static boolean any(List<Throwable> chain, Predicate<Throwable> holds) {
    return chain.stream().anyMatch(holds);
  }

  private static BackfillException died(Throwable failure) {
    return new BackfillException(
        BackfillErrorCode.PROCESS_LOST,
        "The Python worker that ran the function died: it was killed, often for lack of memory, crashed in a native library, or left by os._exit (%s). Its own words, if any, are in the executor's stderr; spark.python.worker.faulthandler.enabled=true shows where it crashed. If memory is short, raise spark.executor.memoryOverhead, or run fewer tasks at once."
            .formatted(RootCause.of(failure)),
        failure);
  }

  private static BackfillException unavailable(Throwable failure) {
    return new BackfillException(
        BackfillErrorCode.PYTHON_UNAVAILABLE,
        "No Python worker can run the function: %s\nWorkers run what spark.pyspark.python or PYSPARK_PYTHON names, on each executor: a Python of the driver's version, with pandas and pyarrow for functions that need them."
            .formatted(RootCause.of(failure)),
        failure);
  }
}
