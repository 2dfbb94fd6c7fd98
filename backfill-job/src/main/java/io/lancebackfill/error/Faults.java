package io.lancebackfill.error;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Collects all the faults of one call, so that a user mends them together. What two checks find
 * alike is one fault.
 */
public final class Faults {
  private final List<BackfillException> faults = new ArrayList<>();

  public void add(BackfillErrorCode code, String message) {
    add(new BackfillException(code, message));
  }

  public void add(BackfillException fault) {
    for (BackfillException one : fault.each()) {
      if (faults.stream().noneMatch(known -> known.getMessage().equals(one.getMessage()))) {
        faults.add(one);
      }
    }
  }

  /** Runs one check of the call and keeps its fault, if any, for {@link #throwIfAny}. */
  public <T> @Nullable T collect(Supplier<@Nullable T> check) {
    try {
      return check.get();
    } catch (BackfillException fault) {
      add(fault);
      return null;
    }
  }

  public boolean any() {
    return !faults.isEmpty();
  }

  /**
   * @throws BackfillException with a line for each fault, if there is any
   */
  public void throwIfAny() {
    if (faults.size() == 1) {
      throw faults.get(0);
    }
    if (!faults.isEmpty()) {
      throw new BackfillException(faults);
    }
  }
}
