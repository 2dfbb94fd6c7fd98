package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** CALLs that were meant for us and miss: each is told what there is, and how it is written. */
class TestMissedCalls {
  private static final String WRITE =
      "Lance catalogs of this session: lance, plain. Write CALL %s.system.%s(name => value, ...)."
          + " Procedures: backfill.";
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = session(List.of(ours()), Map.of());
  }

  @AfterAll
  static void stop() {
    LocalSpark.stop(spark);
  }

  private static LanceBackfillExtensions ours() {
    return new LanceBackfillExtensions(new ToyProcedures().registry());
  }

  private static SparkSession session(
      List<Function1<SparkSessionExtensions, BoxedUnit>> extensions, Map<String, String> settings) {
    Map<String, String> all =
        new TreeMap<>(
            Map.of(
                "spark.sql.catalog.plain", "org.lance.spark.LanceNamespaceSparkCatalog",
                "spark.sql.catalog.foreign", "org.apache.iceberg.spark.SparkCatalog",
                "spark.sql.catalog.slip", "io.lancebackfill.catalog.LanceBackfilCatalog",
                "spark.sql.catalog.short", "LanceBackfillCatalog",
                "spark.sql.catalog.slipped", "org.lance.spark.LanceNamespaceSparkCatlog"));
    all.putAll(settings);
    return LocalSpark.start(extensions, all);
  }

  private static String write(String catalog, String procedure) {
    return WRITE.formatted(catalog, procedure);
  }

  static Stream<Arguments> missed() {
    String ours =
        "Did you mean spark.sql.catalog.%s=io.lancebackfill.catalog.LanceBackfillCatalog?";
    return Stream.of(
        Arguments.of(
            "CALL backfill('t')",
            "[INVALID_CALL] Procedure 'backfill' stands without a catalog. "
                + write("lance", "backfill")),
        Arguments.of("CALL BACKFIL('t')", "[INVALID_CALL] Procedure 'BACKFIL' stands without"),
        Arguments.of(
            "CALL system.x('t')",
            "[INVALID_CALL] Procedure 'system.x' stands without a catalog. "
                + write("lance", "PROCEDURE")),
        Arguments.of(
            "CALL sytem.backfil('t')",
            "[INVALID_CALL] Procedure 'sytem.backfil' stands without a catalog. "
                + write("lance", "backfill")),
        Arguments.of(
            "CALL lance.backfill('t')",
            "[INVALID_CALL] 'lance.backfill' lacks the namespace 'system', in which procedures are. "
                + write("lance", "backfill")),
        Arguments.of(
            "CALL PLAIN.sytem.backfill('t')",
            "[INVALID_CALL] The procedures of catalog 'PLAIN' are in its namespace 'system', and"
                + " not in 'sytem'. "
                + write("plain", "backfill")),
        Arguments.of(
            "CALL lance.system.sub.backfill('t')",
            "[INVALID_CALL] The procedures of catalog 'lance' are in its namespace 'system', and"
                + " not in 'system.sub'. "),
        Arguments.of(
            "CALL lanse.system.coverage('t')",
            "[UNKNOWN_CATALOG] There is no catalog 'lanse'. Did you mean 'lance'? "
                + write("lance", "PROCEDURE")),
        Arguments.of(
            "EXPLAIN CALL lanse.sistem.backfill('t')",
            "[UNKNOWN_CATALOG] There is no catalog 'lanse'. Did you mean 'lance'? "
                + write("lance", "backfill")),
        Arguments.of(
            "CALL warehouse.backfill('t')",
            "[UNKNOWN_CATALOG] There is no catalog 'warehouse'. Lance catalogs"),
        Arguments.of(
            "CALL spark_catalog.system.backfill('t')",
            "[UNKNOWN_CATALOG] Catalog 'spark_catalog' is Spark's own, and no Lance catalog. "),
        Arguments.of(
            "CALL foreign.system.backfill('t')",
            "[UNKNOWN_CATALOG] Catalog 'foreign' is no Lance catalog: its class is"
                + " org.apache.iceberg.spark.SparkCatalog. Lance catalogs"),
        Arguments.of(
            "CALL slip.system.anything('t')",
            "[UNKNOWN_CATALOG] Catalog 'slip' is no Lance catalog: its class is"
                + " io.lancebackfill.catalog.LanceBackfilCatalog. "
                + ours.formatted("slip")),
        Arguments.of("CALL short.system.backfill('t')", ours.formatted("short")),
        Arguments.of(
            "CALL slipped.system.backfill('t')",
            "Did you mean spark.sql.catalog.slipped=org.lance.spark.LanceNamespaceSparkCatalog?"),
        Arguments.of(
            "CALL `lance.system.backfill`('t')",
            "[INVALID_CALL] `lance.system.backfill` is one name. Each part has backticks of its own,"
                + " or none. "),
        Arguments.of(
            "CALL 'lance.system.backfill'('t')",
            "[INVALID_CALL] The name of a procedure has no quotes, or backticks around its parts. "
                + write("lance", "backfill")),
        Arguments.of(
            "call lance.\"system\".\"backfill\"('t')",
            "[INVALID_CALL] The name of a procedure has no quotes"));
  }

  @ParameterizedTest
  @MethodSource("missed")
  void sayWhatThereIs(String sql, String message) {
    assertThatThrownBy(() -> spark.sql(sql))
        .isInstanceOf(ParseException.class)
        .hasMessageContaining(message)
        .hasNoCause();
  }

  @Test
  void areWrittenWithTheCurrentCatalog() {
    spark.sql("USE plain");
    try {
      assertThatThrownBy(() -> spark.sql("CALL system.backfill('t')"))
          .isInstanceOf(ParseException.class)
          .hasMessageContaining(write("plain", "backfill"));
    } finally {
      spark.sql("USE spark_catalog");
    }
  }

  @Test
  void areToldHowToConfigureACatalog() {
    SparkSession bare =
        session(
            List.of(ours()),
            Map.of(
                "spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBakfillCatalog",
                "spark.sql.catalog.plain", "org.apache.iceberg.spark.SparkCatalog"));
    assertThatThrownBy(() -> bare.sql("CALL lance.system.backfill('t')"))
        .isInstanceOf(ParseException.class)
        .hasMessageContaining(
            "[UNKNOWN_CATALOG] Catalog 'lance' is no Lance catalog: its class is"
                + " io.lancebackfill.catalog.LanceBakfillCatalog. Did you mean"
                + " spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog? This"
                + " session has no Lance catalog. Configure one:"
                + " spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog,"
                + " spark.sql.catalog.lance.impl=dir, spark.sql.catalog.lance.root=FOLDER.");
  }

  /** Another extension takes them all, whether it asks its delegate before or after itself. */
  @Test
  void areLeftToOtherExtensions() {
    List<Function1<SparkSessionExtensions, BoxedUnit>> orders =
        List.of(OtherCalls.itselfFirst(), OtherCalls.delegateFirst());
    for (Function1<SparkSessionExtensions, BoxedUnit> other : orders) {
      for (var extensions : List.of(List.of(ours(), other), List.of(other, ours()))) {
        SparkSession both = session(extensions, Map.of());
        missed()
            .map(arguments -> (String) arguments.get()[0])
            .filter(sql -> !sql.startsWith("EXPLAIN"))
            .forEach(
                sql -> assertThat(both.sql(sql).first().getString(0)).as(sql).isEqualTo("taken"));
      }
    }
  }
}
