package io.lancebackfill.run;

import io.lancebackfill.datasource.arrow.FieldLayout;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.DeclaredInputs;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;

/**
 * Expressions that are a column of the table and nothing else: its vectors are the values, and no
 * row need be made of them. Only where both columns have one layout in Arrow; what Spark converts
 * on its way (large and fixed-size strings and binaries, other units of time, unsigned numbers,
 * vectors that become lists, blobs, extension types) goes through Spark.
 */
final class PlainColumn {
  /** What Spark pads on reading says so in its field's metadata. */
  private static final String CHAR_TYPE = "__CHAR_VARCHAR_TYPE_STRING";

  private static final String EXTENSION = "ARROW:extension:name";

  private PlainColumn() {}

  /**
   * The column whose values an expression has, bit for bit.
   *
   * @param value with at most one cast, that to the filled column's type
   * @param names how it names the columns of {@code inputs}
   * @param filled the columns that are filled
   */
  static Optional<TableColumn> of(
      Column value, TableSnapshot inputs, DeclaredInputs names, List<TableColumn> filled) {
    if (filled.size() != 1) {
      return Optional.empty();
    }
    Expression inner = withoutAlias(value.expr());
    Expression read = withoutAlias(inner instanceof Cast cast ? cast.child() : inner);
    if (!(read instanceof UnresolvedAttribute attribute) || attribute.nameParts().size() != 1) {
      return Optional.empty();
    }
    String name = attribute.nameParts().head();
    return names
        .column(inputs, name)
        .filter(column -> !column.isBlob())
        .filter(column -> FieldLayout.same(filled.get(0).field(), column.field()))
        .filter(column -> isPlain(column.field()));
  }

  private static Expression withoutAlias(Expression expression) {
    return expression instanceof Alias alias ? alias.child() : expression;
  }

  private static boolean isPlain(Field field) {
    return field.getDictionary() == null
        && !field.getMetadata().containsKey(EXTENSION)
        && !field.getMetadata().containsKey(CHAR_TYPE)
        && field.getChildren().stream().allMatch(PlainColumn::isPlain);
  }
}
