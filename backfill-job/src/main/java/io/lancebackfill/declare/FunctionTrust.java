package io.lancebackfill.declare;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import org.apache.spark.sql.SparkSession;

/**
 * Whose stored Python functions a session runs: those that it declared itself, and what the setting
 * {@value #SETTING} allows. Who can write to a table could otherwise run code wherever it is read.
 */
final class FunctionTrust {
  static final String SETTING = "spark.lancebackfill.functions.trust";

  private static final Map<SparkSession, Set<String>> DECLARED =
      Collections.synchronizedMap(new WeakHashMap<>());

  private FunctionTrust() {}

  /** Remembers that the session gave the function itself. */
  static void declared(SparkSession session, String hash) {
    DECLARED.computeIfAbsent(session, s -> Collections.synchronizedSet(new HashSet<>())).add(hash);
  }

  /**
   * @throws BackfillException FUNCTION_NOT_TRUSTED if the session may not run the function
   */
  static void check(SparkSession session, UdfDescriptor function, String column) {
    checkUse(session, function, "Column '%s' is computed by".formatted(column));
  }

  /**
   * The same for a program that asks for the code, to run it itself.
   *
   * @throws BackfillException FUNCTION_NOT_TRUSTED
   */
  static void checkBody(SparkSession session, UdfDescriptor function) {
    checkUse(session, function, "The code that is asked for is that of");
  }

  private static void checkUse(SparkSession session, UdfDescriptor function, String use) {
    if (!function.isPython()) {
      return; // a class of the session's own jars
    }
    String hash = function.className();
    if (DECLARED.getOrDefault(session, Set.of()).contains(hash)) {
      return;
    }
    String trust = session.conf().get(SETTING, "false").strip();
    boolean listed = Arrays.stream(trust.split("[,\\s]+", -1)).anyMatch(hash::equalsIgnoreCase);
    if (!trust.equalsIgnoreCase("true") && !listed) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_NOT_TRUSTED,
          ("%s the stored Python function '%s', which this session did not declare itself,"
                  + " and %s is '%s'. If you trust those who can write to this table, set it to 'true', or to a list of the"
                  + " hashes of functions that may run: SET %s=%s.")
              .formatted(use, function.name(), SETTING, trust, SETTING, hash));
    }
  }
}
