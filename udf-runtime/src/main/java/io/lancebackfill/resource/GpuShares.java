package io.lancebackfill.resource;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The GPUs of one machine, of which tasks take whole ones or parts, and wait for their turn. */
final class GpuShares {
  /** Spark ends tasks without a word to a thread that waits. */
  private static final long LOOK_UP_MS = 100;

  /** What is free of each, by address. */
  private final Map<String, Double> free = new LinkedHashMap<>();

  GpuShares(List<String> addresses) {
    addresses.forEach(address -> free.put(address, 1.0));
  }

  /**
   * Waits until there is as much.
   *
   * @param amount a part of one GPU, or a number of whole ones
   * @param whileWaiting is called again and again; what it throws ends the wait
   * @return their addresses
   * @throws IllegalArgumentException if there never is as much
   */
  synchronized List<String> take(double amount, Runnable whileWaiting) throws InterruptedException {
    if (Math.ceil(amount) > free.size()) {
      throw new IllegalArgumentException(
          "%s GPUs are asked for, and there are %d.".formatted(amount, free.size()));
    }
    while (true) {
      Optional<List<String>> found = amount < 1 ? part(amount) : whole((int) Math.ceil(amount));
      if (found.isPresent()) {
        found.get().forEach(address -> free.merge(address, -Math.min(amount, 1), Double::sum));
        return found.get();
      }
      wait(LOOK_UP_MS);
      whileWaiting.run();
    }
  }

  synchronized void give(List<String> addresses, double amount) {
    addresses.forEach(address -> free.merge(address, Math.min(amount, 1), Double::sum));
    notifyAll();
  }

  /** The fullest one that has as much free, so that whole ones stay for others. */
  private Optional<List<String>> part(double amount) {
    return free.entrySet().stream()
        .filter(gpu -> gpu.getValue() >= amount - FunctionResources.ROUNDING)
        .min(Map.Entry.comparingByValue())
        .map(gpu -> List.of(gpu.getKey()));
  }

  private Optional<List<String>> whole(int count) {
    List<String> idle = new ArrayList<>();
    free.forEach(
        (address, share) -> {
          if (share >= 1 - FunctionResources.ROUNDING && idle.size() < count) {
            idle.add(address);
          }
        });
    return idle.size() == count ? Optional.of(idle) : Optional.empty();
  }
}
