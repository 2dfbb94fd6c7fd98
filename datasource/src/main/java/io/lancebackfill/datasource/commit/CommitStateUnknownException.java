package io.lancebackfill.datasource.commit;

/**
 * A commit was sent, its answer was lost, and the table cannot be read to see what became of it.
 * Nothing may be deleted; the same call settles it once the table can be read again.
 */
public final class CommitStateUnknownException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CommitStateUnknownException(String message, Throwable cause) {
    super(message, cause);
  }
}
