package io.lancebackfill.declare;

import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.ArrowType.Utf8;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.ParseException;
import scala.collection.JavaConverters;

/** Columns of types that Spark cannot read: they are no harm until an expression names one. */
final class UnreadableColumns {
  private UnreadableColumns() {}

  /**
   * @throws BackfillException UNSUPPORTED_TYPE for each such column that the expression names, with
   *     its type and a way out
   */
  static void refuse(SparkSession session, TableSnapshot table, String expression) {
    List<TableColumn> unreadable = table.unreadable();
    if (unreadable.isEmpty()) {
      return;
    }
    Set<String> named = new HashSet<>();
    try {
      collect(session.sessionState().sqlParser().parseExpression(expression), named);
    } catch (ParseException e) {
      return; // the binder says so
    }
    Faults faults = new Faults();
    for (TableColumn column : unreadable) {
      if (named.contains(column.name().toLowerCase(Locale.ROOT))) {
        faults.add(
            new BackfillException(
                BackfillErrorCode.UNSUPPORTED_TYPE,
                "'%s' reads column '%s', which Spark cannot: its type is %s. Add a copy of a type that Spark has, with pylance: %s, and use that."
                    .formatted(expression, column.name(), type(column.field()), copy(column))));
      }
    }
    faults.throwIfAny();
  }

  private static void collect(Expression expression, Set<String> names) {
    if (expression instanceof UnresolvedAttribute attribute) {
      names.add(attribute.nameParts().head().toLowerCase(Locale.ROOT));
    }
    JavaConverters.seqAsJavaList(expression.children()).forEach(child -> collect(child, names));
  }

  private static String type(Field field) {
    return field.getDictionary() == null
        ? field.toString()
        : "dictionary of " + (field.getType() instanceof Utf8 ? "string" : field.getType());
  }

  private static String copy(TableColumn column) {
    boolean dictionary = column.field().getDictionary() != null;
    String type =
        switch (column.field().getType().getTypeID()) {
          case Utf8, LargeUtf8 -> dictionary ? "STRING" : "";
          case Bool -> "BOOLEAN";
          case Int -> "BIGINT";
          case Timestamp -> "TIMESTAMP(6)";
          case FloatingPoint -> dictionary ? "DOUBLE" : "FLOAT";
          case Time, Duration -> "BIGINT";
          case Decimal -> "DECIMAL(38, 10)";
          default -> "";
        };
    return type.isEmpty()
        ? "dataset.add_columns(function), with a function that casts batches by"
            + " pyarrow.compute.cast"
        : "dataset.add_columns({'%s_copy': \"CAST(%s AS %s)\"})"
            .formatted(column.name(), column.name(), type);
  }
}
