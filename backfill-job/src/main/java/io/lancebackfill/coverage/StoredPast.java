package io.lancebackfill.coverage;

import io.lancebackfill.datasource.history.RowVersions;
import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableHistory;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.TableState;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.functions;
import org.roaringbitmap.RoaringBitmap;

/** Reads the past from the table's own versions and from the job records beside it. */
record StoredPast(RowFinder finder, DatasetRef table, String columnIds) implements Past {
  @Override
  public List<TableChange> changes(long after, long through) {
    return TableHistory.between(table, after, through);
  }

  @Override
  public TableSnapshot at(long version) {
    return LanceTables.at(table, version);
  }

  @Override
  public Map<Integer, RoaringBitmap> alive(long version, Map<Integer, RoaringBitmap> among) {
    return finder.matching(
        at(version), among, functions.lit(true), "Find the rows that a compaction moved");
  }

  @Override
  public RoaringBitmap updatedBy(long version, int fragmentId) {
    return RowVersions.updatedBy(table, version, fragmentId);
  }

  @Override
  public Followed everFollowed() {
    return new JobRecords(new TableState(table)).everFollowed(columnIds);
  }

  @Override
  public Map<String, ColumnOrigin> deciding(ComputedColumn column, TableSnapshot version) {
    return new ColumnOrigins(new TableState(table)).deciding(column, version);
  }

  @Override
  public Map<String, ColumnOrigin> records() {
    return new ColumnOrigins(new TableState(table)).byPath(columnIds);
  }
}
