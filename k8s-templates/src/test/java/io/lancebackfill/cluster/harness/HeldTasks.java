package io.lancebackfill.cluster.harness;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.sql.SparkSession;

/** A Spark job whose tasks say where they run, and run until the test lets them go. */
public final class HeldTasks {
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final Pattern DASH = Pattern.compile("-");

  private final Path folder;

  /**
   * Tasks that meet the test in a folder.
   *
   * @param folder which test and executors see; made here
   */
  public HeldTasks(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
  }

  /**
   * Where a task ran.
   *
   * @param gpus the addresses that Spark gave it
   */
  public record Ran(int partition, String executor, String host, List<String> gpus)
      implements Serializable {}

  /** Starts a job of so many tasks under the default profile. */
  public CompletableFuture<List<Ran>> run(SparkSession spark, int tasks) {
    return collect(rdd(spark, tasks));
  }

  /** Starts a job of so many tasks under a profile. */
  public CompletableFuture<List<Ran>> run(SparkSession spark, int tasks, ResourceProfile profile) {
    return collect(rdd(spark, tasks).withResources(profile));
  }

  private JavaRDD<Ran> rdd(SparkSession spark, int tasks) {
    String place = folder.toString();
    return new JavaSparkContext(spark.sparkContext())
        .parallelize(IntStream.range(0, tasks).boxed().toList(), tasks)
        .map(partition -> hold(place, partition));
  }

  private static CompletableFuture<List<Ran>> collect(JavaRDD<Ran> rdd) {
    return CompletableFuture.supplyAsync(rdd::collect).orTimeout(150, TimeUnit.SECONDS);
  }

  private static Ran hold(String place, int partition) throws IOException {
    TaskContext task = TaskContext.get();
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    Ran ran =
        new Ran(
            partition,
            SparkEnv.get().executorId(),
            SparkEnv.get().blockManager().blockManagerId().host(),
            resources.containsKey("gpu")
                ? List.of(resources.get("gpu").addresses())
                : new ArrayList<>());
    Path folder = Path.of(place);
    Files.writeString(
        folder.resolve(
            String.join(
                "-",
                "started",
                String.valueOf(task.taskAttemptId()),
                String.valueOf(partition),
                ran.executor,
                ran.host,
                String.join(",", ran.gpus))),
        "");
    await()
        .pollInterval(Duration.ofMillis(50))
        .atMost(LIMIT)
        .until(() -> Files.exists(folder.resolve("release")));
    return ran;
  }

  /** Waits until so many attempts have started; all that have, in the order of their start. */
  public List<Ran> awaitStarted(int attempts) {
    return await()
        .pollInterval(Duration.ofMillis(50))
        .atMost(LIMIT)
        .until(this::started, ran -> ran.size() >= attempts);
  }

  private List<Ran> started() {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> DASH.splitAsStream(file.getFileName() + "- ").toList())
          .filter(parts -> parts.get(0).equals("started"))
          .sorted(Comparator.comparingLong(parts -> Long.parseLong(parts.get(1))))
          .map(
              parts ->
                  new Ran(
                      Integer.parseInt(parts.get(2)),
                      parts.get(3),
                      parts.get(4),
                      parts.get(5).isEmpty()
                          ? List.of()
                          : Pattern.compile(",").splitAsStream(parts.get(5)).toList()))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Lets all tasks go, also those that start later. */
  public void release() throws IOException {
    Files.writeString(folder.resolve("release"), "");
  }
}
