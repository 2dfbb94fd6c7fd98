package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.error.BackfillException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** Everything that is not a CALL of ours is as if we were not there. */
class TestDelegation {
  private static final List<String> STATEMENTS =
      List.of(
          "SELECT 1",
          "SELECT 'CALL lance.system.backfill(1)' AS x",
          "SELECT \"CALL lance.system.backfill('t')\"",
          "-- CALL lance.system.backfill('t', 'c')\nSELECT 1",
          "/* CALL lance.system.backfill('t', 'c') */ SELECT call FROM call",
          "SELECT call.lance FROM call JOIN lance.system.backfill USING (call)",
          "SELECT call(1)",
          "SELECT '\uD83D\uDE00 CALL', `CALL` FROM t;",
          "WITH call AS (SELECT 1) SELECT * FROM call",
          "INSERT INTO lance.system.backfill VALUES ('CALL lance.system.backfill()')",
          "EXPLAIN SELECT 'CALL'",
          "EXPLAIN EXTENDED SELECT 1",
          "SET spark.x=CALL lance.system.backfill('t', 'c')",
          "DESCRIBE FUNCTION call",
          "CREATE TABLE lance.db.t (call INT)",
          "SELECT * FROM range(:n)",
          "",
          ";",
          "CALL",
          "CALL ;",
          "CALL 'text'",
          "CALL 'open",
          "CALL `open",
          "CALL /* open",
          "CALL 1 + 1",
          "CALL show_commits(table => 't')",
          "CALL foreign.rewrite_data_files('t')",
          "CALL foreign.db.rewrite_data_files('t')",
          "CALL foreign.system.rewrite_data_files(table => 'db.t', options => map('a', 'b'))",
          "EXPLAIN CALL foreign.system.rewrite_data_files('t')",
          "CALL 'show_commits'('t')",
          "EXPLAIN",
          "EXPLAIN LOGICAL CALL lance.system.backfill('t', 'c')",
          "CALLX lance.system.backfill('t', 'c')",
          "SELECT 1; CALL lance.system.backfill('t', 'c')",
          "SELEC 1",
          "OPTIMIZE lance.db.t",
          "OPTIMIZE lance.db.t WITH (target_rows_per_fragment=1000)",
          "VACUUM lance.db.t WITH (before_version=1)",
          "ALTER TABLE lance.db.t ADD COLUMNS a, b FROM source",
          "ALTER TABLE lance.db.t UPDATE COLUMNS a FROM source",
          "ALTER TABLE lance.db.t CREATE INDEX i USING btree (id) WITH (zone_size=8)",
          "SHOW INDEXES FROM lance.db.t",
          "SHOW INDEX IN lance.db.t",
          "OPTIMIZE",
          "SHOW INDEXES");

  private final ToyProcedures toy = new ToyProcedures();
  @TempDir private Path root;
  private SparkSession spark;

  enum Order {
    ALONE,
    OURS_FIRST,
    OURS_LAST
  }

  @AfterEach
  void stop() {
    LocalSpark.stop(spark);
  }

  private SparkSession session(List<Function1<SparkSessionExtensions, BoxedUnit>> extensions) {
    spark =
        LocalSpark.start(
            extensions,
            Map.of(
                "spark.sql.catalog.lance.root",
                root.toString(),
                "spark.sql.catalog.foreign",
                "org.apache.iceberg.spark.SparkCatalog"));
    return spark;
  }

  private SparkSession session(Order order) {
    LanceBackfillExtensions ours = new LanceBackfillExtensions(toy.registry());
    return session(
        switch (order) {
          case ALONE -> List.of(ours);
          case OURS_FIRST -> List.of(ours, LocalSpark.lanceExtension());
          case OURS_LAST -> List.of(LocalSpark.lanceExtension(), ours);
        });
  }

  private static String parsed(SparkSession session, String sql) {
    try {
      return sql + ": " + plan(session, sql);
    } catch (ParseException | RuntimeException e) {
      // lance-spark's parser meets some broken statements with a NullPointerException.
      return sql + ": " + e.getClass().getName() + " " + e.getMessage();
    }
  }

  // Scala methods do not declare what they throw.
  private static String plan(SparkSession session, String sql) throws ParseException {
    LogicalPlan plan = session.sessionState().sqlParser().parsePlan(sql);
    // lance-spark's parser returns null for some texts that nobody can parse.
    return plan == null ? "null" : plan.treeString().replaceAll("#\\d+L?", "#");
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void parsesTheRestAsWithoutUs(Order order) {
    SparkSession without =
        session(order == Order.ALONE ? List.of() : List.of(LocalSpark.lanceExtension()));
    List<String> expected =
        STATEMENTS.stream().map(statement -> parsed(without, statement)).toList();
    SparkSession with = session(order);
    assertThat(with).isNotSameAs(without);
    assertThat(STATEMENTS.stream().map(statement -> parsed(with, statement)).toList())
        .isEqualTo(expected);
    // The comparison sees both outcomes, and lance-spark's grammar where it is there.
    assertThat(expected).anyMatch(line -> line.matches("(?s).*(ParseException.*|: null)"));
    assertThat(expected.stream().anyMatch(line -> line.contains("ShowIndexes")))
        .isEqualTo(order != Order.ALONE);
    assertThat(toy.calls()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void claimsItsCallsBesideOthers(Order order) {
    SparkSession session = session(order);
    assertThat(session.sql("CALL lance.system.backfill('t', column => 'c')").collectAsList())
        .containsExactly(RowFactory.create("t", 1L));
    assertThatThrownBy(() -> session.sql("CALL lance.system.backfill('t', )"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INVALID_CALL] The CALL cannot be read.");
    assertThatThrownBy(() -> session.sql("CALL lance.system.nothing('t')"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[UNKNOWN_PROCEDURE]");
  }

  @ParameterizedTest
  @EnumSource(names = {"OURS_FIRST", "OURS_LAST"})
  void runsTheStatementsOfLanceSpark(Order order) {
    SparkSession session = session(order);
    session.sql("CREATE NAMESPACE lance.db");
    session.sql("CREATE TABLE lance.db.t (id INT, text STRING)");
    session.sql("INSERT INTO lance.db.t VALUES (1, 'CALL'), (2, 'b')");
    session.sql("INSERT INTO lance.db.t VALUES (3, 'c')");
    session.sql(
        "CREATE TEMPORARY VIEW source AS"
            + " SELECT _rowaddr, _fragid, id * 10 AS ten FROM lance.db.t");
    session.sql("ALTER TABLE lance.db.t ADD COLUMNS ten FROM source");
    session.sql("OPTIMIZE lance.db.t");
    session.sql("ALTER TABLE lance.db.t CREATE INDEX by_id USING btree (id)");
    List<Row> indexes = session.sql("SHOW INDEXES FROM lance.db.t").collectAsList();
    assertThat(indexes).hasSize(1);
    assertThat(indexes.get(0).mkString(",")).contains("by_id");
    assertThat(session.sql("SELECT id, text, ten FROM lance.db.t ORDER BY id").collectAsList())
        .containsExactly(
            RowFactory.create(1, "CALL", 10),
            RowFactory.create(2, "b", 20),
            RowFactory.create(3, "c", 30));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "io.lancebackfill.sql.LanceBackfillExtensions",
        "io.lancebackfill.sql.LanceBackfillExtensions,org.lance.spark.extensions.LanceSparkSessionExtensions",
        "org.lance.spark.extensions.LanceSparkSessionExtensions,io.lancebackfill.sql.LanceBackfillExtensions"
      })
  void isInstalledByItsSetting(String extensions) {
    spark = LocalSpark.startWithContext(Map.of("spark.sql.extensions", extensions));
    assertThatThrownBy(() -> spark.sql("CALL lance.system.no_such_procedure()"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[UNKNOWN_PROCEDURE] There is no procedure 'no_such_procedure'.");
    assertThat(spark.sql("SELECT 'CALL'").collectAsList()).hasSize(1);
  }
}
