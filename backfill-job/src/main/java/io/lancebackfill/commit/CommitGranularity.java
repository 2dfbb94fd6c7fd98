package io.lancebackfill.commit;

import org.jspecify.annotations.Nullable;

/**
 * How many fragments go into one commit: as the user says, or just as many as keep the manifests
 * that commits write under 1 % of the bytes of the column files.
 */
public final class CommitGranularity {
  /** More takes the driver long, and a reader waits for it; the commit interval ends the wait. */
  private static final int MAX = 4096;

  /** Manifests cost nothing beside so few, and readers see them together. */
  private static final int MAX_OF_ONE_COMMIT = 64;

  private final @Nullable Integer fixed;
  private final long manifestBytes;

  /**
   * @param fixed the option commit_granularity, or null
   * @param manifestBytes what each commit writes besides column files, about
   */
  public CommitGranularity(@Nullable Integer fixed, long manifestBytes) {
    this.fixed = fixed;
    this.manifestBytes = manifestBytes;
  }

  /** The most fragments of a commit that is made when {@code next} of them wait. */
  int most(int next) {
    return fixed != null ? fixed : Math.max(MAX_OF_ONE_COMMIT, next);
  }

  /** Whether commits may wait for more fragments, so as not to take up the driver's time. */
  boolean adaptive() {
    return fixed == null;
  }

  /**
   * Fragments for the next commit, at least.
   *
   * @param fragments staged so far by the job, at least 1
   * @param bytes of their column files
   */
  int next(long fragments, long bytes) {
    if (fixed != null) {
      return fixed;
    }
    long perFragment = Math.max(1, bytes / Math.max(1, fragments));
    return (int) Math.max(1, Math.min(MAX, 100 * manifestBytes / perFragment));
  }
}
