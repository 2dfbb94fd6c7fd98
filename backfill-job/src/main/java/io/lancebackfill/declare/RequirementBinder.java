package io.lancebackfill.declare;

import io.lancebackfill.compute.Requirements;
import io.lancebackfill.compute.RowExpression;
import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.expression.BoundWhere;
import io.lancebackfill.expression.WhereBinder;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;

/**
 * Binds the conditions that a column's rows have to meet: to the inputs of its expression and to
 * the values that this gives.
 */
final class RequirementBinder {
  private final SparkSession session;
  private final StructType schema;

  /**
   * @param inputs the columns that the expression reads
   * @param names of the columns that it fills
   * @param fields their types
   */
  RequirementBinder(
      SparkSession session,
      TableSnapshot table,
      List<String> inputs,
      List<String> names,
      List<Field> fields) {
    this.session = session;
    StructType all = new StructType();
    for (String input : inputs) {
      all = all.add(input, ColumnTypes.sparkType(table.column(input).orElseThrow().field()));
    }
    for (int i = 0; i < names.size(); i++) {
      all = all.add(names.get(i), ColumnTypes.sparkType(fields.get(i)));
    }
    this.schema = all;
  }

  /** The options of a declaration with its conditions among them. */
  static Map<String, String> kept(Map<String, String> options, List<String> conditions) {
    Map<String, String> kept = new HashMap<>(options);
    kept.remove(ComputedColumn.REQUIRE);
    if (!conditions.isEmpty()) {
      kept.put(ComputedColumn.REQUIRE, Json.write(conditions));
    }
    return kept;
  }

  /** Canonical texts of the conditions; each one's faults go to {@code faults}. */
  List<String> check(List<String> conditions, Faults faults) {
    List<String> checked = new ArrayList<>();
    for (String condition : conditions) {
      BoundWhere bound = faults.collect(() -> bound(condition));
      if (bound != null) {
        checked.add(bound.sql());
      }
    }
    return checked;
  }

  private BoundWhere bound(String condition) {
    try {
      BoundWhere bound = parsed(condition);
      compiled(List.of(bound.sql()));
      return bound;
    } catch (BackfillException e) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_EXPRESSION,
          "require: %s It may name the columns that the expression reads and fills: %s."
              .formatted(e.problem(), String.join(", ", schema.fieldNames())),
          e);
    }
  }

  private BoundWhere parsed(String condition) {
    return ColumnBinder.coded(() -> new WhereBinder(session, schema).bind(condition));
  }

  /** What evaluates conditions; what they call may be another thing here than where declared. */
  private List<RowExpression.Step> compiled(List<String> conditions) {
    return session
        .withActive(() -> steps(conditions))
        .orElseThrow(
            () ->
                new BackfillException(
                    BackfillErrorCode.INVALID_EXPRESSION,
                    "'%s' calls a Python UDF, and conditions are evaluated without Python. Have the function itself raise an exception."
                        .formatted(String.join("', '", conditions))));
  }

  /**
   * The conditions of a declared column, for executors.
   *
   * @param session with the settings of the declaration
   */
  static Requirements bind(SparkSession session, TableSnapshot table, ComputedColumn column) {
    List<String> conditions = column.require();
    if (conditions.isEmpty()) {
      return Requirements.NONE;
    }
    TableSnapshot view = column.declaredInputs().renamedView(table).orElse(table);
    List<Field> fields = column.columns().stream().map(TableColumn::field).toList();
    List<String> names = column.declaredNames();
    List<String> inputs = column.declaredInputs().names();
    RequirementBinder all = new RequirementBinder(session, view, inputs, names, fields);
    Set<String> read = new LinkedHashSet<>();
    conditions.forEach(condition -> read.addAll(all.parsed(condition).columns()));
    names.forEach(read::remove);
    List<String> used = List.copyOf(read);
    RequirementBinder binder = new RequirementBinder(session, view, used, names, fields);
    return new Requirements(conditions, used, binder.compiled(conditions));
  }

  private Optional<List<RowExpression.Step>> steps(List<String> conditions) {
    // The optimizer is to know nothing of the rows, least of all that there are none.
    Dataset<Row> rows =
        session.createDataFrame(
            JavaSparkContext.fromSparkContext(session.sparkContext()).<Row>emptyRDD(), schema);
    Column[] checks = conditions.stream().map(functions::expr).toArray(Column[]::new);
    return RowExpression.steps(rows.select(checks).queryExecution().optimizedPlan());
  }
}
