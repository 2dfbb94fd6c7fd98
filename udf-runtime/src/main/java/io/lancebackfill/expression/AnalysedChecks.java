package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.AesEncrypt;
import org.apache.spark.sql.catalyst.expressions.CurrentCatalog;
import org.apache.spark.sql.catalyst.expressions.CurrentDatabase;
import org.apache.spark.sql.catalyst.expressions.CurrentDate;
import org.apache.spark.sql.catalyst.expressions.CurrentTimeZone;
import org.apache.spark.sql.catalyst.expressions.CurrentTimestampLike;
import org.apache.spark.sql.catalyst.expressions.CurrentUser;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.LocalTimestamp;
import org.apache.spark.sql.catalyst.expressions.PythonFuncExpression;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.catalyst.expressions.SparkVersion;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.CalendarIntervalType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** What can be told from an analysed expression: whether equal rows always give equal values. */
final class AnalysedChecks {
  /** What gives the clock's, the user's or the session's values. Spark calls it deterministic. */
  private static final List<Class<?>> SESSION_DEPENDENT =
      List.of(
          CurrentDate.class,
          CurrentTimestampLike.class,
          LocalTimestamp.class,
          CurrentTimeZone.class,
          CurrentUser.class,
          CurrentDatabase.class,
          CurrentCatalog.class,
          SparkVersion.class);

  private AnalysedChecks() {}

  static Set<ExpressionFault> check(Expression analysed) {
    Set<ExpressionFault> faults = new LinkedHashSet<>();
    for (Expression node : Trees.withReplacements(analysed)) {
      if (SESSION_DEPENDENT.stream().anyMatch(type -> type.isInstance(node))) {
        faults.add(sessionDependent(name(node)));
      } else if (isNonDeterministic(node)) {
        faults.add(nonDeterministic(name(node)));
      }
    }
    return faults;
  }

  static boolean isNonDeterministic(Expression node) {
    if (node instanceof AesEncrypt encrypt) {
      return hasRandomStart(encrypt);
    }
    return !node.deterministic()
        && Trees.children(node).stream().allMatch(Expression::deterministic);
  }

  /** Without an initialisation vector each call draws one, except in a mode that has none. */
  private static boolean hasRandomStart(AesEncrypt encrypt) {
    Expression start = encrypt.iv();
    boolean given =
        !start.foldable() || (start.eval(null) instanceof byte[] bytes && bytes.length > 0);
    Expression mode = encrypt.mode();
    boolean ecb = mode.foldable() && "ECB".equalsIgnoreCase(String.valueOf(mode.eval(null)));
    return !given && !ecb;
  }

  static ExpressionFault sessionDependent(String what) {
    return new ExpressionFault(
        Code.SESSION_DEPENDENT_EXPRESSION,
        "'%s' depends on the clock, the user or the session.".formatted(what)
            + " A column's values must not depend on when and by whom they are computed."
            + " Write the value itself, or put it into a column.");
  }

  /** A fault if values of this type cannot be a column's; nothing else is known of Lance here. */
  static Set<ExpressionFault> checkType(DataType type) {
    if (!hasNoValues(type)) {
      return Set.of();
    }
    return Set.of(
        new ExpressionFault(
            Code.UNSUPPORTED_TYPE,
            "The result's type %s cannot be stored. ".formatted(type.sql())
                + "Cast the expression to the type that the column shall have."));
  }

  private static boolean hasNoValues(DataType type) {
    if (type instanceof NullType || type instanceof CalendarIntervalType) {
      return true;
    }
    if (type instanceof ArrayType array) {
      return hasNoValues(array.elementType());
    }
    if (type instanceof MapType map) {
      return hasNoValues(map.keyType()) || hasNoValues(map.valueType());
    }
    if (type instanceof StructType struct) {
      for (StructField field : struct.fields()) {
        if (hasNoValues(field.dataType())) {
          return true;
        }
      }
    }
    return false;
  }

  private static ExpressionFault nonDeterministic(String what) {
    return new ExpressionFault(
        Code.NON_DETERMINISTIC_EXPRESSION,
        "'%s' may give another value each time it is computed.".formatted(what)
            + " A column's values must be the same when a row is computed again. Use a function of"
            + " the row's columns, such as hash or a seeded function of your own.");
  }

  private static String name(Expression node) {
    if (node instanceof ScalaUDF udf) {
      return udf.udfName().isDefined() ? udf.udfName().get() : "a Java function without a name";
    }
    if (node instanceof PythonFuncExpression udf) {
      return udf.name();
    }
    return node.prettyName().toLowerCase(Locale.ROOT);
  }
}
