package io.lancebackfill;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A running or finished process of {@link SparkDistribution}. */
public final class SparkRun implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private final Process process;
  private final Path out;
  private final Path err;

  private SparkRun(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  static SparkRun start(ProcessBuilder builder, Path folder) {
    Path out = folder.resolve("stdout.txt");
    Path err = folder.resolve("stderr.txt");
    try {
      Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
      process.getOutputStream().close();
      return new SparkRun(process, out, err);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What it has printed so far to its standard output. */
  public String stdout() {
    return read(out);
  }

  /** What it has printed so far to its standard error, Spark's log for example. */
  public String stderr() {
    return read(err);
  }

  public long pid() {
    return process.pid();
  }

  public boolean alive() {
    return process.isAlive();
  }

  /** Waits for its end and returns its exit status. */
  public int exitStatus() throws InterruptedException {
    if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      kill();
      throw new AssertionError("still running after " + LIMIT + "\n" + both());
    }
    return process.exitValue();
  }

  /** Waits for its end, which is to be a good one, and returns its standard output. */
  public String output() throws InterruptedException {
    int status = exitStatus();
    if (status != 0) {
      throw new AssertionError("ended with " + status + "\n" + both());
    }
    return stdout();
  }

  /** Waits until its standard output or its log holds the text. */
  public void awaitText(String text) {
    await("'" + text + "'")
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(50))
        .failFast(
            () -> {
              if (!process.isAlive() && !both().contains(text)) {
                throw new AssertionError("ended without '" + text + "'\n" + both());
              }
            })
        .until(() -> both().contains(text));
  }

  /** Kills it and all processes that it started, as a power cut would, and waits for their end. */
  public void kill() {
    killer().run();
  }

  /** As {@link #kill}, without a look for the processes at that moment: it knows those of now. */
  public Runnable killer() {
    List<ProcessHandle> started = process.descendants().toList();
    return () -> {
      // The parent first, so that it sees nothing of the end of the others.
      process.destroyForcibly();
      started.forEach(ProcessHandle::destroyForcibly);
      started.forEach(handle -> handle.onExit().join());
      process.onExit().join();
    };
  }

  @Override
  public void close() {
    kill();
  }

  private String both() {
    return stdout() + "\n" + stderr();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
