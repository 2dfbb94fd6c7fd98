package io.lancebackfill.resource;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceInformation;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.JavaConverters;

/** The GPUs of the driver's machine, where it runs the tasks itself. */
public final class LocalGpus {
  /** As the CUDA libraries read it: the devices that a process may use. */
  static final String VISIBLE = "CUDA_VISIBLE_DEVICES";

  private static final List<String> ADDRESSES = ofMachine(System.getenv(VISIBLE));

  private LocalGpus() {}

  /**
   * Those that the session was given, by Spark's settings for the driver; else those that
   * CUDA_VISIBLE_DEVICES names; else all that nvidia-smi finds.
   */
  public static List<String> addresses(SparkContext context) {
    Option<ResourceInformation> gpu =
        JavaConverters.mapAsJavaMap(context.resources()).containsKey("gpu")
            ? context.resources().get("gpu")
            : Option.empty();
    return gpu.isDefined() ? List.of(gpu.get().addresses()) : ADDRESSES;
  }

  static List<String> ofMachine(@Nullable String visible) {
    if (visible != null) {
      return Arrays.stream(visible.split(","))
          .map(String::strip)
          .filter(device -> !device.isEmpty() && !device.equals("-1"))
          .toList();
    }
    try {
      Process process =
          new ProcessBuilder("nvidia-smi", "--query-gpu=index", "--format=csv,noheader").start();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly(); // as with a driver that is broken
        return List.of();
      }
      return process.exitValue() == 0
          ? process.inputReader().lines().map(String::strip).toList()
          : List.of();
    } catch (IOException noDriver) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }
}
