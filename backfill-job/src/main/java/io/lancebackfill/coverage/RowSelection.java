package io.lancebackfill.coverage;

import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.read.FragmentTable;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.RowOffsets;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.functions;
import org.roaringbitmap.RoaringBitmap;

/** Finds rows fragment by fragment, as a Spark job. */
public final class RowSelection implements RowFinder {
  private static final int BATCH_ROWS = 8192;

  private final SparkSession spark;

  /**
   * @param spark the session whose functions conditions use
   */
  public RowSelection(SparkSession spark) {
    this.spark = spark;
  }

  @Override
  public Map<Integer, RoaringBitmap> matching(
      TableSnapshot table,
      Map<Integer, RoaringBitmap> among,
      Column condition,
      String description) {
    if (among.isEmpty()) {
      return Map.of();
    }
    Map<Integer, FragmentSnapshot> fragments = table.fragmentsById();
    List<FragmentRange> ranges = new ArrayList<>();
    among.forEach(
        (id, rows) -> {
          long physical = Objects.requireNonNull(fragments.get(id)).physicalRows();
          ranges.add(
              new FragmentRange(
                  id, 0, physical, RowOffsets.toBytes(RowOffsets.complement(rows, physical))));
        });
    Dataset<Row> rows =
        FragmentTable.of(table, ranges, BATCH_ROWS)
            .toDataFrame(spark)
            .where(condition)
            .select(functions.col("_rowaddr"));
    List<Found> found =
        SqlExecution.run(
            rows,
            description,
            () -> rows.queryExecution().toRdd().toJavaRDD().mapPartitions(new Collect()).collect());
    Map<Integer, RoaringBitmap> selected = new HashMap<>();
    for (Found some : found) {
      selected.merge(
          some.fragmentId(), RowOffsets.fromBytes(some.rows()), (a, b) -> RoaringBitmap.or(a, b));
    }
    return selected;
  }

  /** Rows of one fragment that one partition found. */
  private record Found(int fragmentId, byte[] rows) implements Serializable {}

  /**
   * Gathers the rows of one partition. Goes by their addresses alone: Spark may plan other
   * partitions than the ranges, such as none for a condition that is never true.
   */
  private static final class Collect implements FlatMapFunction<Iterator<InternalRow>, Found> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<Found> call(Iterator<InternalRow> rows) {
      Map<Integer, RoaringBitmap> offsets = new HashMap<>();
      while (rows.hasNext()) {
        long address = rows.next().getLong(0);
        offsets
            .computeIfAbsent((int) (address >>> 32), id -> new RoaringBitmap())
            .add((int) address);
      }
      List<Found> found = new ArrayList<>();
      offsets.forEach((id, of) -> found.add(new Found(id, RowOffsets.toBytes(of))));
      return found.iterator();
    }
  }
}
