package io.lancebackfill.task;

import io.lancebackfill.exec.RowFailure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.roaringbitmap.RoaringBitmap;

/**
 * The rows of one task on which its function failed. They travel to the driver together: only the
 * first have traces, and of texts that are alike there is one.
 */
final class FailedRows {
  private static final int MOST_TRACES = 1_000;

  private final List<RowFailure> failures = new ArrayList<>();
  private final RoaringBitmap rows = new RoaringBitmap();
  private final Map<String, String> texts = new HashMap<>();

  void add(List<RowFailure> more) {
    for (RowFailure failure : more) {
      boolean traced = failures.size() < MOST_TRACES;
      failures.add(
          new RowFailure(
              failure.offset(),
              one(failure.code()),
              one(failure.type()),
              one(failure.message()),
              traced ? one(failure.trace()) : "",
              failure.attempt()));
      rows.add(failure.offset());
    }
  }

  private String one(String text) {
    return texts.computeIfAbsent(text, same -> same);
  }

  long count() {
    return failures.size();
  }

  /** Their physical offsets. */
  RoaringBitmap rows() {
    return rows;
  }

  List<RowFailure> all() {
    return List.copyOf(failures);
  }
}
