package io.lancebackfill.state;

import io.lancebackfill.datasource.store.CheckpointContents;
import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.store.DatasetAge;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.roaringbitmap.RoaringBitmap;

/**
 * Finished rows of a column that are not committed yet. Each dataset is written by one task; its
 * name begins with the fragment's id.
 */
public final class CheckpointStore {
  /** Properties of a checkpoint dataset. */
  public static final String INPUTS = "lance-backfill.inputs";

  public static final String GENERATION = "lance-backfill.generation";
  public static final String JOB_ID = "lance-backfill.job_id";

  private final DatasetRef folder;

  public CheckpointStore(TableState state, String checkpointKey) {
    this.folder = state.checkpoints(checkpointKey);
  }

  /**
   * One checkpoint dataset that can be read.
   *
   * @param rows physical offsets of the rows in it
   * @param jobId of the job that computed them
   */
  public record Checkpoint(
      String name,
      int fragmentId,
      String inputs,
      String generation,
      RoaringBitmap rows,
      String jobId) {

    /** The same dataset, to be used for these of its rows. */
    public Checkpoint only(RoaringBitmap some) {
      return new Checkpoint(name, fragmentId, inputs, generation, some, jobId);
    }
  }

  public DatasetRef folder() {
    return folder;
  }

  /**
   * All that can be read, in no order.
   *
   * @param warnings is told of each that cannot, and is ignored
   */
  public List<Checkpoint> load(Consumer<String> warnings) {
    List<Checkpoint> found = new ArrayList<>();
    for (String name : names()) {
      int fragment = fragmentOf(name);
      if (fragment < 0) {
        warnings.accept("Checkpoint '%s' is not one of ours and is ignored.".formatted(name));
        continue;
      }
      try {
        CheckpointContents contents = CheckpointDataset.read(folder.child(name + ".lance"));
        Map<String, String> properties = contents.properties();
        found.add(
            new Checkpoint(
                name,
                fragment,
                properties.getOrDefault(INPUTS, ""),
                properties.getOrDefault(GENERATION, ""),
                contents.offsets(),
                properties.getOrDefault(JOB_ID, "")));
      } catch (DatasetException e) {
        if (e.kind() == DatasetException.Kind.INTERRUPTED) {
          throw e;
        }
        warnings.accept(
            "Checkpoint '%s' cannot be read and is ignored; its rows are computed again. Cause: %s"
                .formatted(name, e.getMessage()));
      }
    }
    return found;
  }

  public List<String> names() {
    return new StateFolder(folder).children();
  }

  /** When the newest rows of a dataset were written; the beginning of time if nothing says. */
  public Instant changedAt(String name) {
    return DatasetAge.changedAt(folder.child(name + ".lance")).orElse(Instant.EPOCH);
  }

  public void drop(String name) {
    new StateFolder(folder).drop(name);
  }

  /** The fragment that a dataset is of, from its name; -1 if it is not one of ours. */
  public static int fragmentOf(String name) {
    int dash = name.indexOf('-');
    try {
      return dash < 1 ? -1 : Integer.parseInt(name.substring(0, dash));
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
