package io.lancebackfill.plan;

import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.read.FragmentTable;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.functions;
import org.roaringbitmap.RoaringBitmap;

/** Finds the rows for which a condition holds, fragment by fragment, as a Spark job. */
final class RowSelection {
  private static final int BATCH_ROWS = 8192;

  private RowSelection() {}

  /**
   * Physical offsets of the live rows of {@code among} for which {@code condition} is true.
   *
   * @param table the version at which the condition is evaluated
   * @param among for each fragment the rows that are asked for
   */
  static Map<Integer, RoaringBitmap> matching(
      SparkSession spark,
      TableSnapshot table,
      Map<Integer, RoaringBitmap> among,
      Column condition,
      String description) {
    if (among.isEmpty()) {
      return Map.of();
    }
    List<FragmentRange> ranges = new ArrayList<>();
    among.forEach(
        (id, rows) -> {
          long physical = table.fragment(id).orElseThrow().physicalRows();
          ranges.add(
              new FragmentRange(
                  id, 0, physical, RowOffsets.toBytes(RowOffsets.complement(rows, physical))));
        });
    Dataset<Row> rows =
        FragmentTable.of(table, ranges, BATCH_ROWS)
            .toDataFrame(spark)
            .where(condition)
            .select(functions.col("_rowaddr"));
    List<byte[]> found =
        SqlExecution.run(
            rows,
            description,
            () ->
                rows.queryExecution()
                    .toRdd()
                    .toJavaRDD()
                    .mapPartitionsWithIndex(new Collect(), false)
                    .collect());
    Map<Integer, RoaringBitmap> selected = new HashMap<>();
    for (int i = 0; i < ranges.size(); i++) {
      selected.put(ranges.get(i).fragmentId(), RowOffsets.fromBytes(found.get(i)));
    }
    return selected;
  }

  /** Gathers the offsets of one partition's rows. */
  private static final class Collect
      implements Function2<Integer, Iterator<InternalRow>, Iterator<byte[]>> {
    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<byte[]> call(Integer partition, Iterator<InternalRow> rows) {
      RoaringBitmap offsets = new RoaringBitmap();
      while (rows.hasNext()) {
        offsets.add((int) rows.next().getLong(0));
      }
      return List.of(RowOffsets.toBytes(offsets)).iterator();
    }
  }
}
