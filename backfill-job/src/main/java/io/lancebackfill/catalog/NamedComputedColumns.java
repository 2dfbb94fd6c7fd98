package io.lancebackfill.catalog;

import io.lancebackfill.datasource.catalog.IngestionTarget;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.If;
import org.apache.spark.sql.catalyst.expressions.IsNull;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.RaiseError;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NullType;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * What becomes of an append that names computed columns. NULL is allowed, so that statements which
 * were written for lance-spark's own catalog go on working: the columns are taken out of what is
 * written. Anything else is refused, for it would be a value that no function made.
 *
 * <p>While the statement is analysed it is known that a column cannot be NULL (a literal, a column
 * that is declared so) or that it can be nothing else ({@code NULL} without a type); then it is
 * refused or accepted at once. In all other cases, {@code CAST(NULL AS INT)} among them, each row
 * is looked at while it is written: one that is not NULL fails the statement, and nothing of it is
 * committed.
 */
final class NamedComputedColumns {
  private final IngestionTarget table;
  private final String tableName;
  private final List<String> computed;

  /**
   * @param tableName for messages
   */
  NamedComputedColumns(IngestionTarget table, String tableName) {
    this.table = table;
    this.tableName = tableName;
    this.computed = table.computedColumns();
  }

  /**
   * What is inserted.
   *
   * @param columns names that the statement gives, empty if it gives none
   * @param query one column for each of them
   */
  record Insertion(Seq<String> columns, LogicalPlan query) {}

  /** A query whose columns are matched by name. */
  LogicalPlan byName(LogicalPlan query) {
    List<String> names = outputOf(query).stream().map(Attribute::name).toList();
    return without(query, names);
  }

  /** INSERT in any of its forms. A query of another width than its columns is left to Spark. */
  Insertion of(Seq<String> columns, LogicalPlan query, boolean byName) {
    if (byName) {
      return new Insertion(columns, byName(query));
    }
    List<String> given = JavaConverters.seqAsJavaList(columns);
    List<String> names = given.isEmpty() ? Arrays.asList(table.wholeSchema().names()) : given;
    if (names.size() != outputOf(query).size()) {
      return new Insertion(columns, query);
    }
    List<String> left = given.stream().filter(name -> !isComputed(name)).toList();
    return new Insertion(JavaConverters.asScalaBuffer(left).toList(), without(query, names));
  }

  private LogicalPlan without(LogicalPlan query, List<String> names) {
    List<Attribute> output = outputOf(query);
    List<Attribute> kept = new ArrayList<>();
    List<Attribute> checked = new ArrayList<>();
    Faults faults = new Faults();
    for (int i = 0; i < names.size(); i++) {
      Attribute value = output.get(i);
      if (!isComputed(names.get(i))) {
        kept.add(value);
      } else if (!value.nullable()) {
        faults.add(refusal(names.get(i)));
      } else if (!(value.dataType() instanceof NullType)) {
        checked.add(value.withName(names.get(i)));
      }
    }
    faults.throwIfAny();
    if (kept.size() == names.size()) {
      return query;
    }
    List<NamedExpression> written = new ArrayList<>(kept);
    if (!checked.isEmpty() && !kept.isEmpty()) {
      written.set(0, checking(kept.get(0), checked));
    }
    return new Project(JavaConverters.asScalaBuffer(written).toList(), query);
  }

  /** The first column that is written, as long as the checked ones are NULL. */
  private NamedExpression checking(Attribute first, List<Attribute> checked) {
    Expression value = first;
    // The first of them is looked at first.
    for (int i = checked.size() - 1; i >= 0; i--) {
      Attribute column = checked.get(i);
      value =
          new If(
              new IsNull(column),
              value,
              new RaiseError(
                  Literal.create(refusal(column.name()).getMessage(), DataTypes.StringType),
                  first.dataType()));
    }
    return new Alias(
        value,
        first.name(),
        NamedExpression.newExprId(),
        JavaConverters.asScalaBuffer(List.<String>of()).toList(),
        scala.Option.apply(first.metadata()),
        JavaConverters.asScalaBuffer(List.<String>of()).toList());
  }

  /** The error for a value that is not NULL. */
  BackfillException refusal(String column) {
    return new BackfillException(
        BackfillErrorCode.COMPUTED_COLUMN_WRITE,
        ("Column '%s' of %s is computed, and what is written has a value for it that is not NULL."
                + " Its values come from backfill alone. Leave the column out, or give NULL; to keep"
                + " values of your own, drop_column it and add an ordinary column.")
            .formatted(column, tableName));
  }

  /** Whether the name is that of a computed column, as the session compares names. */
  boolean isComputed(String name) {
    return computed.stream()
        .anyMatch(column -> (Boolean) SQLConf.get().resolver().apply(column, name));
  }

  private static List<Attribute> outputOf(LogicalPlan query) {
    return JavaConverters.seqAsJavaList(query.output());
  }
}
