package io.lancebackfill.declare;

import io.lancebackfill.datasource.table.LanceNames;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.state.ComputedColumn;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.vector.types.pojo.Field;

/** Whether columns can be declared under the names that are given for them. */
final class NewColumnNames {
  private NewColumnNames() {}

  /** Adds a fault for each name that is taken, or that some reader of the table cannot hold. */
  static void check(TableSnapshot table, List<String> names, Faults faults) {
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      LanceNames.unfit(name)
          .ifPresent(
              why ->
                  faults.add(
                      BackfillErrorCode.INVALID_ARGUMENT,
                      "'%s' cannot be the name of a computed column: %s. Choose another name."
                          .formatted(name, why)));
      if (names.subList(0, i).stream().anyMatch(name::equalsIgnoreCase)) {
        faults.add(
            BackfillErrorCode.INVALID_ARGUMENT,
            "Two columns of %s differ in case alone, or not at all: '%s' would be ambiguous in SQL. Give each its own name."
                .formatted(names, name));
      }
      Optional<TableColumn> taken =
          table
              .column(name)
              .or(
                  () ->
                      table.columns().stream()
                          .filter(column -> column.name().equalsIgnoreCase(name))
                          .findFirst());
      taken.ifPresent(column -> faults.add(taken(column)));
    }
  }

  private static BackfillException taken(TableColumn column) {
    boolean computed = ComputedColumn.isComputed(column);
    return new BackfillException(
        BackfillErrorCode.COLUMN_EXISTS,
        "Column '%s' exists already and holds %s. %s"
            .formatted(
                column.name(),
                computed ? "computed values" : "base data",
                computed
                    ? "Use alter_column to change its expression, or drop_column first."
                    : "Choose another name."));
  }

  /**
   * The fields themselves.
   *
   * @throws BackfillException INVALID_EXPRESSION if a struct in one has a field that cannot be read
   */
  static List<Field> requireFit(List<Field> fields) {
    Faults faults = new Faults();
    for (Field field : fields) {
      LanceNames.unfitField(field)
          .ifPresent(
              why ->
                  faults.add(
                      BackfillErrorCode.INVALID_EXPRESSION,
                      "Column '%s' cannot have the type of the expression because of %s. Give that field another name in the expression."
                          .formatted(field.getName(), why)));
    }
    faults.throwIfAny();
    return fields;
  }
}
