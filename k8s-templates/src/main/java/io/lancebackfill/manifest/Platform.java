package io.lancebackfill.manifest;

import java.util.Locale;
import java.util.Set;

/** Names of processor architectures, as Linux has them: {@code x86_64}, {@code aarch64}. */
public final class Platform {
  /** Those that wheels of Python packages are built for on Linux. */
  static final Set<String> KNOWN =
      Set.of("x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "armv7l", "i686");

  private Platform() {}

  /** The architecture of this machine. */
  public static String here() {
    return canonical(System.getProperty("os.arch"));
  }

  /** {@code x86_64} for {@code amd64}, {@code aarch64} for {@code arm64}; others as they are. */
  public static String canonical(String architecture) {
    String lower = architecture.toLowerCase(Locale.ROOT);
    return switch (lower) {
      case "amd64", "x64", "x86-64" -> "x86_64";
      case "arm64" -> "aarch64";
      default -> lower;
    };
  }
}
