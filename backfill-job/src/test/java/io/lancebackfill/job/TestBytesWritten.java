package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.progress.JobListener;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.table.TableTargets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a job writes to disk, the checkpoints that it deletes at its end included. */
class TestBytesWritten {
  private static final String CHECKPOINTS = "_backfill/checkpoints/";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @Test
  void integersInOneColumnFilePerFragment() {
    String table = session.table("plain", 1_000_000, 4, "2.1");
    session.call("add_column('%s', 'c', 'hash(id)')", table);
    Written written = backfill("plain", "30s");
    assertThat(written.checkpointData()).isZero();
    assertThat(written.all()).isLessThanOrEqualTo(4_000_000L * 11 / 10);
    written.requireReported();
  }

  @Test
  void integersInRangesOfOneFragment() {
    String table = session.table("ranges", 900_000, 1, "2.1");
    session.call("add_column('%s', 'c', 'hash(id)')", table);
    long raw = 900_000L * Integer.BYTES;
    Written written = backfill("ranges", "100ms");
    assertThat(written.checkpointData()).isBetween(raw, raw * 105 / 100);
    assertThat(written.all()).isLessThanOrEqualTo(raw * 22 / 10);
    written.requireReported();
  }

  @Test
  void integersOfTasksThatLastLongerThanTheInterval() {
    String table = session.table("slow", 1_000_000, 2, "2.1");
    session.call(
        "add_column('%s', 'c', 'hash(id, sha2(repeat(text, 20), 512), sha2(repeat(text, 21), 512))')",
        table);
    long raw = 1_000_000L * Integer.BYTES;
    Written written = backfill("slow", "250ms");
    assertThat(written.checkpointData()).as("checkpoints were due").isPositive();
    assertThat(written.all()).isLessThanOrEqualTo(raw * 22 / 10);
    written.requireReported();
  }

  @Test
  void vectorsInRangesOfOneFragment() {
    int rows = 40_000;
    String table = session.table("vectors", rows, 1, "2.1");
    session.call(
        "add_column('%s', 'c', 'transform(sequence(1, 64), i -> cast(hash(id, i) as float))',"
            + " 'fixed_size_list<float>[64]')",
        table);
    long raw = rows * 64L * Float.BYTES;
    Written written = backfill("vectors", "100ms");
    assertThat(written.checkpointData()).isBetween(raw, raw * 105 / 100);
    assertThat(written.all()).isLessThanOrEqualTo(raw * 22 / 10);
    written.requireReported();
  }

  /**
   * @param files name and size of each file that the job made in the table's folder
   */
  private record Written(String what, Map<String, Long> files, long reported) {
    long all() {
      return files.values().stream().mapToLong(Long::longValue).sum();
    }

    long checkpointData() {
      return size("_backfill/checkpoints/.*/data/[^/]*");
    }

    long size(String pattern) {
      return files.entrySet().stream()
          .filter(file -> file.getKey().matches(pattern))
          .mapToLong(Map.Entry::getValue)
          .sum();
    }

    /** The result counts the files that hold values, each as large as it is. */
    void requireReported() {
      System.out.printf(
          "BYTES: %s: %,d in the column's files, %,d in checkpoints, %,d of their versions, %,d other%n",
          what,
          size("data/.*"),
          checkpointData(),
          size(CHECKPOINTS + ".*") - checkpointData(),
          all() - size("data/.*") - size(CHECKPOINTS + ".*"));
      assertThat(reported).isEqualTo(size("data/.*") + checkpointData());
    }
  }

  private static Written backfill(String name, String interval) {
    Path folder = session.folder(name);
    Map<String, Long> before = sizes(folder);
    Map<String, Long> seen = new TreeMap<>();
    BackfillResult result =
        new BackfillAction(
                session.spark(),
                new BackfillRequest(
                    TableTargets.resolve(session.spark(), "lance.default." + name),
                    "c",
                    Map.of("checkpoint_interval", interval)),
                new Watcher(() -> seen.putAll(sizes(folder))))
            .run();
    seen.putAll(sizes(folder));
    assertThat(result.status()).isEqualTo(JobStatus.DONE);
    assertThat(sizes(folder).keySet()).noneMatch(file -> file.startsWith(CHECKPOINTS));
    seen.keySet().removeAll(before.keySet());
    return new Written(name, seen, result.counts().bytesWritten());
  }

  private static Map<String, Long> sizes(Path folder) {
    Map<String, Long> sizes = new TreeMap<>();
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              // Lance renames a file when it is whole.
              if (!file.getFileName().toString().startsWith(".tmp")) {
                sizes.put(folder.relativize(file).toString(), attributes.size());
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path renamedMeanwhile, IOException e) {
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sizes;
  }

  /** Looks whenever the job says something, and so before it deletes anything. */
  private record Watcher(Runnable look) implements JobListener {
    @Override
    public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {
      look.run();
    }

    @Override
    public void running(
        JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {
      look.run();
    }

    @Override
    public void committed(JobInfo job, JobCounts counts, long version) {
      look.run();
    }

    @Override
    public void notice(JobInfo job, String message) {
      look.run();
    }

    @Override
    public void ended(
        JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {
      look.run();
    }
  }
}
