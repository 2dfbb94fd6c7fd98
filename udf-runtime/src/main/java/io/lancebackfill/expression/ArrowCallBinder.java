package io.lancebackfill.expression;

import io.lancebackfill.expression.BoundExpression.ArrowCall;
import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.expression.UsedFunction.Language;
import io.lancebackfill.fingerprint.ExpressionFingerprint;
import io.lancebackfill.fingerprint.FingerprintException;
import io.lancebackfill.fingerprint.JavaFingerprint;
import io.lancebackfill.python.PythonFunction;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ColumnUdfs;
import io.lancebackfill.udf.InvalidFunctionException;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/** Binds calls of functions on Arrow batches: {@code f(column, ...)}, and nothing around it. */
final class ArrowCallBinder {
  private final SchemaAnalyzer analyzer;
  private final Schema arrowSchema;
  private final Supplier<List<UdfDescriptor>> registered;
  private @Nullable Map<String, UdfDescriptor> functions;

  /**
   * @param registered is asked once an expression calls something that Spark does not know
   */
  ArrowCallBinder(
      SchemaAnalyzer analyzer, Schema arrowSchema, Supplier<List<UdfDescriptor>> registered) {
    this.analyzer = analyzer;
    this.arrowSchema = arrowSchema;
    this.registered = registered;
  }

  boolean knows(String name) {
    return functions().containsKey(key(name));
  }

  private Map<String, UdfDescriptor> functions() {
    Map<String, UdfDescriptor> known = functions;
    if (known == null) {
      known =
          registered.get().stream()
              .collect(Collectors.toMap(function -> key(function.name()), Function.identity()));
      functions = known;
    }
    return known;
  }

  /**
   * Binds a call of a function that is known.
   *
   * @throws ExpressionException if an argument is no column, or the function does not take these
   */
  ArrowCall bind(UnresolvedFunction parsed) {
    UdfDescriptor function =
        Objects.requireNonNull(functions().get(key(parsed.nameParts().head())));
    List<ExpressionFault> faults = new ArrayList<>();
    if (parsed.isDistinct() || parsed.filter().isDefined() || parsed.ignoreNulls()) {
      faults.add(ParsedChecks.notRowWise(parsed.sql()));
    }
    List<String> arguments = new ArrayList<>();
    for (Expression argument : JavaConverters.seqAsJavaList(parsed.arguments())) {
      column(function, argument, faults).ifPresent(arguments::add);
    }
    if (!faults.isEmpty()) {
      throw new ExpressionException(faults, null);
    }
    List<Field> inputs = arguments.stream().map(arrowSchema::findField).toList();
    return new ArrowCall(function, arguments, output(function, inputs));
  }

  /** The function of a bound call with its fingerprint. */
  UsedFunction used(ArrowCall call, @Nullable String version) {
    UdfDescriptor function = call.function();
    String fingerprint;
    if (version != null) {
      fingerprint = ExpressionFingerprint.ofVersion(version);
    } else if (function.version() != null) {
      fingerprint = ExpressionFingerprint.ofVersion(function.version());
    } else if (function.isPython()) {
      fingerprint = python(function).fingerprint();
    } else {
      fingerprint = ownFingerprint(function);
    }
    if (function.isPython()) {
      // Its options describe it: what its arguments are is part of what was hashed.
      return new UsedFunction(function.name(), Language.ARROW, fingerprint);
    }
    return new UsedFunction(
        function.name(),
        Language.ARROW,
        ExpressionFingerprint.withOptions(fingerprint, function.options()));
  }

  static DataType sparkType(ArrowCall call) {
    try {
      return ArrowResultType.sparkType(call.output());
    } catch (UnsupportedOperationException e) {
      throw fault(
          Code.UNSUPPORTED_TYPE,
          "Function '%s' returns %s, which has no type in Spark: %s. Return a type that Spark has."
              .formatted(call.function().name(), call.output().getType(), e.getMessage()),
          e);
    }
  }

  private static String ownFingerprint(UdfDescriptor function) {
    ColumnUdf udf = load(function);
    if (!udf.version().isEmpty()) {
      return ExpressionFingerprint.ofVersion(udf.version());
    }
    try {
      return JavaFingerprint.ofClass(function.name(), ColumnUdfs.code(udf));
    } catch (FingerprintException e) {
      throw fault(Code.FUNCTION_NEEDS_VERSION, e.getMessage(), e);
    }
  }

  private static PythonFunction python(UdfDescriptor function) {
    try {
      return PythonFunction.of(function);
    } catch (IllegalArgumentException e) {
      throw fault(Code.INVALID_FUNCTION, String.valueOf(e.getMessage()), e);
    }
  }

  private static Field output(UdfDescriptor function, List<Field> inputs) {
    if (function.isPython()) {
      PythonFunction python = python(function);
      python
          .refusal(inputs)
          .ifPresent(
              why -> {
                throw fault(
                    Code.INVALID_FUNCTION,
                    "Function '%s' %s. Call it with columns that it takes."
                        .formatted(function.name(), why),
                    null);
              });
      return python.output();
    }
    try {
      return load(function).output(inputs);
    } catch (RuntimeException e) {
      if (e instanceof ExpressionException known) {
        throw known;
      }
      throw fault(
          Code.INVALID_FUNCTION,
          "Function '%s' does not take the arguments %s: %s. Call it with columns that it takes."
              .formatted(function.name(), inputs, e.getMessage()),
          e);
    }
  }

  private static ColumnUdf load(UdfDescriptor function) {
    if (!function.kind().equals(UdfDescriptor.JAVA)) {
      throw fault(
          Code.INVALID_FUNCTION,
          "Function '%s' is of kind '%s', which cannot be run on Arrow batches here. Use kind '%s'."
              .formatted(function.name(), function.kind(), UdfDescriptor.JAVA),
          null);
    }
    try {
      return ColumnUdfs.load(function.className());
    } catch (InvalidFunctionException e) {
      throw fault(
          Code.INVALID_FUNCTION,
          "Function '%s' cannot be used. %s".formatted(function.name(), e.getMessage()),
          e);
    }
  }

  private Optional<String> column(
      UdfDescriptor function, Expression argument, List<ExpressionFault> faults) {
    if (!(argument instanceof UnresolvedAttribute attribute) || attribute.nameParts().size() != 1) {
      faults.add(
          new ExpressionFault(
              Code.INVALID_EXPRESSION,
              "'%s' is not a column. ".formatted(argument.sql())
                  + "Function '%s' runs on Arrow batches and takes top-level columns only. "
                      .formatted(function.name())
                  + "Make the argument a computed column of its own."));
      return Optional.empty();
    }
    String name = attribute.nameParts().head();
    List<String> columns = analyzer.columnNames();
    if (columns.contains(name)) {
      return Optional.of(name);
    }
    List<String> matches =
        analyzer.caseSensitive()
            ? List.of()
            : columns.stream().filter(name::equalsIgnoreCase).toList();
    if (matches.size() == 1) {
      return Optional.of(matches.get(0));
    }
    faults.add(
        new ExpressionFault(
            Code.INVALID_EXPRESSION,
            "The table has %s column '%s'. "
                    .formatted(matches.isEmpty() ? "no" : "more than one", name)
                + "Its columns are %s. ".formatted(String.join(", ", columns))
                + "Call '%s' with one of them.".formatted(function.name())));
    return Optional.empty();
  }

  private static ExpressionException fault(Code code, String message, @Nullable Throwable cause) {
    return new ExpressionException(List.of(new ExpressionFault(code, message)), cause);
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
