package io.lancebackfill.state;

import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * A computed column, or a group of columns that one expression fills, as the table's field metadata
 * declares it.
 *
 * @param columns the columns in the order of the expression's struct fields; one if it is no group
 * @param expression the Spark SQL text that computes them
 * @param kind {@code sql} or {@code function}
 * @param function name of the registered function that the expression calls; empty for kind sql
 * @param inputs names of the table's columns that the expression reads
 * @param fingerprint what the value of a row depends on, beside its inputs
 * @param settings session settings captured at declaration, set again for each job
 * @param options the column's defaults for the options of a backfill, and {@code version}
 */
public record ComputedColumn(
    List<TableColumn> columns,
    String expression,
    String kind,
    String function,
    List<String> inputs,
    String fingerprint,
    Map<String, String> settings,
    Map<String, String> options) {

  /** The kinds of expression; known to other Lance tools. */
  public static final String KIND_SQL = "sql";

  public static final String KIND_FUNCTION = "function";

  /** The newest format of field metadata and state that this build reads and the one it writes. */
  public static final int FORMAT = 1;

  private static final String COMPUTED = "computed_column";
  private static final String KIND = "computed_column.kind";
  private static final String EXPRESSION = "computed_column.expression";
  private static final String INPUTS = "computed_column.inputs";
  private static final String OURS = "lance-backfill.";
  private static final String OUR_FORMAT = OURS + "format";
  private static final String FUNCTION = OURS + "function";
  private static final String FINGERPRINT = OURS + "fingerprint";
  private static final String SETTINGS = OURS + "settings";
  private static final String OPTIONS = OURS + "options";
  private static final String GROUP = OURS + "group";

  public static boolean isComputed(TableColumn column) {
    return "true".equals(column.metadata().get(COMPUTED));
  }

  /** True if {@code add_column} declared it, and not another tool that computes columns too. */
  public static boolean isDeclared(TableColumn column) {
    return isComputed(column) && column.metadata().containsKey(FINGERPRINT);
  }

  /**
   * The declaration that {@code name} belongs to.
   *
   * @throws BackfillException COLUMN_NOT_FOUND, NOT_A_COMPUTED_COLUMN or STATE_FORMAT_TOO_NEW
   */
  public static ComputedColumn of(TableSnapshot table, String name) {
    TableColumn column =
        table
            .column(name)
            .orElseThrow(
                () ->
                    new BackfillException(
                        BackfillErrorCode.COLUMN_NOT_FOUND,
                        "Column '%s' is not in the table. Its columns are %s. Declare it with add_column."
                            .formatted(
                                name, table.columns().stream().map(TableColumn::name).toList())));
    return of(table, column);
  }

  private static ComputedColumn of(TableSnapshot table, TableColumn column) {
    Map<String, String> metadata = column.metadata();
    if (!isDeclared(column)) {
      throw new BackfillException(
          BackfillErrorCode.NOT_A_COMPUTED_COLUMN,
          ("Column '%s' holds base data: %s. A backfill would overwrite it, so it is refused. "
                  + "Name a column that add_column declared.")
              .formatted(
                  column.name(),
                  isComputed(column)
                      ? "another tool declared it as computed, without this one's metadata"
                      : "it was not declared as computed"));
    }
    int format = Integer.parseInt(metadata.getOrDefault(OUR_FORMAT, "1"));
    if (format > FORMAT) {
      throw new BackfillException(
          BackfillErrorCode.STATE_FORMAT_TOO_NEW,
          ("Column '%s' was declared in format %d; this build reads formats up to %d. "
                  + "Use a newer build of lance-backfill.")
              .formatted(column.name(), format, FORMAT));
    }
    List<TableColumn> group = new ArrayList<>();
    for (String member :
        Json.strings(metadata.getOrDefault(GROUP, Json.write(List.of(column.name()))))) {
      group.add(
          table
              .column(member)
              .orElseThrow(
                  () ->
                      new BackfillException(
                          BackfillErrorCode.COLUMN_NOT_FOUND,
                          ("Column '%s' of the group of '%s' is not in the table any more. "
                                  + "Drop the others with drop_column and declare the group again.")
                              .formatted(member, column.name()))));
    }
    return new ComputedColumn(
        List.copyOf(group),
        metadata.getOrDefault(EXPRESSION, ""),
        metadata.getOrDefault(KIND, KIND_SQL),
        metadata.getOrDefault(FUNCTION, ""),
        Json.strings(metadata.getOrDefault(INPUTS, "[]")),
        metadata.getOrDefault(FINGERPRINT, ""),
        Json.stringMap(metadata.getOrDefault(SETTINGS, "{}")),
        Json.stringMap(metadata.getOrDefault(OPTIONS, "{}")));
  }

  /** All declarations of the table, each group once, in the order of their first columns. */
  public static List<ComputedColumn> all(TableSnapshot table) {
    Map<List<Integer>, ComputedColumn> found = new LinkedHashMap<>();
    for (TableColumn column : table.columns()) {
      if (isDeclared(column)) {
        ComputedColumn computed = of(table, column);
        found.putIfAbsent(computed.fieldIds(), computed);
      }
    }
    return List.copyOf(found.values());
  }

  /** The field metadata that declares this, the same for each column of a group. */
  public static Map<String, String> metadata(
      List<String> names,
      String expression,
      String kind,
      String function,
      List<String> inputs,
      String fingerprint,
      Map<String, String> settings,
      Map<String, String> options) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(COMPUTED, "true");
    metadata.put(KIND, kind);
    metadata.put(EXPRESSION, expression);
    metadata.put(INPUTS, Json.write(inputs));
    metadata.put(OUR_FORMAT, Integer.toString(FORMAT));
    metadata.put(FUNCTION, function);
    metadata.put(FINGERPRINT, fingerprint);
    metadata.put(SETTINGS, Json.write(settings));
    metadata.put(OPTIONS, Json.write(options));
    metadata.put(GROUP, Json.write(names));
    return metadata;
  }

  /** The column's name, or the names of a group with commas. */
  public String name() {
    return String.join(",", names());
  }

  public List<String> names() {
    return columns.stream().map(TableColumn::name).toList();
  }

  public boolean isGroup() {
    return columns.size() > 1;
  }

  /** Field ids of the columns: what identifies the declaration when names change. */
  public List<Integer> fieldIds() {
    return columns.stream().map(TableColumn::id).toList();
  }

  /** Field ids as one word, as in names of datasets and in records: {@code 5} or {@code 5-6-7}. */
  public String idKey() {
    return String.join("-", fieldIds().stream().map(String::valueOf).toList());
  }

  /**
   * What a column's values depend on beside its inputs: the expression's fingerprint and the types
   * that it is stored in. Field ids alone do not do: the id of a dropped column may be given again.
   */
  public static String fingerprint(String ofExpression, List<Field> fields) {
    String types = fields.stream().map(ColumnTypes::name).toList().toString();
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(types.getBytes(StandardCharsets.UTF_8));
      return ofExpression + HexFormat.of().formatHex(hash, 0, 4);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Name of the folder of this column's checkpoints under its present fingerprint. */
  public String checkpointKey() {
    return idKey() + "_" + fingerprint;
  }

  /** The version that the user gave to the function, if any. */
  public Optional<String> functionVersion() {
    return Optional.ofNullable(options.get("version"));
  }
}
