package io.lancebackfill.datasource.store;

import org.jspecify.annotations.Nullable;

/** How long a lease's record has not changed, as one challenger sees it. */
final class LeaseWatch {
  private @Nullable LeaseRecord watched;
  private long since;

  /**
   * Nanoseconds for which the record certainly stood unchanged: from when its first read had ended,
   * since the holder may have written it while that read was under way, to when its last one began.
   *
   * @param before when the read of it began
   * @param after when that read had ended
   */
  long silentFor(LeaseRecord found, long before, long after) {
    if (!found.equals(watched)) {
      watched = found;
      since = after;
    }
    return Math.max(0, before - since);
  }
}
