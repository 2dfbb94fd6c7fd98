package io.lancebackfill.config;

import io.lancebackfill.resource.FunctionResources;
import org.apache.spark.network.util.JavaUtils;

/** What the options {@code num_cpus}, {@code num_gpus} and {@code memory} say. */
public final class FunctionNeeds {
  private FunctionNeeds() {}

  /** What a task of a job asks for. */
  public static FunctionResources of(BackfillConf conf) {
    return new FunctionResources(
        conf.value(BackfillOptions.NUM_CPUS),
        conf.value(BackfillOptions.NUM_GPUS),
        conf.optional(BackfillOptions.MEMORY).map(JavaUtils::byteStringAsBytes).orElse(0L));
  }

  /** Parts of a batch that a worker computes at once. */
  public static int threads(BackfillConf conf) {
    return conf.optional(BackfillOptions.INTRA_APPLIER_CONCURRENCY)
        .orElseGet(() -> of(conf).threads());
  }

  static boolean isSize(String text) {
    try {
      return JavaUtils.byteStringAsBytes(text) > 0;
    } catch (NumberFormatException e) {
      return false;
    }
  }
}
