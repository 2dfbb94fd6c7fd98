package io.lancebackfill.datasource.table;

import org.jspecify.annotations.Nullable;

/**
 * A Lance operation that failed, told apart by {@link Kind}. The message says what was being done
 * to which table, why it failed and what helps.
 */
public final class DatasetException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What went wrong, as far as a caller may act on it. */
  public enum Kind {
    /** No Lance table at the address, or no such version, tag or fragment. */
    NOT_FOUND,
    /** Another commit came first and the two do not go together: read anew, check, try again. */
    COMMIT_CONFLICT,
    /** Too many commits at the same time; the same commit may simply be tried again. */
    COMMIT_CONTENTION,
    /** The store refused access. */
    PERMISSION_DENIED,
    /**
     * The store failed for the moment: no answer, one that says so, a full disk, too many open
     * files. The same may succeed without anybody doing anything.
     */
    UNAVAILABLE,
    /** The calling thread was interrupted; its flag is set. */
    INTERRUPTED,
    /** A file of the table is damaged, cut off or missing. */
    CORRUPT,
    /** A newer build wrote it, in a form that this build does not know. */
    FORMAT_TOO_NEW,
    /** The request cannot be right: an unknown column, a bad filter, a column that exists. */
    INVALID_INPUT,
    /** Anything else; the message carries Lance's own text. */
    OTHER
  }

  private final Kind kind;
  private final boolean ofState;

  public DatasetException(Kind kind, String message) {
    this(kind, message, null);
  }

  public DatasetException(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.ofState = false;
  }

  /**
   * @param ref the dataset that it happened to
   */
  public DatasetException(Kind kind, DatasetRef ref, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.ofState = ref.state();
  }

  /** What went wrong. */
  public Kind kind() {
    return kind;
  }

  /** Whether it happened to {@linkplain DatasetRef#state() state} and not to a table. */
  public boolean ofState() {
    return ofState;
  }
}
