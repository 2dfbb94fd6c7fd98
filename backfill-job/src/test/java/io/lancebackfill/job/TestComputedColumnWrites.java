package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.sql.LanceBackfillExtensions;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * Statements that name computed columns: with NULL alone. The table has n INT, v a vector, the
 * group up and twice, and the struct s, all computed from id and text, for ids 0 to 5.
 */
class TestComputedColumnWrites {
  private static final String SOURCE =
      "(SELECT 1L AS id, 'b' AS text, 7 AS k, IF(rand() < 2, 8, NULL) AS maybe,"
          + " array(1.0F, 2.0F) AS vec) s";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static String table;

  @BeforeAll
  static void start() {
    table = session.table("written", 6, 2, "2.1", true);
    session.call("add_column('%s', 'n', 'CAST(id AS INT) + 1')", table);
    session.call(
        "add_column('%s', 'v', 'array(CAST(id AS FLOAT), 1.0F)',"
            + " data_type => 'fixed_size_list<float>[2]')",
        table);
    session.sql(
        "CALL lance.system.add_column('%s', columns => array('up', 'twice'),"
            + " expression => 'named_struct(\"up\", upper(text), \"twice\", id * 2)')",
        table);
    session.call(
        "add_column('%s', 's', 'named_struct(\"x\", CAST(id AS INT), \"y\", text)')", table);
    List.of("n", "v", "up", "s").forEach(TestComputedColumnWrites::backfill);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "UPDATE %s SET n = 99",
        "UPDATE %s SET n = 99 WHERE false",
        "UPDATE %s SET n = n + 1",
        "UPDATE %s SET N = length(text)",
        "UPDATE %s SET n = text",
        "UPDATE %s SET `n` = 99 WHERE id = 1",
        "UPDATE %s AS t SET t.n = 99",
        "UPDATE %s AS t SET text = 'x', t.`n` = 99",
        "UPDATE %s SET n = CASE WHEN id = 1 THEN 5 END",
        "UPDATE %s SET n = if(id = 1, NULL, n)",
        "UPDATE %s SET n = (SELECT max(id) FROM range(3))",
        "UPDATE %s SET n = CAST(rand() * 10 AS INT)",
        "UPDATE %s SET n = 1 / 0.5",
        "UPDATE %s SET n = '5'",
        "UPDATE %s SET v = array(1.0F, 2.0F)",
        "UPDATE %s SET v = array(v[0], NULL)",
        "UPDATE %s SET twice = 4, text = 'x'",
        "UPDATE %s SET up = concat(up, 'x')",
        "UPDATE %s SET s = named_struct('x', 1, 'y', 'z')",
        "UPDATE %s SET s.x = 5",
        "UPDATE %s AS t SET t.s.x = NULL",
        "MERGE INTO %s t USING " + SOURCE + " ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = s.k",
        "MERGE INTO %s t USING " + SOURCE + " ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.n = 9",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id WHEN MATCHED AND s.k = 7 THEN UPDATE SET text = 'q', `n` = s.maybe",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.s.y = 'z'",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id + 90 WHEN NOT MATCHED THEN INSERT (id, text, n) VALUES (91, 'a', 5)",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id + 90 WHEN NOT MATCHED THEN INSERT (id, text, twice) VALUES (91, 'a',"
            + " s.id)",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id + 90 WHEN NOT MATCHED THEN INSERT (id, v) VALUES (91, s.vec)",
        "MERGE INTO %s t USING "
            + SOURCE
            + " ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET n = 0",
        "MERGE INTO %s t USING (SELECT id, text, 5 AS n FROM %1$s) s ON t.id = s.id"
            + " WHEN MATCHED THEN UPDATE SET *",
        "MERGE INTO %s t USING (SELECT id + 100 AS id, text, n FROM %1$s) s ON t.id = s.id"
            + " WHEN NOT MATCHED THEN INSERT *",
        "INSERT INTO %s (id, text, n) VALUES (91, 'a', 5)",
        "INSERT INTO %s (id, text, n) SELECT id, text, n FROM %1$s",
        "INSERT INTO %s VALUES (91, 'a', 5, NULL, NULL, NULL, NULL)",
        "INSERT INTO %s BY NAME SELECT 91L AS id, 'a' AS text, 5 AS n",
        "INSERT INTO %s SELECT * FROM %1$s",
        "INSERT OVERWRITE %s (id, text, n) VALUES (91, 'a', 5)",
        "INSERT OVERWRITE %s SELECT * FROM %1$s",
        "INSERT INTO %s REPLACE WHERE true SELECT * FROM %1$s"
      })
  void valuesThatNoFunctionMadeAreRefused(String statement) {
    long version = version();
    assertThatThrownBy(() -> session.sql(statement, table))
        .hasStackTraceContaining("[COMPUTED_COLUMN_WRITE] Column '")
        .hasStackTraceContaining("' of default.written is computed");
    assertThat(version()).isEqualTo(version);
  }

  @Test
  void allFaultsOfAStatementComeTogether() {
    assertThatThrownBy(
            () ->
                session.sql(
                    "MERGE INTO %s t USING %s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 1"
                        + " WHEN NOT MATCHED THEN INSERT (id, twice) VALUES (1, 2L)",
                    table, SOURCE))
        .hasMessageContaining("Column 'n' of default.written")
        .hasMessageContaining("Column 'twice' of default.written");
  }

  @Test
  void nullIsAllowedAndComputedAgain() {
    for (boolean stable : List.of(true, false)) {
      String name = stable ? "nulls_stable" : "nulls";
      String nulls = session.table(name, 40, 4, "2.1", stable);
      session.call("add_column('%s', 'n', 'length(text)')", nulls);
      session.call("add_column('%s', 's', 'named_struct(\"x\", id, \"y\", text)')", nulls);
      session.call("backfill('%s', 'n')", nulls);
      session.call("backfill('%s', 's')", nulls);

      session.sql("UPDATE %s SET n = NULL WHERE id IN (1, 2, 13)", nulls);
      filled(nulls, 3);
      session.sql("UPDATE %s AS t SET t.N = CAST(NULL AS INT), t.s = NULL WHERE id = 5", nulls);
      assertThat(session.number("SELECT count(*) FROM %s WHERE s IS NULL", nulls)).isEqualTo(1);
      filled(nulls, 1);
      session.sql("UPDATE %s SET n = DEFAULT WHERE id < 3", nulls);
      filled(nulls, 3);
      session.sql("UPDATE %s SET n = n, text = concat(text, 'u') WHERE id = 7", nulls);
      filled(nulls, 1);
      session.sql("UPDATE %s SET n = if(id = 8, NULL, CAST(NULL AS INT)) WHERE id < 10", nulls);
      filled(nulls, 10);
      session.sql(
          "MERGE INTO %s t USING (SELECT explode(array(3L, 70L)) AS id) s ON t.id = s.id"
              + " WHEN MATCHED THEN UPDATE SET n = NULL"
              + " WHEN NOT MATCHED THEN INSERT (id, text, n) VALUES (s.id, 'new', DEFAULT)",
          nulls);
      filled(nulls, 2);
      session.sql("INSERT INTO %s (id, n, text) VALUES (71, DEFAULT, 'later')", nulls);
      filled(nulls, 1);
    }
  }

  /** The next backfill computes just the rows that were emptied. */
  private static void filled(String table, long rows) {
    assertThat(session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed"))
        .isEqualTo(rows);
    session.call("backfill('%s', 's')", table);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text)"
                    + " OR s.y IS DISTINCT FROM text OR s.x IS DISTINCT FROM id",
                table))
        .isZero();
  }

  @Test
  @SuppressWarnings("unchecked") // the class is lance-spark's, which only our own may name
  void lanceSparksUpdateColumnsIsRefusedToo() throws Exception {
    Function1<SparkSessionExtensions, BoxedUnit> theirs =
        Class.forName("org.lance.spark.extensions.LanceSparkSessionExtensions")
            .asSubclass(Function1.class)
            .getConstructor()
            .newInstance();
    SparkSession both =
        LocalSpark.start(
            List.of(theirs, new LanceBackfillExtensions()),
            Map.of("spark.sql.catalog.lance.root", session.root().toString()));
    try {
      both.sql("SELECT _rowaddr, _fragid, 99 AS n, 'x' AS text FROM " + table)
          .createOrReplaceTempView("given");
      long version = version();
      assertThatThrownBy(
              () -> both.sql("ALTER TABLE %s UPDATE COLUMNS n FROM given".formatted(table)))
          .hasMessageContaining("[COMPUTED_COLUMN_WRITE] Column 'n' of default.written");
      assertThat(version()).isEqualTo(version);
    } finally {
      SparkSession.setActiveSession(session.spark());
      SparkSession.setDefaultSession(session.spark());
    }
  }

  private static void backfill(String column) {
    session.call("backfill('%s', '%s')", table, column);
  }

  private static long version() {
    return LanceTables.latest(DatasetRef.of(session.folder("written").toString())).version();
  }
}
