package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.ReadmeSection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Columns of every type that Spark and Lance have in common hold, bit for bit, what a plain SELECT
 * of the expression gives, as another tool reads them. What that shows is the README's table.
 */
class TestTypes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String IDS =
      "(id < 60 OR id BETWEEN 100 AND 119 OR id = 200 OR id BETWEEN 300 AND 309"
          + " OR id BETWEEN 400 AND 419)";
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

  /** Storage versions in which a type came back right, and its type as Lance tells it. */
  private static final Map<String, List<String>> SHOWN = new LinkedHashMap<>();

  @TempDir private static Path root;
  private static BackfillSession session;

  @BeforeAll
  static void start() {
    session = new BackfillSession(root);
    session.spark.conf().set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS");
    session.spark.conf().set("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED");
  }

  @AfterAll
  static void stop() {
    session.close();
  }

  @ParameterizedTest
  @CsvSource({"2.0, spark", "2.1, pylance"})
  void eachTypeInAColumnOfItsOwn(String storage, String writer) {
    String name = "own_" + storage.replace('.', '_');
    String table = table(name, storage, writer, true);
    List<ColumnType> types = typesOn(storage);
    for (int i = 0; i < types.size(); i++) {
      ColumnType type = types.get(i);
      try {add(table, "c" + i, type);
      Row result = session.call("backfill('%s', 'c%s')", table, i);
      assertThat(result.<String>getAs("status")).as(type.name()).isEqualTo("DONE");
      } catch (Throwable e) {System.out.println("FAILED " + type.name() + " " + e); if (true) {session.sql("CALL lance.system.add_column('%s','c%s','1')", table, i);} }
    }
    compare(name, table, types);
  }

  private void add(String table, String column, ColumnType type) {
    session
        .spark
        .sql(
            "CALL lance.system.add_column(table => :t, column => :c, expression => :e"
                + (type.dataType() == null ? ")" : ", data_type => :d)"),
            type.dataType() == null
                ? Map.of("t", table, "c", column, "e", type.expression())
                : Map.of("t", table, "c", column, "e", type.expression(), "d", type.dataType()))
        .collectAsList();
  }

  private static List<ColumnType> typesOn(String storage) {
    return ColumnType.all().stream()
        .filter(type -> !storage.equals("2.0") || !type.holdsStruct())
        .toList();
  }

  private static String table(String name, String storage, String writer, boolean deleted) {
    String table = "lance.default." + name;
    if (writer.equals("spark")) {
      session.sql(
          "CREATE TABLE %s (id BIGINT) TBLPROPERTIES ('file_format_version'='%s')", table, storage);
      for (String ids : List.of("0, 60", "100, 120", "200, 201", "300, 310", "400, 420")) {
        session.sql("INSERT INTO %s SELECT id FROM range(%s, 1, 1)", table, ids);
      }
    } else {
      Pylance.run(
          root.resolve(name + ".lance"),
          """
          for a, b in [(0, 60), (100, 120), (200, 201), (300, 310), (400, 420)]:
              lance.write_dataset(pa.table({'id': pa.array(range(a, b), pa.int64())}), uri,
                  mode='append' if a else 'create', data_storage_version='%s',
                  enable_stable_row_ids=True)
          """
              .formatted(storage));
      table = root.resolve(name + ".lance").toString();
    }
    return table;
  }

  private static void compare(String name, String table, List<ColumnType> types) {
    List<String> columns = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      columns.add(types.get(i).selected() + " AS c" + i);
    }
    session
        .sql("SELECT id, %s FROM range(0, 420) WHERE %s", String.join(", ", columns), IDS)
        .coalesce(1)
        .write()
        .parquet(session.folder(name) + "_expected");
    JsonNode found = json(Pylance.run(session.folder(name), COMPARE));
    for (int i = 0; i < types.size(); i++) {
      System.out.println(types.get(i).name() + " " + found.get("c" + i));
    }
  }

  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new AssertionError(text, e);
    }
  }
}
