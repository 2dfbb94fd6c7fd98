package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.DocumentSection;
import io.lancebackfill.error.BackfillException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Columns of every type that Spark and Lance have in common hold, bit for bit, what a plain SELECT
 * of the expression gives, as another tool reads them. What that shows is the table in
 * docs/types.md.
 */
class TestTypes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String IDS =
      "((id < 60 AND (id < 20 OR id % 13 <> 5)) OR (id >= 100 AND id < 120) OR id = 200"
          + " OR id >= 400)";
  private static final String COMPARE =
      """
      import json, pyarrow.parquet as pq
      def plain(a):
          if isinstance(a, pa.ChunkedArray):
              return [v for c in a.chunks for v in plain(c)]
          t = a.type
          if pa.types.is_struct(t):
              fields = [plain(f) for f in a.flatten()]
              return [tuple(f[i] for f in fields) if a[i].is_valid else None for i in range(len(a))]
          if pa.types.is_list(t) or pa.types.is_fixed_size_list(t):
              return [plain(v.values) if v.is_valid else None for v in a]
          if pa.types.is_temporal(t):
              return a.cast(pa.int32() if pa.types.is_date32(t) else pa.int64()).to_pylist()
          return [None if v is None else repr(v) for v in a.to_pylist()]
      table = lance.dataset(uri).to_table().sort_by('id')
      expected = pq.read_table(uri + '_expected').sort_by('id')
      assert table['id'].to_pylist() == expected['id'].to_pylist(), table['id']
      result = {}
      for name in expected.column_names[1:]:
          have, want = plain(table[name]), plain(expected[name])
          wrong = [(i, h, w) for i, h, w in zip(table['id'].to_pylist(), have, want) if h != w]
          result[name] = {'type': str(table.schema.field(name).type), 'rows': len(have),
                          'wrong': str(wrong)[:1000] if wrong else ''}
      print(json.dumps(result))
      """;

  /** What came back of each table that was filled: Lance's type of each column. */
  private static final Map<Filled, Map<ColumnType, String>> SHOWN = new HashMap<>();

  /**
   * A table, and how its columns are filled.
   *
   * @param fragments 5: mixed values, all NULL, one row, all rows deleted, all empty; 1: all of
   *     that in one, which is computed in ranges; 0: no row at all; 3: values in runs
   * @param run length of the runs, 0 if there are none
   */
  private record Filled(String storage, Writer writer, int fragments, boolean group, int run) {
    Filled(String storage, Writer writer, int fragments, boolean group) {
      this(storage, writer, fragments, group, 0);
    }

    String name() {
      return "t_%s_%s_%d_%s_%d".formatted(storage.replace('.', '_'), writer, fragments, group, run);
    }

    /** The ids of each fragment: from, to. */
    List<String> ids() {
      return switch (fragments) {
        case 0 -> List.of();
        case 1 -> List.of("0, 420");
        case 3 -> IntStream.range(0, 3).mapToObj(i -> i * 1000 + ", " + (i + 1) * 1000).toList();
        default -> List.of("0, 60", "100, 120", "200, 201", "300, 310", "400, 420");
      };
    }

    int rows() {
      return fragments == 0 ? 0 : fragments == 3 ? 3000 : 420;
    }

    String selected(ColumnType type) {
      return type.selected(run == 0 ? type.expression() : type.inRuns(run));
    }

    /** Every type has a column of its own on 2.1; elsewhere only what no group can have. */
    boolean takes(ColumnType type) {
      return type.fits(storage)
          && (run == 0 || type.name().contains("<"))
          && (group ? !type.isVector() : type.isVector() || storage.equals("2.1"));
    }
  }

  private enum Writer {
    SPARK,
    /** With stable row ids. */
    PYLANCE
  }

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    session.spark().conf().set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS");
    session.spark().conf().set("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED");
  }

  /** Vectors among them, which no group has. */
  @ParameterizedTest
  @CsvSource({"2.0, SPARK", "2.1, PYLANCE", "2.2, PYLANCE"})
  void eachInAColumnOfItsOwn(String storage, Writer writer) {
    assertThat(shown(new Filled(storage, writer, 5, false))).isNotEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "2.0, PYLANCE, 5", "2.1, SPARK, 5", "2.2, SPARK, 5",
    "2.0, SPARK, 1", "2.1, PYLANCE, 1", "2.2, SPARK, 1",
    "2.1, SPARK, 0"
  })
  void allInOneGroup(String storage, Writer writer, int fragments) {
    assertThat(shown(new Filled(storage, writer, fragments, true))).isNotEmpty();
  }

  /** What others have filled in parts looks like that, and such lists have killed processes. */
  @ParameterizedTest
  @CsvSource({"2.0, PYLANCE, 700", "2.1, SPARK, 700", "2.1, PYLANCE, 40", "2.2, PYLANCE, 700"})
  void inLongRunsOfNullAndEmptyAndOtherValues(String storage, Writer writer, int run) {
    assertThat(shown(new Filled(storage, writer, 3, true, run))).isNotEmpty();
  }

  @Test
  void theReadmeSaysWhatIsShownHere() throws IOException {
    List<Map<ColumnType, String>> shown =
        List.of(
            shown(new Filled("2.0", Writer.PYLANCE, 5, true)),
            shown(new Filled("2.0", Writer.SPARK, 5, false)),
            shown(new Filled("2.1", Writer.PYLANCE, 5, false)),
            shown(new Filled("2.2", Writer.SPARK, 5, true)),
            shown(new Filled("2.2", Writer.PYLANCE, 5, false)));
    List<String> versions = List.of("2.0", "2.0", "2.1", "2.2", "2.2");
    StringBuilder table =
        new StringBuilder(
            "| Spark type | Lance type | storage versions | note |\n|---|---|---|---|\n");
    for (ColumnType type : ColumnType.all()) {
      Set<String> lance = new LinkedHashSet<>();
      Set<String> in = new LinkedHashSet<>();
      for (int i = 0; i < shown.size(); i++) {
        if (shown.get(i).containsKey(type)) {
          lance.add("`" + shown.get(i).get(type) + "`");
          in.add(versions.get(i));
        }
      }
      assertThat(lance).as(type.name()).hasSize(1);
      table.append(
          "| `%s` | %s | %s | %s |%n"
              .formatted(type.name(), String.join("", lance), String.join(", ", in), type.note()));
    }
    DocumentSection.require("docs/types.md", "types", table.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "2.2 | map('a', id)              |                             | do not share map<string,bigint>",
        "2.2 | array(map('a', 1))        |                             | map_entries",
        "2.2 | NULL                      |                             | type VOID cannot be stored",
        "2.2 | named_struct('n', NULL)   |                             | n: VOID> cannot be stored",
        "2.2 | INTERVAL '1' YEAR         |                             | do not share interval year",
        "2.2 | make_dt_interval(1, id)   |                             | do not share interval day to second",
        "2.2 | make_interval(id)         |                             | type INTERVAL cannot be stored",
        "2.2 | 'a'                       | varchar(10)                 | do not share varchar(10)",
        "2.2 | 'a'                       | char(10)                    | do not share char(10)",
        "2.2 | array(1F)                 | fixed_size_list<half>[1]    | is no type",
        "2.2 | array('a')                | fixed_size_list<string>[1]  | vectors come from arrays of",
        "2.2 | array(true)               | fixed_size_list<boolean>[1] | vectors come from arrays of",
        "2.2 | array(array(1F))          | fixed_size_list<float>[1]   | cannot be cast",
        "2.2 | named_struct('a',1,'A',2) |                             | two fields of a struct",
        "2.2 | named_struct('a.b', 1)    |                             | cannot name a field",
        "2.0 | named_struct('a', id)     |                             | NULL structs do not survive",
        "2.0 | array(struct(id))         |                             | NULL structs do not survive",
        "2.1 | array(true)               |                             | cannot be trusted with",
        "2.2 | array(true)               |                             | Cast booleans to tinyint",
        "2.2 | array(array(1))           |                             | file_format_version 2.0",
        "2.1 | struct(array(1))          |                             | one for each field",
        "2.2 | array(struct(id))         |                             | arrays of anything but plain",
      })
  void othersAreRefusedWhenTheyAreDeclared(
      String storage, String expression, @Nullable String dataType, String message) {
    String name = "refused_" + storage.replace('.', '_');
    if (!session.spark().catalog().tableExists("lance.default." + name)) {
      table(new Filled(storage, Writer.SPARK, 0, true), name);
    }
    Map<String, String> before = session.allFiles(name);
    assertThatThrownBy(() -> add("lance.default." + name, List.of("c"), expression, dataType))
        .isInstanceOf(BackfillException.class)
        .hasMessageMatching("(?s)\\[(UNSUPPORTED_TYPE|TYPE_MISMATCH)] .*")
        .hasMessageContaining(message);
    assertThat(session.allFiles(name)).isEqualTo(before);
  }

  /** Lance's type of each column, all of which hold what a plain SELECT gives. */
  private static Map<ColumnType, String> shown(Filled filled) {
    if (!SHOWN.containsKey(filled)) {
      SHOWN.put(filled, fill(filled));
    }
    return SHOWN.get(filled);
  }

  private static Map<ColumnType, String> fill(Filled filled) {
    String table = table(filled, filled.name());
    List<ColumnType> types = ColumnType.all().stream().filter(filled::takes).toList();
    List<String> columns = IntStream.range(0, types.size()).mapToObj(i -> "c" + i).toList();
    if (filled.group()) {
      String fields =
          IntStream.range(0, types.size())
              .mapToObj(i -> "'c%d', %s".formatted(i, filled.selected(types.get(i))))
              .collect(Collectors.joining(", "));
      add(table, columns, "named_struct(" + fields + ")", null);
      backfill(table, "c0");
    } else {
      for (int i = 0; i < types.size(); i++) {
        add(table, List.of(columns.get(i)), types.get(i).expression(), types.get(i).dataType());
        backfill(table, columns.get(i));
      }
    }
    return compared(filled, types);
  }

  private static void backfill(String table, String column) {
    Row result = session.call("backfill('%s', '%s')", table, column);
    assertThat(result.<String>getAs("status")).as(column).isEqualTo("DONE");
  }

  private static void add(
      String table, List<String> columns, String expression, @Nullable String dataType) {
    Map<String, Object> values = new HashMap<>();
    values.put("t", table);
    values.put("e", expression);
    if (dataType != null) {
      values.put("d", dataType);
    }
    session
        .spark()
        .sql(
            "CALL lance.system.add_column(table => :t, %s, expression => :e%s)"
                .formatted(
                    columns.size() == 1
                        ? "column => '" + columns.get(0) + "'"
                        : "columns => array('" + String.join("', '", columns) + "')",
                    dataType == null ? "" : ", data_type => :d"),
            values)
        .collectAsList();
  }

  /** Fills a new table with ids; returns how a CALL names it. */
  private static String table(Filled filled, String name) {
    List<String> ranges = filled.ids();
    if (filled.writer() == Writer.SPARK) {
      String table = "lance.default." + name;
      session.sql(
          "CREATE TABLE %s (id BIGINT) TBLPROPERTIES ('file_format_version'='%s')",
          table, filled.storage());
      for (String range : ranges) {
        session.sql("INSERT INTO %s SELECT id FROM range(%s, 1, 1)", table, range);
      }
      if (!ranges.isEmpty()) {
        session.sql("DELETE FROM %s WHERE NOT %s", table, IDS);
      }
      return table;
    }
    Path folder = session.root().resolve(name + ".lance");
    Pylance.run(
        folder,
        """
        for a, b in [(%s)]:
            lance.write_dataset(pa.table({'id': pa.array(range(a, b), pa.int64())}), uri,
                mode='append' if a else 'create', data_storage_version='%s',
                enable_stable_row_ids=True)
        lance.dataset(uri).delete('NOT %s')
        """
            .formatted(String.join("), (", ranges), filled.storage(), IDS));
    return folder.toString();
  }

  private static Map<ColumnType, String> compared(Filled filled, List<ColumnType> types) {
    String columns =
        IntStream.range(0, types.size())
            .mapToObj(i -> filled.selected(types.get(i)) + " AS c" + i)
            .collect(Collectors.joining(", "));
    session
        .sql("SELECT id, %s FROM range(0, %d) WHERE %s", columns, filled.rows(), IDS)
        .coalesce(1)
        .write()
        .parquet(session.folder(filled.name()) + "_expected");
    JsonNode found = json(Pylance.run(session.folder(filled.name()), COMPARE));
    Map<ColumnType, String> right = new LinkedHashMap<>();
    for (int i = 0; i < types.size(); i++) {
      JsonNode column = found.get("c" + i);
      assertThat(column.get("wrong").asText())
          .as("%s of %s", types.get(i).name(), filled)
          .isEmpty();
      right.put(types.get(i), column.get("type").asText());
    }
    // Spark reads with another Lance than pylance.
    String differences =
        IntStream.range(0, types.size())
            .mapToObj(i -> "count_if(NOT (%s <=> c%d))".formatted(filled.selected(types.get(i)), i))
            .collect(Collectors.joining(", "));
    Row different =
        session
            .spark()
            .read()
            .format("lance")
            .load(session.folder(filled.name()).toString())
            .selectExpr(differences.split(", (?=count_if)"))
            .first();
    for (int i = 0; i < types.size(); i++) {
      assertThat(different.getLong(i)).as("%s of %s", types.get(i).name(), filled).isZero();
    }
    return right;
  }

  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new AssertionError(text, e);
    }
  }
}
