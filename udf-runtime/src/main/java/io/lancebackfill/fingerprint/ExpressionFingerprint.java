package io.lancebackfill.fingerprint;

import java.util.Map;
import java.util.TreeMap;

/**
 * The fingerprint of an expression: of its canonical SQL, the types of its inputs and result, the
 * functions that it uses and the session settings that change its evaluation.
 */
public final class ExpressionFingerprint {
  /** Part of every hash: another way to hash is another format, never a silent change. */
  private static final String FORMAT = "lance-backfill expression 1";

  private ExpressionFingerprint() {}

  /**
   * Hashes what an expression computes.
   *
   * @param canonicalSql the expression's text in canonical form
   * @param types the SQL type of the result under the name "", and of each input column
   * @param functions a fingerprint by function name, or the version given for the whole expression
   *     under the name ""
   * @param settings session settings by key
   */
  public static String of(
      String canonicalSql,
      Map<String, String> types,
      Map<String, String> functions,
      Map<String, String> settings) {
    CanonicalHash hash = new CanonicalHash().add(FORMAT).add(canonicalSql);
    add(hash, "types", types);
    add(hash, "functions", functions);
    add(hash, "settings", settings);
    return hash.hex();
  }

  /** A function's version given by its author, in the place of a hash of its code. */
  public static String ofVersion(String version) {
    return new CanonicalHash().add("version").add(version).hex();
  }

  /** A function's fingerprint with the options that are its arguments. */
  public static String withOptions(String fingerprint, Map<String, String> options) {
    if (options.isEmpty()) {
      return fingerprint;
    }
    CanonicalHash hash = new CanonicalHash().add(fingerprint);
    add(hash, "options", options);
    return hash.hex();
  }

  private static void add(CanonicalHash hash, String part, Map<String, String> values) {
    hash.add(part).add(Integer.toString(values.size()));
    new TreeMap<>(values).forEach((key, value) -> hash.add(key).add(value));
  }
}
