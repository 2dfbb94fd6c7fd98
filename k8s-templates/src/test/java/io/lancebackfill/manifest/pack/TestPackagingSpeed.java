package io.lancebackfill.manifest.pack;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.store.FolderPartStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code -Dmanifest.files=20000 -Dmanifest.mebibytes=1024} is the size of a large workspace. */
class TestPackagingSpeed {
  private static final int FILES = Integer.getInteger("manifest.files", 2_000);
  private static final long BYTES = Long.getLong("manifest.mebibytes", 40) << 20;
  private static final int PER_FOLDER = 40;

  @TempDir Path folder;

  @Test
  void aSecondRunTakesAHundredthAndOneChangeSendsOnePart() throws Exception {
    Path workspace = folder.resolve("workspace");
    for (int at = 0; at < FILES; at++) {
      write(file(workspace, at), (int) (BYTES / FILES), at);
    }
    double first = pack(workspace);
    List<Double> unchanged = new ArrayList<>();
    for (int run = 0; run < 3; run++) {
      unchanged.add(pack(workspace));
    }
    Set<String> before = Trees.zips(folder.resolve("store")).keySet();
    write(file(workspace, FILES / 2), (int) (BYTES / FILES), -1);
    double changed = pack(workspace);
    Set<String> sent = new HashSet<>(Trees.zips(folder.resolve("store")).keySet());
    sent.removeAll(before);
    System.out.printf(
        "packaging %d files, %d MiB: first %.2f s, unchanged %s s, one changed %.3f s, %d parts%n",
        FILES, BYTES >> 20, first, unchanged, changed, before.size());
    assertThat(sent).hasSize(1);
    assertThat(changed).isLessThan(first / 2);
    // The start of Python alone is a hundredth of a small first run.
    double share = FILES < 20_000 ? 0.25 : 0.01;
    assertThat(unchanged.stream().mapToDouble(each -> each).min().orElseThrow())
        .isLessThan(first * share);
  }

  private static Path file(Path workspace, int at) {
    return workspace.resolve(
        "package" + at / PER_FOLDER / PER_FOLDER + "/sub" + at / PER_FOLDER + "/file" + at + ".py");
  }

  /** Half of it compresses well, as code does, and half does not, as compiled code does. */
  private static void write(Path file, int length, long seed) throws IOException {
    Files.createDirectories(file.getParent());
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    SplittableRandom words = new SplittableRandom(seed);
    ByteBuffer half = ByteBuffer.wrap(bytes, 0, length / 2);
    while (half.remaining() > Long.BYTES) {
      half.put("self.a".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      half.put((byte) ('a' + words.nextInt(16)));
    }
    Files.write(file, bytes);
  }

  private double pack(Path workspace) throws IOException, InterruptedException {
    PackagingOptions options =
        PackagingOptions.builder()
            .folder(workspace)
            .cache(folder.resolve("cache"))
            .python(System.getProperty("test.python"))
            .build();
    long began = System.nanoTime();
    new Packager(new FolderPartStore(folder.resolve("store")), options, progress -> {})
        .pack(ManifestSpec.builder("dev").paths(".").build());
    return (System.nanoTime() - began) / (double) TimeUnit.SECONDS.toNanos(1);
  }
}
