package io.lancebackfill.datasource.store;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/** Tells processes of one machine apart, and whether one is gone. */
final class ProcessIdentity {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path PROCESS_NAMESPACE = Path.of("/proc/self/ns/pid");
  private static final String UNKNOWN = "unknown-host";
  private static final String HOST = findHost();

  private ProcessIdentity() {}

  /**
   * The machine since its last start, and the container's own process table where there is one: the
   * same process id means another process elsewhere.
   */
  static String host() {
    return HOST;
  }

  private static String findHost() {
    String name;
    try {
      name = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      name = UNKNOWN;
    }
    try {
      String boot = Files.readString(BOOT_ID, StandardCharsets.UTF_8).strip();
      return name + "/" + boot + "/" + Files.readSymbolicLink(PROCESS_NAMESPACE);
    } catch (IOException | UnsupportedOperationException e) {
      // No Linux: the name has to do, if it is one.
      return name.startsWith("localhost") ? UNKNOWN : name;
    }
  }

  /** When a process began, as text; empty if the system does not say. */
  static String start(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toString).orElse("");
  }

  /** True only if the process certainly ran on this machine and certainly is not there any more. */
  static boolean gone(LeaseHolder holder) {
    return ofThisMachine(holder) && !isThere(holder);
  }

  /** Whether it certainly ran on this machine, so that its process can be looked up. */
  static boolean ofThisMachine(LeaseHolder holder) {
    return holder.host().equals(HOST) && !HOST.equals(UNKNOWN);
  }

  private static boolean isThere(LeaseHolder holder) {
    return ProcessHandle.of(holder.pid())
        .filter(ProcessHandle::isAlive)
        .filter(process -> !isAnother(start(process), holder.processStart()))
        .isPresent();
  }

  private static boolean isAnother(String start, String holderStart) {
    return !start.isEmpty() && !holderStart.isEmpty() && !start.equals(holderStart);
  }
}
