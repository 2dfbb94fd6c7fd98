package io.lancebackfill;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/**
 * A driver that runs one piece of Python after another, as a notebook does: tests share its
 * session, and do other things while it works. It knows {@code spark}, {@code db}, {@code udf},
 * {@code BackfillError}, {@code os}, {@code sys} and {@code time}, and what earlier pieces defined.
 */
final class PythonDriver implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(4);

  private static final String LOOP =
      """
      import contextlib, io, os, sys, time, traceback
      from lance_backfill import BackfillError, connect, udf
      from pyspark.sql import SparkSession

      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      folder, number, names = sys.argv[1], 0, globals()
      open(os.path.join(folder, "ready"), "w").close()
      while not os.path.exists(os.path.join(folder, "stop")):
          piece = os.path.join(folder, "%d.py" % number)
          if not os.path.exists(piece):
              time.sleep(0.05)
              continue
          out, end = io.StringIO(), "done"
          with contextlib.redirect_stdout(out):
              try:
                  exec(compile(open(piece).read(), piece, "exec"), names)
              except BaseException:
                  traceback.print_exc(file=out)
                  end = "failed"
          said = os.path.join(folder, "%d" % number)
          with open(said + ".tmp", "w") as file:
              file.write(out.getvalue())
          os.rename(said + ".tmp", said + "." + end)
          number += 1
      spark.stop()
      """;

  private final SparkRun run;
  private final Path folder;
  private int pieces;

  private PythonDriver(SparkRun run, Path folder) {
    this.run = run;
    this.folder = folder;
  }

  /** Starts it with the settings and the jars of a distribution, and waits for its session. */
  static PythonDriver start(SparkDistribution spark, Path folder) throws IOException {
    Files.createDirectories(folder);
    PythonDriver driver = new PythonDriver(spark.python(LOOP, folder.toString()), folder);
    driver.awaiting("its session", () -> Files.exists(folder.resolve("ready")));
    return driver;
  }

  /** A piece that runs, or has run. */
  final class Piece {
    private final int number;

    private Piece(int number) {
      this.number = number;
    }

    /** Waits for its end, and returns what it printed; a piece that failed is a failed test. */
    String printed() {
      Path done = folder.resolve(number + ".done");
      Path failed = folder.resolve(number + ".failed");
      awaiting("the end of piece " + number, () -> Files.exists(done) || Files.exists(failed));
      if (Files.exists(failed)) {
        throw new AssertionError(read(failed) + "\n" + log());
      }
      return read(done);
    }
  }

  /** Begins a piece. */
  Piece begin(String python) {
    int number = pieces++;
    try {
      Path written = Files.writeString(folder.resolve(number + ".written"), python);
      Files.move(written, folder.resolve(number + ".py"), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Piece(number);
  }

  /** Runs a piece, and returns what it printed. */
  String run(String python) {
    return begin(python).printed();
  }

  /** What the session has logged. */
  String log() {
    return run.stderr();
  }

  /** Waits until the session has logged something. */
  void awaitLog(String text, Duration limit) {
    awaiting("'" + text + "' in the log", limit, () -> log().contains(text));
  }

  /** Kills it, as a power cut would. */
  void kill() {
    run.kill();
  }

  private void awaiting(String what, BooleanSupplier condition) {
    awaiting(what, LIMIT, condition);
  }

  private void awaiting(String what, Duration limit, BooleanSupplier condition) {
    await(what)
        .atMost(limit)
        .pollInterval(Duration.ofMillis(50))
        .failFast(
            () -> {
              if (!run.alive() && !condition.getAsBoolean()) {
                throw new AssertionError("the driver ended\n" + run.stdout() + "\n" + log());
              }
            })
        .until(condition::getAsBoolean);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends it in good order. */
  @Override
  public void close() throws IOException {
    Files.writeString(folder.resolve("stop"), "");
    try {
      await("the end of the driver").atMost(Duration.ofSeconds(60)).until(() -> !run.alive());
    } finally {
      run.close();
    }
  }
}
