package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.udf.ScalarUdf1;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** CREATE FUNCTION and DROP FUNCTION on a Lance catalog. */
class TestFunctionStatements {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static final String CLASS = Shout.class.getName();

  public static final class Shout implements ScalarUdf1<@Nullable String, @Nullable String> {
    @Override
    public @Nullable String call(@Nullable String text) {
      return text == null ? null : text + "!";
    }
  }

  public static final class Whisper implements ScalarUdf1<String, String> {
    @Override
    public String call(String text) {
      return "..." + text;
    }
  }

  @BeforeEach
  void dropAll() {
    registered().forEach(name -> session.sql("DROP FUNCTION lance.%s", name));
  }

  private static List<String> registered() {
    return session.sql("CALL lance.system.functions()").collectAsList().stream()
        .map(row -> row.<String>getAs("name"))
        .toList();
  }

  private static String classOf(String name) {
    return session
        .sql("CALL lance.system.functions()")
        .where("name = '" + name + "'")
        .first()
        .getAs("class");
  }

  @Test
  void aFunctionIsCreatedCalledAndDropped() {
    Row created = session.sql("CREATE FUNCTION lance.shout AS '%s'", CLASS).first();
    assertThat(created.<String>getAs("class")).isEqualTo(CLASS);
    assertThat(registered()).containsExactly("shout");
    String table = session.table("shouted", 10, 1, "2.1");
    session.call("add_column('%s', 's', 'shout(text)')", table);
    session.sql("DROP FUNCTION lance.SHOUT");
    assertThat(registered()).isEmpty();
    // The column keeps what it was declared with.
    session.call("backfill('%s', 's')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE s = concat(text, '!')", table))
        .isEqualTo(10);
  }

  @Test
  void existingFunctionsAreReplacedKeptOrInTheWay() {
    session.sql("CREATE FUNCTION lance.f AS '%s'", CLASS);
    assertThatThrownBy(
            () -> session.sql("CREATE FUNCTION lance.F AS '%s'", Whisper.class.getName()))
        .hasMessageStartingWith(
            "[INVALID_ARGUMENT] Function 'f' is registered already, as " + CLASS)
        .hasMessageContaining("CREATE OR REPLACE FUNCTION");
    session.sql("CREATE FUNCTION IF NOT EXISTS lance.f AS '%s'", Whisper.class.getName());
    assertThat(classOf("f")).isEqualTo(CLASS);
    session.sql("CREATE OR REPLACE FUNCTION lance.f AS '%s'", Whisper.class.getName());
    assertThat(classOf("f")).isEqualTo(Whisper.class.getName());
    session.sql("CREATE FUNCTION IF NOT EXISTS lance.g AS '%s'", CLASS);
    assertThat(registered()).containsExactly("f", "g");
    session.sql("DROP FUNCTION IF EXISTS lance.none");
    assertThatThrownBy(() -> session.sql("DROP FUNCTION lance.none"))
        .hasMessageStartingWith("[FUNCTION_NOT_FOUND] No function 'none' is registered")
        .hasMessageContaining("f, g");
    assertThatThrownBy(
            () -> session.call("register_function(name => 'f', kind => 'java', if_exists => 'x')"))
        .hasMessageContaining("[INVALID_ARGUMENT]")
        .hasMessageContaining("replace, keep or fail");
  }

  @Test
  void whatALanceCatalogDoesNotHaveIsRefused() {
    assertThatThrownBy(() -> session.sql("CREATE FUNCTION lance.default.f AS '%s'", CLASS))
        .hasMessageStartingWith("[INVALID_CALL] ")
        .hasMessageContaining("Write CREATE FUNCTION lance.f AS 'class'");
    assertThatThrownBy(
            () -> session.sql("CREATE FUNCTION lance.f AS '%s' USING JAR '/tmp/a.jar'", CLASS))
        .hasMessageStartingWith("[INVALID_CALL] ")
        .hasMessageContaining("ADD JAR");
    assertThatThrownBy(() -> session.sql("CREATE FUNCTION lance.f AS 'no.such.Class'"))
        .hasMessageStartingWith("[INVALID_FUNCTION] ");
    assertThat(registered()).isEmpty();
  }

  @Test
  void sparksOwnFunctionsAreAsBefore() {
    session.sql(
        "CREATE TEMPORARY FUNCTION hive_like AS 'org.apache.spark.sql.catalyst.expressions.Upper'");
    session.sql("DROP TEMPORARY FUNCTION hive_like");
    session.sql("CREATE FUNCTION spark_catalog.default.shout AS '%s'", CLASS);
    assertThat(registered()).isEmpty();
    session.sql("DROP FUNCTION spark_catalog.default.shout");
  }

  @Test
  void inALanceCatalogTheNameAloneIsEnough() {
    session.sql("USE lance");
    try {
      session.sql("CREATE FUNCTION shout AS '%s'", CLASS);
      assertThat(registered()).containsExactly("shout");
      session.sql("DROP FUNCTION shout");
      assertThat(registered()).isEmpty();
    } finally {
      session.sql("USE spark_catalog");
    }
  }
}
