package io.lancebackfill.progress;

import io.lancebackfill.manifest.pack.PackagingListener;
import io.lancebackfill.manifest.pack.PackagingProgress;
import io.lancebackfill.manifest.pack.PackagingProgress.Step;
import java.io.PrintStream;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/** A line every few seconds of each step of packaging, and one at its end. */
public final class PackagingLines implements PackagingListener {
  private static final double EVERY_SECONDS = 5;
  private static final double MB = 1_000_000;

  private final PrintStream out;

  /** When the last line of a step was printed, in its seconds. */
  private final Map<Step, Double> told = new EnumMap<>(Step.class);

  public PackagingLines(PrintStream out) {
    this.out = out;
  }

  @Override
  public void progress(PackagingProgress now) {
    String what = now.step() == Step.INSTALLING ? "packages" : "files";
    String step = now.step().name().toLowerCase(Locale.ROOT);
    if (now.finished()) {
      say("%s done in %.1f s: %,d %s", step, now.seconds(), now.files(), what);
    } else if (now.seconds() - told.getOrDefault(now.step(), 0.0) >= EVERY_SECONDS) {
      told.put(now.step(), now.seconds());
      say(
          "%s, %,d of %,d %s, %,.1f of %,.1f MB",
          step, now.files(), now.totalFiles(), what, now.bytes() / MB, now.totalBytes() / MB);
    }
  }

  private void say(String format, Object... values) {
    out.println("manifest: " + String.format(Locale.ROOT, format, values));
  }
}
