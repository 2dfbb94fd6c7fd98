package io.lancebackfill.coverage;

import io.lancebackfill.datasource.history.RowVersions;
import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableHistory;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobRecords.Followed;
import java.util.List;
import java.util.Map;
import org.roaringbitmap.RoaringBitmap;

/** Earlier versions of a table, how far jobs have followed them for a column, and its records. */
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

  /** As {@link ColumnOrigins#deciding}. */
  Map<String, ColumnOrigin> deciding(ComputedColumn column, TableSnapshot table);

  /** All records of the column's files, by path. */
  Map<String, ColumnOrigin> records();
}
