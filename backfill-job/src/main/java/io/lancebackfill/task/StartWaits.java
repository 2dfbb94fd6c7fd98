package io.lancebackfill.task;

import java.io.Serializable;

/**
 * What the rows of a pack waited for before the first of them came, in nanoseconds; -1 for what
 * there is none of.
 *
 * @param manifest until it was installed on this machine; next to nothing where it was there
 * @param python from asking for a Python worker until it ran
 * @param function until that worker had loaded the function
 */
public record StartWaits(long manifest, long python, long function) implements Serializable {
  public static final StartWaits NONE = new StartWaits(-1, -1, -1);
}
