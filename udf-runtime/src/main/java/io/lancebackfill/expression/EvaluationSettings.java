package io.lancebackfill.expression;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.internal.config.ConfigEntry;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * The session settings that change what an expression computes. The time zone and ANSI mode are
 * always captured; the others only where the session's value is not Spark's default, so that two
 * sessions with the same values give the same settings, however they came by them.
 */
public final class EvaluationSettings {
  /** Captured with their value, whatever it is. */
  static final List<String> ALWAYS =
      List.of("spark.sql.session.timeZone", "spark.sql.ansi.enabled");

  /** Captured if their value is not the default. Those of the parser change what a text means. */
  static final List<String> UNLESS_DEFAULT =
      List.of(
          "spark.sql.ansi.doubleQuotedIdentifiers",
          "spark.sql.ansi.enforceReservedKeywords",
          "spark.sql.caseSensitive",
          "spark.sql.chunkBase64String.enabled",
          "spark.sql.columnNameOfCorruptRecord",
          "spark.sql.csv.parser.columnPruning.enabled",
          "spark.sql.datetime.java8API.enabled",
          "spark.sql.decimalOperations.allowPrecisionLoss",
          "spark.sql.execution.pandas.convertToArrowArraySafely",
          "spark.sql.function.concatBinaryAsString",
          "spark.sql.function.eltOutputAsString",
          "spark.sql.json.enablePartialResults",
          "spark.sql.jsonGenerator.ignoreNullFields",
          "spark.sql.legacy.allowHashOnMapType",
          "spark.sql.legacy.allowNegativeScaleOfDecimal",
          "spark.sql.legacy.allowNullComparisonResultInArraySort",
          "spark.sql.legacy.allowZeroIndexInFormatString",
          "spark.sql.legacy.castComplexTypesToString.enabled",
          "spark.sql.legacy.charVarcharAsString",
          "spark.sql.legacy.createEmptyCollectionUsingStringType",
          "spark.sql.legacy.csv.enableDateTimeParsingFallback",
          "spark.sql.legacy.doLooseUpcast",
          "spark.sql.legacy.exponentLiteralAsDecimal.enabled",
          "spark.sql.legacy.followThreeValuedLogicInArrayExists",
          "spark.sql.legacy.fromDayTimeString.enabled",
          "spark.sql.legacy.interval.enabled",
          "spark.sql.legacy.json.allowEmptyString.enabled",
          "spark.sql.legacy.json.enableDateTimeParsingFallback",
          "spark.sql.legacy.literal.pickMinimumPrecision",
          "spark.sql.legacy.lpadRpadAlwaysReturnString",
          "spark.sql.legacy.negativeIndexInArrayInsert",
          "spark.sql.legacy.nullInEmptyListBehavior",
          "spark.sql.legacy.nullValueWrittenAsQuotedEmptyStringCsv",
          "spark.sql.legacy.sizeOfNull",
          "spark.sql.legacy.timeParserPolicy",
          "spark.sql.legacy.typeCoercion.datetimeToString.enabled",
          "spark.sql.mapKeyDedupPolicy",
          "spark.sql.parser.escapedStringLiterals",
          "spark.sql.timestampType");

  private EvaluationSettings() {}

  /** The settings of a session, sorted by key. */
  public static Map<String, String> of(SparkSession session) {
    SQLConf conf = session.sessionState().conf();
    Map<String, String> settings = new TreeMap<>();
    for (String key : keys()) {
      ConfigEntry<Object> entry = entry(key);
      // Another version of Spark may have dropped a setting.
      if (entry != null) {
        String value = text(conf.getConf(entry));
        if (ALWAYS.contains(key) || !value.equals(text(entry.defaultValue()))) {
          settings.put(key, value);
        }
      }
    }
    return settings;
  }

  /**
   * A session that evaluates as the settings say. It is a copy that shares nothing with the given
   * session but its catalogs and cached data, and has the functions and views registered there up
   * to now.
   *
   * @param settings what {@link #of} gave, perhaps in another session and long ago; other keys,
   *     which whoever may write to a table could have put there, are left alone
   */
  public static SparkSession restore(SparkSession session, Map<String, String> settings) {
    SparkSession copy = session.cloneSession();
    for (String key : keys()) {
      String value = settings.get(key);
      if (value == null) {
        copy.conf().unset(key);
      } else {
        copy.conf().set(key, value);
      }
    }
    return copy;
  }

  private static List<String> keys() {
    return Stream.concat(ALWAYS.stream(), UNLESS_DEFAULT.stream()).toList();
  }

  @SuppressWarnings("unchecked") // What a setting holds is only turned into text.
  private static @Nullable ConfigEntry<Object> entry(String key) {
    return (ConfigEntry<Object>) SQLConf$.MODULE$.getConfigEntry(key);
  }

  private static String text(Object value) {
    if (value instanceof Option<?> option) {
      return option.isDefined() ? String.valueOf(option.get()) : "";
    }
    return String.valueOf(value);
  }
}
