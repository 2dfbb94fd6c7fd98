package io.lancebackfill.plan;

import io.lancebackfill.datasource.history.RowVersions;
import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableHistory;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.JobRecords.Followed;
import java.util.List;
import java.util.Map;
import org.roaringbitmap.RoaringBitmap;

/** Earlier versions of a table, and how far jobs have followed them for a column. */
interface Past {
  /** As {@link TableHistory#between}. */
  List<TableChange> changes(long after, long through);

  /**
   * @throws DatasetException NOT_FOUND if the version is gone
   */
  TableSnapshot at(long version);

  /**
   * Those of the rows that were alive in a version.
   *
   * @throws DatasetException NOT_FOUND if the version is gone
   */
  Map<Integer, RoaringBitmap> alive(long version, Map<Integer, RoaringBitmap> among);

  /** As {@link RowVersions#updatedBy}. */
  RoaringBitmap updatedBy(long version, int fragmentId);

  /** What all jobs on the column that are remembered have followed. */
  Followed everFollowed();
}
