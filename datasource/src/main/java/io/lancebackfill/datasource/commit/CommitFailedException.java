package io.lancebackfill.datasource.commit;

/**
 * A commit that certainly did not happen: the newest version was read afterwards and names none of
 * its files. The files stay where they are.
 *
 * <table>
 *   <caption>What a caller may do</caption>
 *   <tr><th>retryable</th><th>conflict</th><th>why</th><th>so</th></tr>
 *   <tr><td>yes</td><td>yes</td><td>other commits came first, try after try</td>
 *     <td>has been tried many times; the same call again, later; nothing is computed again</td></tr>
 *   <tr><td>yes</td><td>no</td><td>the store failed for a while</td>
 *     <td>has been tried several times; the same call again</td></tr>
 *   <tr><td>no</td><td>no</td><td>refused by Lance or the store: rights, format, a damaged table</td>
 *     <td>remove the cause named in the message, then the same call again</td></tr>
 * </table>
 *
 * <p>A conflict that no retry can win never comes as an exception: the fragment is {@linkplain
 * Refusal refused}.
 */
public final class CommitFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean retryable;
  private final boolean conflict;

  public CommitFailedException(
      String message, Throwable cause, boolean retryable, boolean conflict) {
    super(message, cause);
    this.retryable = retryable;
    this.conflict = conflict;
  }

  /** True if the same call may succeed without anybody doing anything. */
  public boolean retryable() {
    return retryable;
  }

  /** True if it was other writers that were in the way. */
  public boolean conflict() {
    return conflict;
  }
}
