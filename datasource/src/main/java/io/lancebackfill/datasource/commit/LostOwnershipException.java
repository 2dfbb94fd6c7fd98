package io.lancebackfill.datasource.commit;

/** The caller was no longer the owner of the job when a commit was due; it was not sent. */
public final class LostOwnershipException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LostOwnershipException(String message) {
    super(message);
  }
}
