package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.LanceNames;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Literal;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * Turns Spark's predicates into Lance's SQL where both mean the same. What comes out keeps at least
 * the rows for which the predicate is true, so parts of an AND may be left out, and Spark must
 * evaluate the predicate again.
 *
 * <p>Only plain columns of signed integer, string, boolean and date type compared with literals of
 * the same type. Not floating point numbers (NaN and -0.0 compare differently), not timestamps and
 * decimals (precision), nothing under a NOT except a boolean column.
 */
final class LanceFilterSql {
  private static final Set<String> COMPARISONS = Set.of("=", "<>", "<", "<=", ">", ">=");
  private static final int MOST_IN_VALUES = 1_000;
  private static final int MOST_TEXT = 100_000;

  private final Map<String, Column> columns = new HashMap<>();

  LanceFilterSql(TableSnapshot table) {
    StructType schema = table.sparkSchema();
    List<String> readable = List.of(schema.fieldNames());
    for (TableColumn column : table.columns()) {
      String name = column.name();
      // Lance takes no escape for a backtick, and reads a dot as a path. What its Java cannot be
      // told stays with Spark.
      if (readable.contains(name)
          && comparable(column.field().getType())
          && !name.contains("`")
          && !name.contains(".")
          && !LanceNames.beyondJni(name)) {
        columns.put(name, new Column("`" + name + "`", schema.apply(name).dataType()));
      }
    }
  }

  /** A filter that keeps at least the rows that the predicate keeps; empty if there is none. */
  Optional<String> atLeast(Predicate predicate) {
    return translate(predicate).filter(text -> text.length() <= MOST_TEXT);
  }

  private Optional<String> translate(Expression expression) {
    if (!(expression instanceof Predicate predicate)) {
      return Optional.empty();
    }
    Expression[] children = predicate.children();
    String name = predicate.name();
    if (COMPARISONS.contains(name)) {
      return comparison(name, children[0], children[1]);
    }
    switch (name) {
      case "<=>":
        return comparison("=", children[0], children[1]);
      case "AND":
        return and(translate(children[0]), translate(children[1]));
      case "OR":
        return or(translate(children[0]), translate(children[1]));
      case "NOT":
        return notBoolean(children[0]);
      case "IN":
        return in(children);
      case "IS_NULL":
        return column(children[0]).map(column -> column.quoted() + " IS NULL");
      case "IS_NOT_NULL":
        return column(children[0]).map(column -> column.quoted() + " IS NOT NULL");
      default:
        return Optional.empty();
    }
  }

  private static Optional<String> and(Optional<String> left, Optional<String> right) {
    if (left.isPresent() && right.isPresent()) {
      return Optional.of("(" + left.get() + ") AND (" + right.get() + ")");
    }
    return left.isPresent() ? left : right;
  }

  private static Optional<String> or(Optional<String> left, Optional<String> right) {
    return left.isPresent() && right.isPresent()
        ? Optional.of("(" + left.get() + ") OR (" + right.get() + ")")
        : Optional.empty();
  }

  private Optional<String> comparison(String operator, Expression left, Expression right) {
    if (left instanceof Literal<?> && !(right instanceof Literal<?>)) {
      return comparison(mirrored(operator), right, left);
    }
    Optional<Column> column = column(left);
    if (column.isEmpty()) {
      return Optional.empty();
    }
    return literal(right, column.get().type())
        .map(value -> column.get().quoted() + " " + operator + " " + value);
  }

  private static String mirrored(String operator) {
    switch (operator) {
      case "<":
        return ">";
      case "<=":
        return ">=";
      case ">":
        return "<";
      case ">=":
        return "<=";
      default:
        return operator;
    }
  }

  /** Spark writes a boolean column that is to be false as NOT(column = true). */
  private Optional<String> notBoolean(Expression child) {
    if (child instanceof Predicate predicate && predicate.name().equals("=")) {
      Optional<Column> column = column(predicate.children()[0]);
      if (column.isPresent() && column.get().type() instanceof BooleanType) {
        return literal(predicate.children()[1], column.get().type())
            .map(value -> column.get().quoted() + " <> " + value);
      }
    }
    return Optional.empty();
  }

  private Optional<String> in(Expression[] children) {
    Optional<Column> column = column(children[0]);
    if (column.isEmpty() || children.length - 1 > MOST_IN_VALUES) {
      return Optional.empty();
    }
    List<String> values = new ArrayList<>();
    for (int i = 1; i < children.length; i++) {
      if (children[i] instanceof Literal<?> literal && literal.value() == null) {
        continue; // x IN (1, NULL) is true for 1 and never for NULL
      }
      Optional<String> value = literal(children[i], column.get().type());
      if (value.isEmpty()) {
        return Optional.empty();
      }
      values.add(value.get());
    }
    return values.isEmpty()
        ? Optional.empty()
        : Optional.of(column.get().quoted() + " IN (" + String.join(", ", values) + ")");
  }

  private record Column(String quoted, DataType type) {}

  private Optional<Column> column(Expression expression) {
    return expression instanceof NamedReference reference && reference.fieldNames().length == 1
        ? Optional.ofNullable(columns.get(reference.fieldNames()[0]))
        : Optional.empty();
  }

  /** Unsigned integers are not: Spark reads them as wider or negative numbers. */
  private static boolean comparable(ArrowType type) {
    return (type instanceof ArrowType.Int number && number.getIsSigned())
        || type instanceof ArrowType.Utf8
        || type instanceof ArrowType.LargeUtf8
        || type instanceof ArrowType.Bool
        || (type instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY);
  }

  private static Optional<String> literal(Expression expression, DataType wanted) {
    if (!(expression instanceof Literal<?> literal)
        || literal.value() == null
        || !literal.dataType().equals(wanted)) {
      return Optional.empty();
    }
    Object value = literal.value();
    if (wanted instanceof StringType) {
      String text = value.toString();
      return text.indexOf('\0') >= 0 || LanceNames.beyondJni(text)
          ? Optional.empty()
          : Optional.of("'" + text.replace("'", "''") + "'");
    }
    if (wanted instanceof DateType) {
      LocalDate date = LocalDate.ofEpochDay(((Number) value).longValue());
      // Other years have no plain four digits, and Lance's parser is not Spark's.
      return date.getYear() < 1 || date.getYear() > 9999
          ? Optional.empty()
          : Optional.of("date '" + date + "'");
    }
    if (wanted instanceof BooleanType) {
      return Optional.of(value.toString().toUpperCase(Locale.ROOT));
    }
    // Lance reads the one number whose positive twin is no BIGINT as a floating point number.
    long number = ((Number) value).longValue();
    return number == Long.MIN_VALUE ? Optional.empty() : Optional.of(Long.toString(number));
  }
}
