package io.lancebackfill.datasource.history;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import java.util.List;

/**
 * One thing that happened to a table and that a record of rows must follow. Changes that a
 * comparison of two versions shows as well, such as an appended fragment or a column's new file,
 * are none.
 */
public sealed interface TableChange {
  /** The version that the change made. */
  long version();

  /** Rows moved to other fragments, unchanged and in order: a compaction. */
  record FragmentsRewritten(long version, List<Group> groups) implements TableChange {
    public FragmentsRewritten {
      groups = List.copyOf(groups);
    }
  }

  /**
   * The live rows of {@code before}, one fragment after the other, are the rows of {@code after}.
   */
  record Group(List<FragmentSnapshot> before, List<FragmentSnapshot> after) {
    public Group {
      before = List.copyOf(before);
      after = List.copyOf(after);
    }
  }

  /**
   * An update or merge wrote rows anew; those that it replaced are deleted in their old place.
   *
   * @param fragments the new fragments; their ids are not known yet in a transaction
   */
  record RowsWritten(long version, List<FragmentSnapshot> fragments) implements TableChange {
    public RowsWritten {
      fragments = List.copyOf(fragments);
    }
  }

  /**
   * An update gave columns of some fragments new files, in place.
   *
   * @param fragments as they are after it
   */
  record ColumnsRewritten(long version, List<FragmentSnapshot> fragments) implements TableChange {
    public ColumnsRewritten {
      fragments = List.copyOf(fragments);
    }
  }

  /**
   * The table was made what it had been in an earlier version: what happened up to that one counts
   * again, even where nobody followed it, since a restore before this one had taken it back.
   */
  record Restored(long version) implements TableChange {}

  /**
   * Versions whose transactions are gone, cleaned up by somebody: what they moved is not known.
   *
   * @param from first such version
   * @param version last such version
   */
  record Gap(long from, long version) implements TableChange {}
}
