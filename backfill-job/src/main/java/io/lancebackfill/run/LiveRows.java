package io.lancebackfill.run;

import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * How many rows the running tasks have computed so far, for progress only. Counts of executors come
 * with their heartbeats (10 s), those of tasks in the driver's own process at once.
 */
public final class LiveRows implements AutoCloseable {
  private static final Map<String, LongAdder> OF_THIS_PROCESS = new ConcurrentHashMap<>();

  private final String id = UUID.randomUUID().toString();
  private final LongAdder here = new LongAdder();
  private final LongAccumulator elsewhere;

  public LiveRows(SparkContext context) {
    this.elsewhere = context.longAccumulator("rows computed");
    OF_THIS_PROCESS.put(id, here);
  }

  /** Rows computed so far, of attempts that failed too. */
  public long count() {
    return here.sum() + elsewhere.value();
  }

  BackfillStage.Reporter reporter() {
    return new Count(id, elsewhere);
  }

  @Override
  public void close() {
    OF_THIS_PROCESS.remove(id);
  }

  private record Count(String id, LongAccumulator elsewhere) implements BackfillStage.Reporter {
    @Override
    public void accept(long rows) {
      LongAdder here = OF_THIS_PROCESS.get(id);
      if (here != null) {
        here.add(rows);
      } else {
        elsewhere.add(rows);
      }
    }
  }
}
