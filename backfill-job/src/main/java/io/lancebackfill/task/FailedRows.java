package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.failure.InputHash;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.roaringbitmap.IntIterator;
import org.roaringbitmap.RoaringBitmap;

/**
 * The rows of one task on which its function failed. They travel to the driver together: only the
 * first have traces, and of texts that are alike there is one.
 */
final class FailedRows {
  private static final int MOST_TRACES = 1_000;
  private static final int READ_ROWS = 4096;

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
              failure.attempt(),
              failure.inputHash()));
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

  /**
   * All of them with the hashes of what the function got, for which their inputs are read again.
   * Empty inputs have no hash.
   */
  List<RowFailure> withInputs(JobTasks job, TaskSpec task) {
    if (rows.isEmpty() || job.inputs().isEmpty()) {
      return all();
    }
    Map<Integer, String> hashes = new HashMap<>();
    for (FragmentRange range : ranges(task)) {
      try (FragmentBatchReader reader =
          FragmentBatchReader.open(
              job.table(), job.inputVersion(), List.of(range), job.inputs(), READ_ROWS)) {
        while (reader.next()) {
          for (int i = 0; i < reader.rows(); i++) {
            hashes.put(reader.offsets()[i], InputHash.of(reader.root().getFieldVectors(), i));
          }
        }
      }
    }
    return failures.stream()
        .map(
            failure -> {
              String hash = hashes.get(failure.offset());
              return hash == null ? failure : failure.onInput(hash);
            })
        .toList();
  }

  /** Ranges that hold the rows, without the long runs of good rows between them. */
  private List<FragmentRange> ranges(TaskSpec task) {
    List<FragmentRange> ranges = new ArrayList<>();
    byte[] others = RowOffsets.toBytes(RowOffsets.complement(rows, task.physicalRows()));
    long start = -1;
    long end = -1;
    for (IntIterator offsets = rows.getIntIterator(); offsets.hasNext(); ) {
      long offset = Integer.toUnsignedLong(offsets.next());
      if (start >= 0 && offset - end > READ_ROWS) {
        ranges.add(new FragmentRange(task.fragmentId(), start, end, others));
        start = -1;
      }
      start = start < 0 ? offset : start;
      end = offset + 1;
    }
    ranges.add(new FragmentRange(task.fragmentId(), start, end, others));
    return ranges;
  }
}
