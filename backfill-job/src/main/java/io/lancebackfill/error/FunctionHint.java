package io.lancebackfill.error;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A way out of failures of functions whose exceptions say nothing to who wrote the function. */
final class FunctionHint {
  private static final Pattern CLASS_DICT =
      Pattern.compile("construction of ClassDict \\(for ([\\w.]+)\\)");
  private static final Pattern NO_MODULE =
      Pattern.compile("(?m)^(ModuleNotFoundError: No module named .*|ImportError: .*)$");

  private FunctionHint() {}

  /** A line of its own, or nothing. */
  static String of(Throwable failure) {
    for (Throwable cause : RootCause.chain(failure)) {
      String message = String.valueOf(cause.getMessage());
      Matcher value = CLASS_DICT.matcher(message);
      if (value.find()) {
        return "\n  " + ofValue(value.group(1));
      }
      if (NO_MODULE.matcher(message).find()) {
        return "\n  Functions run in the Python that spark.pyspark.python or PYSPARK_PYTHON names, on each"
            + " executor: install the module there, or ship it with --py-files or addPyFile.";
      }
    }
    return "";
  }

  private static String ofValue(String type) {
    if (type.startsWith("numpy")) {
      return "The function returned a value of numpy, which Spark's plain Python UDFs cannot take. Return a"
          + " Python value: float(x), int(x) or x.item() for a number, x.tolist() for an array; or"
          + " make it a pandas_udf.";
    }
    return ("The function returned an object of a type that Spark's plain Python UDFs cannot take (%s)."
            + " Return plain Python values: numbers, str, bytes, date, datetime, Decimal, list, dict or tuple.")
        .formatted(type);
  }
}
