package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.stream.Stream;

/**
 * A pod's container as a process of this machine.
 *
 * @param address in 127.0.0.0/8, the pod's own
 * @param gpus the numbers of the node's devices that the pod holds
 * @param home holds {@code log}, {@code command}, {@code hosts} and {@code volumes}
 */
record PodProcess(
    Pod pod, Container container, Process process, String address, Set<Integer> gpus, Path home) {
  /** Spark's container, if side cars lie before it; else the first. */
  static Container container(Pod pod) {
    return pod.getSpec().getContainers().stream()
        .filter(
            each ->
                !each.getArgs().isEmpty()
                    && Set.of("driver", "executor").contains(each.getArgs().get(0)))
        .findFirst()
        .orElseGet(() -> pod.getSpec().getContainers().get(0));
  }

  /** Whether a deletion first gives notice: Spark's script decom.sh as a preStop hook. */
  boolean takesNotice() {
    return container.getLifecycle() != null
        && container.getLifecycle().getPreStop() != null
        && container.getLifecycle().getPreStop().getExec() != null
        && container.getLifecycle().getPreStop().getExec().getCommand().stream()
            .anyMatch(each -> each.endsWith("decom.sh"));
  }

  /** Sends SIGPWR, as decom.sh does: the executor leaves when its work is done and moved. */
  void notice() throws IOException {
    Process kill =
        new ProcessBuilder("sh", "-c", "kill -PWR " + process.pid())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (!kill.waitFor(10, TimeUnit.SECONDS)) {
        kill.destroyForcibly();
        throw new IOException("kill -PWR " + process.pid() + " did not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Sends SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** Sends SIGKILL to it and to what it started, as the end of a container does. */
  void kill() {
    Stream.concat(Stream.of(process.toHandle()), process.descendants())
        .toList()
        .forEach(ProcessHandle::destroyForcibly);
  }

  void onExit(IntConsumer action) {
    var ignored = process.onExit().thenAccept(ended -> action.accept(ended.exitValue()));
  }

  boolean isAlive() {
    return process.isAlive();
  }

  Path log() {
    return home.resolve("log");
  }
}
