package io.lancebackfill.compute;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.python.PythonFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.arrow.vector.VarCharVector;

/** What Python workers say of rows on which a function failed, and of themselves. */
final class WorkerErrors {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Spark's words for a worker of another Python than the function's. */
  private static final Pattern OTHER_PYTHON =
      Pattern.compile("\\[PYTHON_VERSION_MISMATCH] .*?version \\((\\d+), (\\d+)\\)");

  private WorkerErrors() {}

  /**
   * The rows that failed.
   *
   * @param offsets of the rows
   * @param errors a JSON object for each that failed, NULL for the others
   */
  static List<RowFailure> failures(String function, int[] offsets, VarCharVector errors) {
    List<RowFailure> failures = new ArrayList<>();
    if (errors.getNullCount() == offsets.length) {
      return failures;
    }
    for (int row = 0; row < offsets.length; row++) {
      if (!errors.isNull(row)) {
        failures.add(failure(function, offsets[row], errors.getObject(row).toString()));
      }
    }
    return failures;
  }

  private static RowFailure failure(String function, int offset, String text) {
    try {
      JsonNode error = JSON.readTree(text);
      return new RowFailure(
          offset,
          error.path("code").asText(),
          error.path("type").asText(),
          error.path("message").asText(),
          error.path("trace").asText(),
          error.path("attempt").asInt(1));
    } catch (JsonProcessingException e) {
      throw new BackfillException(
          BackfillErrorCode.INTERNAL_ERROR,
          "The worker of function '%s' said of a row what is not JSON: %s"
              .formatted(function, text),
          e);
    }
  }

  /** Whether a failure is no row's, so that no policy may make rows NULL for it. */
  static boolean isOfFunction(RowFailure failure) {
    return failure.code().equals("WRONG_LENGTH");
  }

  /** The end of a job whose policy is that no row may fail. */
  static BackfillException fatal(String function, RowFailure failure) {
    String trace = failure.trace();
    return new BackfillException(
        BackfillErrorCode.FUNCTION_FAILED,
        "%s%n  in function '%s', %s physical offset %d"
            .formatted(
                trace.isEmpty() ? failure.problem() : RootCause.ofPython(trace),
                function,
                isOfFunction(failure) ? "in the batch from" : "on the row at",
                failure.offset()),
        trace.isEmpty() ? null : new RemoteTrace(trace));
  }

  /** The row that a worker had alone when it died. */
  static RowFailure died(int offset, BackfillException lost) {
    return new RowFailure(
        offset, BackfillErrorCode.PROCESS_LOST.name(), "PROCESS_LOST", lost.problem(), "", 1);
  }

  /** The end of a function of which workers die before they have it: that is no row's fault. */
  static BackfillException notLoaded(
      PythonFunction function, String program, int workers, BackfillException lost) {
    return new BackfillException(
        BackfillErrorCode.FUNCTION_NOT_LOADED,
        ("Function '%s' could not be loaded: %d worker processes of %s died one after the other while they"
                + " imported it or ran its setup(), before they got a row. %s")
            .formatted(function.name(), workers, program, lost.problem()),
        lost);
  }

  /** What ended a worker, or kept it from its work. */
  static BackfillException ended(PythonFunction function, Exception e) {
    return PythonWorkerFault.of(e)
        .map(fault -> ofAuthor(function, fault))
        .orElseGet(
            () -> new BackfillException(BackfillErrorCode.FUNCTION_FAILED, RootCause.of(e), e));
  }

  /** The fault with the versions of Python that do not fit, if that is it. */
  static BackfillException ofAuthor(PythonFunction function, BackfillException fault) {
    Matcher other = OTHER_PYTHON.matcher(fault.problem());
    if (!other.find()) {
      return fault;
    }
    return new BackfillException(
        BackfillErrorCode.ENVIRONMENT_MISMATCH,
        ("Function '%s' was declared under Python %s, and the workers run Python %s.%s: its code cannot be loaded there."
                + " Name a Python %s for the workers with spark.pyspark.python or PYSPARK_PYTHON, or declare the function again under theirs.")
            .formatted(
                function.name(),
                function.python(),
                other.group(1),
                other.group(2),
                function.minorVersion()),
        fault);
  }
}
