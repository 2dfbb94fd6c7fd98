package io.lancebackfill.declare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.SharedSession;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.sql.LanceBackfillExtensions;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class TestFunctionTrust {
  @RegisterExtension
  static final SharedSession session = new SharedSession(List.of(new LanceBackfillExtensions()));

  private static final String HASH = "5".repeat(64);
  private static final UdfDescriptor EMBED =
      new UdfDescriptor("Embed_1f0c", UdfDescriptor.PYTHON, HASH, "1", Map.of());

  @Test
  void aStoredFunctionIsRefusedWithTheSettingThatAllowsIt() {
    for (String trust : List.of("false", "", "6".repeat(64))) {
      assertThatThrownBy(() -> check(withTrust(trust)))
          .isInstanceOfSatisfying(
              BackfillException.class,
              e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.FUNCTION_NOT_TRUSTED))
          .hasMessageContaining("SET spark.lancebackfill.functions.trust=" + HASH);
    }
  }

  @Test
  void itsCodeIsGivenToThoseWhoMayRunIt() {
    assertThatThrownBy(() -> FunctionTrust.checkBody(withTrust("false"), EMBED))
        .hasMessageStartingWith(
            "[FUNCTION_NOT_TRUSTED] The code that is asked for is that of the stored Python function 'Embed_1f0c'")
        .hasMessageContaining("SET spark.lancebackfill.functions.trust=" + HASH);
    FunctionTrust.checkBody(withTrust(HASH), EMBED);
  }

  @Test
  void allOrListedOnesAreAllowed() {
    check(withTrust("true"));
    check(withTrust(HASH));
    check(withTrust("6".repeat(64) + ", " + HASH));
  }

  @Test
  void whatASessionDeclaredItselfIsItsOwnAndNoOthers() {
    SparkSession author = withTrust("false");
    FunctionTrust.declared(author, HASH);
    check(author);
    assertThatThrownBy(() -> check(withTrust("false")))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("which this session did not declare itself");
  }

  @Test
  void classesOfTheSessionsOwnJarsAskForNone() {
    FunctionTrust.check(withTrust("false"), UdfDescriptor.java("f", "F"), "c");
  }

  private static SparkSession withTrust(String trust) {
    SparkSession other = session.spark().newSession();
    other.conf().set(FunctionTrust.SETTING, trust);
    return other;
  }

  private static void check(SparkSession spark) {
    FunctionTrust.check(spark, EMBED, "embedding");
  }
}
