package io.lancebackfill.compute;

import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.DeclaredInputs;
import java.io.Serializable;
import java.util.List;

/**
 * Conditions that a computed row has to meet; for executors.
 *
 * @param conditions their texts
 * @param inputs the table's columns that they read
 * @param check gives a boolean for each condition, of a row of the inputs' values and then those of
 *     the computed columns
 */
public record Requirements(
    List<String> conditions, List<String> inputs, List<RowExpression.Step> check)
    implements Serializable {
  /** The conditions of a column that has none. */
  public static final Requirements NONE = new Requirements(List.of(), List.of(), List.of());

  boolean any() {
    return !conditions.isEmpty();
  }

  /** The same with the names that the inputs have in a version of the table. */
  public Requirements reading(TableSnapshot table, DeclaredInputs declared) {
    return new Requirements(
        conditions,
        inputs.stream()
            .map(name -> declared.column(table, name).map(TableColumn::name).orElse(name))
            .toList(),
        check);
  }
}
