package io.lancebackfill.declare;

import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.error.NearestName;
import io.lancebackfill.state.ComputedColumn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The options of {@code add_column}: the column's own ({@code vector_dim}, {@code version}) and its
 * defaults for the options of a backfill.
 */
public final class ColumnOptions {
  static final String VECTOR_DIM = "vector_dim";
  static final String VERSION = "version";
  private static final List<String> OWN = List.of(VECTOR_DIM, VERSION);

  private ColumnOptions() {}

  /** The defaults that a column gives to its backfills. */
  public static Map<String, String> ofJob(ComputedColumn column) {
    Map<String, String> options = new LinkedHashMap<>(column.options());
    OWN.forEach(options::remove);
    options.remove(ComputedColumn.REQUIRE);
    return options;
  }

  /** Checks all options of a declaration and tells all their faults. */
  static void check(Map<String, String> options, Faults faults) {
    List<String> known = new ArrayList<>(OWN);
    for (ConfigOption<?> option : BackfillOptions.callable()) {
      if (option != BackfillOptions.JOB_ID && option != BackfillOptions.DRY_RUN) {
        known.add(option.name());
      }
    }
    options.forEach(
        (name, value) -> {
          if (!known.contains(name)) {
            faults.add(
                BackfillErrorCode.UNKNOWN_OPTION,
                "A column has no option '%s'.%s There are: %s."
                    .formatted(name, NearestName.hint(name, known), String.join(", ", known)));
          } else if (name.equals(VECTOR_DIM)) {
            faults.collect(() -> vectorDim(value));
          } else if (!name.equals(VERSION)) {
            BackfillOptions.callable().stream()
                .filter(option -> option.name().equals(name))
                .forEach(option -> faults.collect(() -> option.ofColumn(value)));
          }
        });
  }

  /** Values of each row of a vector column. */
  static int vectorDim(String value) {
    try {
      int dim = Integer.parseInt(value.strip());
      if (dim > 0) {
        return dim;
      }
    } catch (NumberFormatException e) {
      throw invalidDim(value, e);
    }
    throw invalidDim(value, null);
  }

  private static BackfillException invalidDim(
      String value, @org.jspecify.annotations.Nullable Throwable cause) {
    return new BackfillException(
        BackfillErrorCode.INVALID_OPTION,
        "Option vector_dim is '%s'; it takes a whole number of 1 or more, the values of each row's vector."
            .formatted(value),
        cause);
  }
}
