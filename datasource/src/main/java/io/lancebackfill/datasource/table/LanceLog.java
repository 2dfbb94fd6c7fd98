package io.lancebackfill.datasource.table;

import com.sun.jna.NativeLibrary;
import org.slf4j.LoggerFactory;

/**
 * What Lance's native library writes to standard error. It looks at the environment variable {@code
 * LANCE_LOG} once, when it is loaded, and at nothing else; by default it shows warnings, one of
 * them at each commit of a column file: "This operation is not stable yet".
 */
public final class LanceLog {
  private static final String VARIABLE = "LANCE_LOG";

  /** Warnings as by default, but for those of the commits that we make all the time. */
  private static final String FILTER = "warn,lance::dataset::transaction=error";

  static {
    if (System.getenv(VARIABLE) == null) {
      setDefault();
    }
  }

  private LanceLog() {}

  /**
   * Sets the default filter, unless the user set {@code LANCE_LOG}. Has no effect once the native
   * library is loaded; classes that may be the first to load it call this before.
   */
  public static void quieten() {
    // The class's initializer has done it, once.
  }

  // Java cannot change its process's environment, so the C library is asked to. Java's own copy,
  // which child processes such as Python workers get, stays as it was.
  private static void setDefault() {
    try {
      int keepWhatIsThere = 0;
      NativeLibrary.getProcess()
          .getFunction("setenv")
          .invokeInt(new Object[] {VARIABLE, FILTER, keepWhatIsThere});
    } catch (RuntimeException | Error e) {
      // Nothing is to fail for a log. JNA throws a plain Error if it meets another JNA's library.
      LoggerFactory.getLogger(LanceLog.class)
          .debug("Lance shows its warnings: the filter of its log cannot be set", e);
    }
  }
}
