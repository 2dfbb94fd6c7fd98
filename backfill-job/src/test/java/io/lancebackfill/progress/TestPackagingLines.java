package io.lancebackfill.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.manifest.pack.PackagingProgress;
import io.lancebackfill.manifest.pack.PackagingProgress.Step;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TestPackagingLines {
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final PackagingLines lines =
      new PackagingLines(new PrintStream(printed, true, StandardCharsets.UTF_8));

  private void progress(Step step, long files, double seconds, boolean finished) {
    lines.progress(
        new PackagingProgress(step, files, 20_000, files * 1000, 20_000_000, seconds, finished));
  }

  @Test
  void aLineEveryFewSecondsOfAStepAndOneAtItsEnd() {
    progress(Step.INSTALLING, 3, 2, true);
    progress(Step.HASHING, 0, 0, false);
    progress(Step.HASHING, 5_000, 4.9, false);
    progress(Step.HASHING, 6_000, 5.1, false);
    progress(Step.HASHING, 7_000, 9.9, false);
    progress(Step.UPLOADING, 100, 5, false);
    progress(Step.HASHING, 20_000, 10, true);
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "manifest: installing done in 2.0 s: 3 packages",
            "manifest: hashing, 6,000 of 20,000 files, 6.0 of 20.0 MB",
            "manifest: uploading, 100 of 20,000 files, 0.1 of 20.0 MB",
            "manifest: hashing done in 10.0 s: 20,000 files");
  }
}
