package io.lancebackfill.expression;

import io.lancebackfill.udf.UdfDescriptor;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;

/**
 * An expression bound to a table's columns.
 *
 * @param kind who evaluates it
 * @param sql the canonical text: it can be parsed again, has no comments, one space between words,
 *     and names columns as the table does. Equal in all sessions.
 * @param dataType the result's type in Spark
 * @param nullable whether the result may be NULL
 * @param inputs the top-level columns that it reads, in the table's order; may be empty
 * @param call the call of a function on Arrow batches; null if Spark evaluates the expression
 * @param functions the user's functions in it, by name
 * @param settings the session settings that its value depends on, to be set again wherever it is
 *     evaluated: see {@link EvaluationSettings}
 * @param fingerprint 32 hex digits that change when the expression computes something else
 */
public record BoundExpression(
    Kind kind,
    String sql,
    DataType dataType,
    boolean nullable,
    List<String> inputs,
    @Nullable ArrowCall call,
    List<UsedFunction> functions,
    Map<String, String> settings,
    String fingerprint) {

  /** Who evaluates an expression. */
  public enum Kind {
    /** Spark, row by row, whatever functions of the session it calls. */
    SQL,
    /** Spark, which has Python workers compute a part of it. */
    SQL_WITH_PYTHON,
    /** A function on Arrow batches, called with columns only. */
    ARROW_FUNCTION
  }

  /**
   * A call of a function on Arrow batches.
   *
   * @param function the function
   * @param arguments top-level columns, as the table names them, in the order of the call
   * @param output the result's Arrow type; its name means nothing
   */
  public record ArrowCall(UdfDescriptor function, List<String> arguments, Field output) {
    public ArrowCall {
      arguments = List.copyOf(arguments);
    }
  }

  public BoundExpression {
    inputs = List.copyOf(inputs);
    functions = List.copyOf(functions);
    settings = Collections.unmodifiableMap(new TreeMap<>(settings));
  }

  /** The call of a function on Arrow batches, if this is one. */
  public Optional<ArrowCall> arrowCall() {
    return Optional.ofNullable(call);
  }
}
