package io.lancebackfill.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process has used so far. */
record ProcessUse(long nanos, long cpuNanos, long writtenBytes) {
  private static final Path IO = Path.of("/proc/self/io");

  static ProcessUse now() throws IOException {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long written = writtenSoFar();
    return new ProcessUse(System.nanoTime(), system.getProcessCpuTime(), written);
  }

  private static long writtenSoFar() throws IOException {
    if (!Files.isReadable(IO)) {
      return -1;
    }
    return Files.readAllLines(IO).stream()
        .filter(line -> line.startsWith("wchar:"))
        .mapToLong(line -> Long.parseLong(line.substring("wchar:".length()).strip()))
        .findFirst()
        .orElse(-1);
  }

  /** The use since an earlier point. */
  ProcessUse since(ProcessUse earlier) {
    return new ProcessUse(
        nanos - earlier.nanos,
        cpuNanos - earlier.cpuNanos,
        writtenBytes < 0 ? -1 : writtenBytes - earlier.writtenBytes);
  }
}
