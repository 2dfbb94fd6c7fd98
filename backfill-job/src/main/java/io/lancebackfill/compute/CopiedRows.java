package io.lancebackfill.compute;

import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.PackReader;
import io.lancebackfill.task.StoredValues;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;

/** Rows whose values are those of another column, as they lie in the fragments' files. */
public final class CopiedRows implements TaskPack.Rows {
  /** Rows of any size wait in memory for their writer: no more than Spark would read at once. */
  private static final int READ_ROWS = 1024;

  private final JobTasks job;
  private final PackReader reader;

  /**
   * @param input a column whose values may be those of the job's only column
   */
  public CopiedRows(JobTasks job, List<TaskSpec> tasks, String input) {
    this.job = job;
    this.reader =
        new PackReader(
            job.table(),
            job.inputVersion(),
            tasks.stream().map(TaskSpec::range).toList(),
            List.of(input),
            READ_ROWS);
  }

  @Override
  public OffsetStream of(TaskSpec task, BufferAllocator allocator) {
    return StoredValues.of(reader, task.fragmentId(), job.fields(), allocator);
  }

  @Override
  public void close() {
    reader.close();
  }
}
