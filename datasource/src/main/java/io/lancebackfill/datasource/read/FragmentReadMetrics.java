package io.lancebackfill.datasource.read;

import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.metric.CustomSumMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;

/**
 * What a scan of fragments tells Spark's UI. Public, with public constructors, since Spark makes
 * the metrics by class name when it shows them.
 */
public final class FragmentReadMetrics {
  private FragmentReadMetrics() {}

  static CustomMetric[] all() {
    return new CustomMetric[] {new RowsRead(), new BytesRead(), new ReadTime()};
  }

  static CustomTaskMetric[] of(FragmentBatchReader reader) {
    return new CustomTaskMetric[] {
      new Value(RowsRead.NAME, reader.rowsRead()),
      new Value(BytesRead.NAME, reader.bytesRead()),
      new Value(ReadTime.NAME, TimeUnit.NANOSECONDS.toMillis(reader.nanosRead()))
    };
  }

  private record Value(String name, long value) implements CustomTaskMetric {}

  /** Rows that left the reader. */
  public static final class RowsRead extends CustomSumMetric {
    static final String NAME = "lanceRowsRead";

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public String description() {
      return "rows read from Lance";
    }
  }

  /** Arrow bytes of the columns read. */
  public static final class BytesRead extends CustomSumMetric {
    static final String NAME = "lanceBytesRead";

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public String description() {
      return "Arrow bytes read from Lance";
    }
  }

  /** Time spent in opening and in waiting for batches, over all tasks. */
  public static final class ReadTime extends CustomSumMetric {
    static final String NAME = "lanceReadMillis";

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public String description() {
      return "time waiting for Lance (ms)";
    }
  }
}
