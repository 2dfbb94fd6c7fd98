package io.lancebackfill.expression;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.spark.SparkExtension;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.internal.SQLConf$;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(SparkExtension.class)
class TestEvaluationSettings {

  static Stream<String> keys() {
    return Stream.concat(
        EvaluationSettings.ALWAYS.stream(), EvaluationSettings.UNLESS_DEFAULT.stream());
  }

  @ParameterizedTest
  @MethodSource("keys")
  void everySettingIsOneOfSparksThatASessionMayChange(String key) {
    assertThat(SQLConf$.MODULE$.containsConfigKey(key)).isTrue();
    assertThat(SQLConf$.MODULE$.isStaticConfigKey(key)).isFalse();
  }

  @Test
  void aPlainSessionHasTimeZoneAndAnsiModeOnly(SparkSession spark) {
    spark.conf().set("spark.sql.legacy.json.enableDateTimeParsingFallback", "true");
    spark.conf().unset("spark.sql.legacy.json.enableDateTimeParsingFallback");

    assertThat(EvaluationSettings.of(spark))
        .containsOnlyKeys("spark.sql.session.timeZone", "spark.sql.ansi.enabled")
        .containsEntry("spark.sql.ansi.enabled", "false");
  }

  @Test
  void settingsWithoutADefaultAreCapturedWhenSet(SparkSession spark) {
    spark.conf().set("spark.sql.legacy.json.enableDateTimeParsingFallback", "true");

    assertThat(EvaluationSettings.of(spark))
        .containsEntry("spark.sql.legacy.json.enableDateTimeParsingFallback", "true");
  }

  @Test
  void restoreEvaluatesAsThenAndLeavesTheSessionAlone(SparkSession spark) {
    spark.conf().set("spark.sql.session.timeZone", "UTC");
    Map<String, String> then = EvaluationSettings.of(spark);
    spark.conf().set("spark.sql.session.timeZone", "Asia/Kathmandu");
    spark.conf().set("spark.sql.ansi.enabled", "true");
    spark.conf().set("spark.sql.mapKeyDedupPolicy", "LAST_WIN");
    spark.udf().register("f", (UDF1<Integer, Integer>) x -> x + 1, DataTypes.IntegerType);

    SparkSession restored = EvaluationSettings.restore(spark, then);

    assertThat(EvaluationSettings.of(restored)).isEqualTo(then);
    assertThat(
            restored
                .sql("SELECT hour(timestamp_seconds(0)), CAST('x' AS INT), f(1)")
                .head()
                .mkString(","))
        .isEqualTo("0,null,2");
    assertThat(EvaluationSettings.of(spark)).containsEntry("spark.sql.ansi.enabled", "true");
  }

  @Test
  void aTableSetsNoOtherSettings(SparkSession spark) {
    Map<String, String> forged = new TreeMap<>(EvaluationSettings.of(spark));
    forged.put("spark.sql.catalog.stolen", "com.example.Catalog");

    SparkSession restored = EvaluationSettings.restore(spark, forged);

    assertThat(restored.conf().getOption("spark.sql.catalog.stolen").isDefined()).isFalse();
    assertThat(EvaluationSettings.of(restored)).isEqualTo(EvaluationSettings.of(spark));
  }
}
