package io.lancebackfill.cluster.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A spark-submit that runs; its log lies in the folder of the cluster. */
public final class Submission implements AutoCloseable {
  private final Process process;
  private final Path log;

  private Submission(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /**
   * Starts spark-submit in cluster mode.
   *
   * @param application what follows the deploy mode on the command line
   */
  static Submission start(LocalImage image, String master, List<String> application, Path log)
      throws IOException {
    List<String> command =
        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString()));
    command.addAll(image.javaOptions());
    command.addAll(
        List.of(
            "-Xmx512m",
            "-cp",
            image.classPath(),
            "org.apache.spark.deploy.SparkSubmit",
            "--master",
            master,
            "--deploy-mode",
            "cluster"));
    command.addAll(application);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(log.getParent().toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("SPARK_"));
    return new Submission(builder.start(), log);
  }

  /**
   * Waits for the end.
   *
   * @return the exit code
   * @throws IllegalStateException if it still runs after the limit; it is killed then
   */
  public int await(Duration limit) throws InterruptedException {
    if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
      close();
      throw new IllegalStateException(
          "spark-submit did not end within " + limit + "; its log:\n" + log());
    }
    return process.exitValue();
  }

  /** What it has printed until now. */
  public String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether it runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Kills it; the driver's pod does not care. */
  @Override
  public void close() {
    process.destroyForcibly();
  }
}
