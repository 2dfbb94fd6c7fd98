package io.lancebackfill.sql;

import io.lancebackfill.call.CallArgument;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.spark.sql.catalyst.CatalystTypeConverters;
import org.apache.spark.sql.catalyst.analysis.Star;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.EqualTo;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.trees.Origin;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/** Turns argument expressions into Java values, and into text that is safe to show. */
final class ConstantArguments {
  /** Stands in the plan for an argument that Spark could not resolve. */
  static final Expression NOTHING = Literal.create(null, DataTypes.NullType);

  private static final int SHOWN_CHARACTERS = 100;
  private static final Set<String> COLLECTIONS = Set.of("array", "map", "struct", "named_struct");

  private ConstantArguments() {}

  /** Why an argument, as parsed, cannot be a constant; null if it may be one. */
  static @Nullable String problem(Expression parsed, @Nullable String name) {
    if (parsed instanceof UnresolvedAttribute attribute) {
      return "a name, not a value. Put it in quotes: %s'%s'."
          .formatted(name == null ? "" : name + " => ", attribute.name());
    }
    if (name == null
        && parsed instanceof EqualTo equality
        && equality.left() instanceof UnresolvedAttribute left) {
      return "a comparison. An argument is given its value by =>: %s => %s."
          .formatted(left.name(), source(equality.right()));
    }
    if (contains(parsed, e -> e instanceof UnresolvedAttribute || e instanceof Star)) {
      return "which names a column. A CALL takes constants only. " + quoting(parsed, name);
    }
    if (contains(parsed, SubqueryExpression.class::isInstance)) {
      return "a query. A CALL takes constants only: run the query first and pass its result as a"
          + " parameter.";
    }
    return null;
  }

  private static String quoting(Expression parsed, @Nullable String name) {
    if (parsed instanceof UnresolvedFunction function
        && COLLECTIONS.contains(function.nameParts().last().toLowerCase(Locale.ROOT))) {
      return "Put the names in it in quotes.";
    }
    String text = source(parsed);
    String quote = text.contains("'") && !text.contains("\"") ? "\"" : "'";
    return "Put an expression in quotes: %s%s."
        .formatted(
            name == null ? "" : name + " => ",
            quote + (quote.equals("'") ? text.replace("'", "\\'") : text) + quote);
  }

  private static boolean contains(Expression expression, Predicate<Expression> wanted) {
    return wanted.test(expression)
        || JavaConverters.seqAsJavaList(expression.children()).stream()
            .anyMatch(child -> contains(child, wanted));
  }

  /** The argument with its value; one with a problem, or that is no constant, says so. */
  static CallArgument evaluate(CallTarget.ArgumentPlace place, Expression resolved) {
    if (place.problem() != null) {
      return CallArgument.broken(place.name(), place.text(), place.problem());
    }
    if (!resolved.foldable()) {
      return CallArgument.broken(
          place.name(),
          place.text(),
          "which is no constant. A CALL takes constants only; an expression goes in quotes.");
    }
    Object value = java(resolved.eval(null), resolved.dataType());
    return CallArgument.of(place.name(), value, resolved.dataType(), text(resolved));
  }

  // Spark's own conversion goes through Scala maps, which lose the order of the entries.
  private static @Nullable Object java(@Nullable Object value, DataType type) {
    if (value instanceof ArrayData array && type instanceof ArrayType arrayType) {
      return javaList(array, arrayType.elementType());
    }
    if (value instanceof MapData mapData && type instanceof MapType mapType) {
      List<@Nullable Object> keys = javaList(mapData.keyArray(), mapType.keyType());
      List<@Nullable Object> values = javaList(mapData.valueArray(), mapType.valueType());
      Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        map.put(keys.get(i), values.get(i));
      }
      return Collections.unmodifiableMap(map);
    }
    return CatalystTypeConverters.convertToScala(value, type);
  }

  private static List<@Nullable Object> javaList(ArrayData array, DataType elementType) {
    List<@Nullable Object> list = new ArrayList<>();
    for (int i = 0; i < array.numElements(); i++) {
      list.add(array.isNullAt(i) ? null : java(array.get(i, elementType), elementType));
    }
    return Collections.unmodifiableList(list);
  }

  /** How a resolved argument is shown: bytes by their number only, and long text cut. */
  static String text(Expression expression) {
    if (expression.foldable() && expression.dataType() instanceof BinaryType) {
      return expression.eval(null) instanceof byte[] bytes
          ? "<" + bytes.length + " bytes>"
          : "NULL";
    }
    return cut(expression.sql());
  }

  /** How an argument was written; bytes by their number only, and long text cut. */
  static String source(Expression parsed) {
    if (parsed instanceof Literal literal && literal.value() instanceof byte[] bytes) {
      return "<" + bytes.length + " bytes>";
    }
    Origin origin = parsed.origin();
    if (origin.sqlText().isEmpty()
        || origin.startIndex().isEmpty()
        || origin.stopIndex().isEmpty()) {
      return cut(parsed.sql());
    }
    String sql = origin.sqlText().get();
    int from = sql.offsetByCodePoints(0, (Integer) origin.startIndex().get());
    int to = sql.offsetByCodePoints(0, (Integer) origin.stopIndex().get() + 1);
    return cut(sql.substring(from, to));
  }

  private static String cut(String text) {
    return text.length() <= SHOWN_CHARACTERS
        ? text
        : text.substring(0, SHOWN_CHARACTERS) + "... (" + text.length() + " characters)";
  }
}
