package io.lancebackfill.state;

import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.LanceNames;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * A computed column, or a group of columns that one expression fills, as the table's field metadata
 * declares it.
 *
 * @param columns the columns in the order of the expression's struct fields; one if it is no group
 * @param expression the Spark SQL text that computes them
 * @param kind {@code sql} or {@code function}
 * @param function name of the registered function that the expression calls; empty for kind sql
 * @param inputs names that the columns have now which the expression reads
 * @param declaredInputs the same columns as the expression names them
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
    DeclaredInputs declaredInputs,
    String fingerprint,
    Map<String, String> settings,
    Map<String, String> options) {

  /** The kinds of expression; known to other Lance tools. */
  public static final String KIND_SQL = "sql";

  public static final String KIND_FUNCTION = "function";

  /** The newest format of field metadata and state that this build reads and the one it writes. */
  public static final int FORMAT = 1;

  /** Where {@link #options} keep the conditions; no option that a call gives. */
  public static final String REQUIRE = "require";

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
  private static final String NAME = OURS + "name";
  private static final String FIELD_ID = OURS + "field-id";
  private static final String INPUT_IDS = OURS + "input-ids";

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
   * @param name of the column, with or without the backticks of SQL around it
   * @throws BackfillException COLUMN_NOT_FOUND, NOT_A_COMPUTED_COLUMN or STATE_FORMAT_TOO_NEW
   */
  public static ComputedColumn of(TableSnapshot table, String name) {
    TableColumn column =
        table
            .column(name)
            .or(() -> table.column(LanceNames.unquoted(name)))
            .orElseThrow(
                () ->
                    new BackfillException(
                        BackfillErrorCode.COLUMN_NOT_FOUND,
                        "Column '%s' is not in the table. Its columns are %s. Declare it with add_column."
                            .formatted(
                                name, table.columns().stream().map(TableColumn::name).toList())));
    return of(table, column);
  }

  /** The declaration that a column of the table belongs to. */
  public static ComputedColumn of(TableSnapshot table, TableColumn column) {
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
    List<TableColumn> group = group(table, column);
    // A copy of the table, made with the metadata of its fields, has other ids.
    boolean sameIds =
        Integer.toString(column.originalId()).equals(metadata.getOrDefault(FIELD_ID, ""));
    DeclaredInputs declared =
        DeclaredInputs.read(
            Json.strings(metadata.getOrDefault(INPUTS, "[]")),
            sameIds ? metadata.getOrDefault(INPUT_IDS, "{}") : "{}");
    return new ComputedColumn(
        List.copyOf(group),
        metadata.getOrDefault(EXPRESSION, ""),
        metadata.getOrDefault(KIND, KIND_SQL),
        metadata.getOrDefault(FUNCTION, ""),
        declared.presentNames(table),
        declared,
        metadata.getOrDefault(FINGERPRINT, ""),
        Json.stringMap(metadata.getOrDefault(SETTINGS, "{}")),
        Json.stringMap(metadata.getOrDefault(OPTIONS, "{}")));
  }

  /**
   * The columns of a column's group, in the order of its struct, whatever they are called now.
   *
   * @throws BackfillException COLUMN_NOT_FOUND if one was dropped
   */
  private static List<TableColumn> group(TableSnapshot table, TableColumn column) {
    String text = column.metadata().getOrDefault(GROUP, "[]");
    List<String> names = Json.strings(text);
    if (names.size() < 2) {
      return List.of(column);
    }
    List<TableColumn> alike =
        table.columns().stream()
            .filter(other -> text.equals(other.metadata().get(GROUP)) && isDeclared(other))
            .sorted(Comparator.comparing(TableColumn::originalId))
            .toList();
    // A group may have been renamed as a whole, and its names declared again.
    String own = column.metadata().getOrDefault(NAME, "");
    int rank = alike.stream().filter(c -> own.equals(declaredName(c))).toList().indexOf(column);
    List<TableColumn> group = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      Optional<TableColumn> member =
          own.isEmpty()
              ? memberByOrder(table, alike, names, i)
              : alike.stream().filter(c -> name.equals(declaredName(c))).skip(rank).findFirst();
      group.add(member.orElseThrow(() -> memberGone(table, column, names, name)));
    }
    return List.copyOf(group);
  }

  private static String declaredName(TableColumn column) {
    return column.metadata().getOrDefault(NAME, "");
  }

  /** A member of a group that was declared before each kept its name: ids rise in its order. */
  private static Optional<TableColumn> memberByOrder(
      TableSnapshot table, List<TableColumn> alike, List<String> names, int position) {
    Optional<TableColumn> named = table.column(names.get(position));
    return named.isEmpty() && alike.size() == names.size()
        ? Optional.of(alike.get(position))
        : named;
  }

  private static BackfillException memberGone(
      TableSnapshot table, TableColumn column, List<String> group, String name) {
    return new BackfillException(
        BackfillErrorCode.COLUMN_NOT_FOUND,
        ("Column '%s' of the group %s, to which '%s' belongs, is not in the table any more; its columns"
                + " are %s. A group is computed as a whole: what it holds stays readable. Restore the"
                + " version before that column was dropped, or go on with a group of other names.")
            .formatted(
                name,
                group,
                column.name(),
                table.columns().stream().map(TableColumn::name).toList()));
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

  /**
   * The field metadata that declares this, the same for each column of a group.
   *
   * @param table the version that the expression was bound to
   */
  public static Map<String, String> metadata(
      TableSnapshot table,
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
    metadata.put(INPUT_IDS, DeclaredInputs.ids(table, inputs));
    return metadata;
  }

  /** What each column's metadata has of its own, so that it is known under another name. */
  public static Map<String, String> ownMetadata(String name, int originalId) {
    return Map.of(NAME, name, FIELD_ID, Integer.toString(originalId));
  }

  /** True if a column's metadata names another field than the column's own. */
  public static boolean hasForeignId(TableColumn column) {
    return !Integer.toString(column.originalId()).equals(column.metadata().get(FIELD_ID));
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

  /**
   * The field ids that the columns were declared with, as one word, as in names of datasets and in
   * records: {@code 5} or {@code 5-6-7}. Stays when a commit gives the columns new ids.
   */
  public String idKey() {
    return columns.stream()
        .map(column -> Integer.toString(column.originalId()))
        .collect(Collectors.joining("-"));
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

  /** The same declaration with the field ids that its columns have in a newer version. */
  public ComputedColumn presentIn(TableSnapshot table) {
    return new ComputedColumn(
        columns.stream().map(table::present).toList(),
        expression,
        kind,
        function,
        inputs,
        declaredInputs,
        fingerprint,
        settings,
        options);
  }

  /** Conditions in SQL that a computed row has to meet. */
  public List<String> require() {
    return Json.strings(options.getOrDefault(REQUIRE, "[]"));
  }

  /** The names that the columns were declared with, which the conditions use. */
  public List<String> declaredNames() {
    return columns.stream().map(c -> c.metadata().getOrDefault(NAME, c.name())).toList();
  }

  /** The version that the user gave to the function, if any. */
  public Optional<String> functionVersion() {
    return Optional.ofNullable(options.get("version"));
  }
}
