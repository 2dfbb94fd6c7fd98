package io.lancebackfill.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.error.BackfillException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TestTableResolver {
  @TempDir private static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void start() throws Exception {
    Files.createDirectories(folder.resolve("one"));
    Files.createDirectories(folder.resolve("two"));
    spark =
        LocalSpark.start(
            List.of(),
            Map.of(
                "spark.sql.catalog.lance.root",
                folder.resolve("one").toString(),
                "spark.sql.catalog.lance.storage.aws_secret_access_key",
                "hush",
                "spark.sql.catalog.plain",
                "org.lance.spark.LanceNamespaceSparkCatalog",
                "spark.sql.catalog.plain.impl",
                "dir",
                "spark.sql.catalog.plain.root",
                folder.resolve("two").toString(),
                "spark.sql.warehouse.dir",
                folder.resolve("warehouse").toString()));
    for (String catalog : List.of("lance", "plain")) {
      spark.sql("CREATE NAMESPACE " + catalog + ".db");
      spark.sql("CREATE TABLE " + catalog + ".db.t (id INT)");
      spark.sql("CREATE TABLE " + catalog + ".top (id INT)");
    }
    spark.sql("CREATE TABLE lance.db.`odd-name` (id INT)");
    spark.sql("CREATE TABLE lance.db.`v1.2` (id INT)");
    for (String namespace : List.of("a", "a.b", "a.b.c", "plain")) {
      spark.sql("CREATE NAMESPACE lance." + namespace);
    }
    spark.sql("CREATE TABLE lance.a.b.c.deep (id INT)");
    spark.sql("CREATE TABLE lance.plain.both (id INT)");
    spark.sql("CREATE TABLE plain.both (id INT)");
    spark.sql("CREATE VIEW spark_catalog.default.sight AS SELECT 1 AS id");
    spark.range(3).createOrReplaceTempView("glimpse");
    spark.sql("CREATE TABLE spark_catalog.default.files (id INT) USING parquet");
  }

  @AfterAll
  static void stop() {
    LocalSpark.stop(spark);
  }

  private static TableAddress resolve(String table) {
    CallCatalog lance = CallCatalog.find(spark.sessionState().conf(), "lance").orElseThrow();
    return new TableResolver(spark, lance).resolve(table);
  }

  @ParameterizedTest
  @CsvSource({
    "db.t, lance.db.t, one",
    "top, lance.top, one",
    "lance.top, lance.top, one",
    "lance.db.t, lance.db.t, one",
    "LANCE.db.t, lance.db.t, one",
    "db.`odd-name`, lance.db.`odd-name`, one",
    "plain.db.t, plain.db.t, two",
    "`plain`.`db`.`t`, plain.db.t, two",
    "a.b.c.deep, lance.a.b.c.deep, one",
    "lance.a.b.c.deep, lance.a.b.c.deep, one",
    "db.`v1.2`, lance.db.`v1.2`, one",
    "plain.both, lance.plain.both, one",
    "plain.top, plain.top, two"
  })
  void findsNames(String table, String displayName, String root) {
    TableAddress address = resolve(table);
    assertThat(address.displayName()).isEqualTo(displayName);
    assertThat(address.uri()).contains("/" + root + "/");
    assertThat(displayName).startsWith(address.catalog() + ".");
    assertThat(address.storageOptions())
        .isEqualTo(root.equals("one") ? Map.of("aws_secret_access_key", "hush") : Map.of());
    assertThat(spark.read().format("lance").load(address.uri()).columns()).containsExactly("id");
  }

  @Test
  void findsOnePartInTheCurrentNamespaceOfTheCallsCatalog() {
    spark.sql("USE lance.db");
    try {
      assertThat(resolve("t").displayName()).isEqualTo("lance.db.t");
      spark.sql("USE plain.db");
      assertThatThrownBy(() -> resolve("t"))
          .isInstanceOf(BackfillException.class)
          .hasMessageStartingWith("[TABLE_NOT_FOUND] There is no table lance.t, ");
    } finally {
      spark.sql("USE spark_catalog.default");
    }
  }

  @Test
  void opensUrisWithTheCredentialsOfTheCatalog() {
    TableAddress address = resolve("s3://key:word@bucket/t.lance//");
    assertThat(address.uri()).isEqualTo("s3://key:word@bucket/t.lance");
    assertThat(address.displayName()).isEqualTo("s3://bucket/t.lance");
    assertThat(address.storageOptions()).isEqualTo(Map.of("aws_secret_access_key", "hush"));
    assertThat(address.catalog()).isEqualTo("lance");
    assertThat(address.toString()).doesNotContain("hush").doesNotContain("word");
  }

  @Test
  void keepsSecretsOutOfText() {
    CallCatalog lance = CallCatalog.find(spark.sessionState().conf(), "lance").orElseThrow();
    assertThat(lance.storageOptions()).containsValue("hush");
    assertThat(lance.root()).contains(folder.resolve("one").toString());
    assertThat(new ProcedureContext(spark, lance).toString()).doesNotContain("hush");
    assertThat(resolve("db.t").toString()).doesNotContain("hush");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "none | There is no table lance.none, which table => 'none' means here. Names",
        "db.none | There is no table lance.db.none, and 'db' in table => 'db.none' is no catalog",
        "nodb.t | . Did you mean 'lance.db.t'? Names",
        "db.T | . Did you mean 'lance.db.t'? Names",
        "deep | . Did you mean 'lance.a.b.c.deep'? Names",
        "a.b.deep | . Did you mean 'lance.a.b.c.deep'? Names",
        "A.B.C.DEEPER | . Did you mean 'lance.a.b.c.deep'? Names",
        "LANCE.DB.T | There is no table lance.LANCE.DB.T, and no table lance.DB.T: table => 'LANCE.DB.T' means"
            + " the one, relative to the catalog of the CALL, or else the other. Did you mean 'lance.db.t'?",
        "plain.db.none | There is no table lance.plain.db.none, and no table plain.db.none: ",
        "spark_catalog.nodb.x | There is no table lance.spark_catalog.nodb.x, and no table spark_catalog.nodb.x: ",
        "x.y.z | , and 'x' in table => 'x.y.z' is no catalog of this session. There are: lance, plain, "
      })
  void saysWhereItLooked(String table, String said) {
    assertThatThrownBy(() -> resolve(table))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[TABLE_NOT_FOUND] There is no table lance.")
        .hasMessageContaining(said)
        .hasMessageContaining(" Names are relative to the catalog of the CALL, lance, or begin")
        .hasCauseInstanceOf(org.apache.spark.sql.AnalysisException.class);
  }

  @Test
  void takesAnAbsoluteNameOfTwoPartsAsSparkDoes() {
    spark.sql("USE lance.db");
    try {
      assertThat(resolve("lance.top").displayName()).isEqualTo("lance.top");
      assertThat(spark.table("lance.top").columns()).containsExactly("id");
    } finally {
      spark.sql("USE spark_catalog.default");
    }
  }

  @Test
  void findsTablesOfProgramsWithoutACall() {
    assertThat(TableTargets.resolve(spark, "`PLAIN`.db.t").name()).isEqualTo("plain.db.t");
    assertThat(TableTargets.resolve(spark, "lance.a.b.c.deep").name())
        .isEqualTo("lance.a.b.c.deep");
    assertThatThrownBy(() -> TableTargets.resolve(spark, "db.t"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[UNKNOWN_CATALOG] Table 'db.t' names no Lance catalog, and the session has 2 of them:"
                + " lance, plain. Begin the name with one, or USE one first.");
    assertThatThrownBy(() -> TableTargets.resolve(spark, "s3://key:word@bucket/t"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[UNKNOWN_CATALOG] Table 's3://bucket/t' names no Lance catalog, and the session has 2 of"
                + " them: lance, plain. USE the one whose credentials open it first.");
    spark.sql("USE plain.db");
    try {
      assertThat(TableTargets.resolve(spark, "t").name()).isEqualTo("plain.db.t");
      assertThat(TableTargets.resolve(spark, "db.t").name()).isEqualTo("plain.db.t");
    } finally {
      spark.sql("USE spark_catalog.default");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "spark_catalog.default.sight, spark_catalog.default.sight is no Lance table: it is a view.",
    "glimpse, 'glimpse' is no Lance table: it is a temporary view."
  })
  void refusesViews(String table, String said) {
    assertThatThrownBy(() -> resolve(table))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[NOT_A_LANCE_TABLE] " + said);
  }

  @Test
  void refusesTablesOfOtherKinds() {
    assertThatThrownBy(() -> resolve("spark_catalog.default.files"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[NOT_A_LANCE_TABLE] spark_catalog.default.files is no Lance table: it is a V1Table."
                + " Name a table of a Lance catalog, or give the URI of a dataset.");
  }

  @Test
  void refusesUnknownCatalogs() {
    assertThatThrownBy(() -> resolve("lanse.db.t"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[UNKNOWN_CATALOG] There is no table lance.lanse.db.t, and 'lanse' in table => 'lanse.db.t' is"
                + " no catalog of this session. Did you mean 'lance'? There are: lance, plain, ")
        .hasMessageContaining(" Did you mean 'lance.db.t'? Names are relative");
  }

  @ParameterizedTest
  @ValueSource(strings = {"my-table", "", "a..b", "`open", "db.t.", ".t", "db.``"})
  void refusesWhatIsNoName(String table) {
    assertThatThrownBy(() -> resolve(table))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_ARGUMENT] Argument 'table' is '" + table + "', and neither");
  }
}
