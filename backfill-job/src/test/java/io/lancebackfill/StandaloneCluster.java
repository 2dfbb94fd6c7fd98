package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;

/**
 * A standalone master and one worker, each a process; later runs use them, with executors of two
 * cores.
 */
final class StandaloneCluster implements AutoCloseable {
  private final SparkDistribution spark;
  private final Path folder;
  private final List<Process> daemons = new ArrayList<>();
  private String master = "";

  private StandaloneCluster(SparkDistribution spark, Path folder) {
    this.spark = spark;
    this.folder = folder;
  }

  /** With one executor. */
  static StandaloneCluster start(SparkDistribution spark, Path folder) throws IOException {
    return start(spark, folder, 1);
  }

  static StandaloneCluster start(SparkDistribution spark, Path folder, int executors)
      throws IOException {
    return start(spark, folder, executors, List.of());
  }

  /** With a worker that discovers these GPUs, by a script in place of nvidia-smi. */
  static StandaloneCluster start(
      SparkDistribution spark, Path folder, int executors, List<String> gpus) throws IOException {
    StandaloneCluster cluster = new StandaloneCluster(spark, folder);
    try {
      cluster.start(executors, gpus);
      return cluster;
    } catch (IOException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  /** A script as Spark's settings for GPUs name it. */
  static Path discovery(Path folder, List<String> gpus) throws IOException {
    String addresses = gpus.stream().collect(Collectors.joining("\", \"", "[\"", "\"]"));
    Path script = folder.resolve("gpus.sh");
    Files.writeString(
        script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": %s}'\n".formatted(addresses));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    return script;
  }

  private void start(int executors, List<String> gpus) throws IOException {
    String port = String.valueOf(freePort());
    String deploy = "org.apache.spark.deploy.";
    daemon(deploy + "master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0");
    master = "spark://127.0.0.1:" + port;
    List<String> worker = new ArrayList<>(List.of(deploy + "worker.Worker", "--host", "127.0.0.1"));
    String cores = String.valueOf(2 * executors);
    worker.addAll(List.of("--cores", cores, "--memory", executors + "g", "--webui-port", "0"));
    if (!gpus.isEmpty()) {
      Path settings = folder.resolve("worker.conf");
      Files.writeString(
          settings,
          "spark.worker.resource.gpu.amount %d%nspark.worker.resource.gpu.discoveryScript %s%n"
              .formatted(gpus.size(), discovery(folder, gpus)));
      worker.addAll(List.of("--properties-file", settings.toString()));
    }
    worker.addAll(List.of("--work-dir", folder.resolve("work").toString(), master));
    daemon(worker.toArray(String[]::new));
    serve(spark, executors);
  }

  /** Later runs of the distribution use the cluster, with at most so many executors. */
  void serve(SparkDistribution of, int executors) {
    of.conf("spark.master", master);
    of.conf("spark.driver.host", "127.0.0.1");
    of.conf("spark.executor.memory", "700m");
    of.conf("spark.executor.cores", "2");
    of.conf("spark.cores.max", String.valueOf(2 * executors));
  }

  String master() {
    return master;
  }

  /** Processes of executors that its workers have now. */
  long executors() {
    return daemons.stream()
        .flatMap(Process::descendants)
        .filter(ProcessHandle::isAlive)
        .filter(
            process ->
                process.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
        .count();
  }

  private void daemon(String... command) {
    Path log = folder.resolve("daemon" + daemons.size() + ".txt");
    Process daemon = spark.daemon(log, command);
    daemons.add(daemon);
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              assertThat(daemon.isAlive()).as(Files.readString(log)).isTrue();
              return Files.readString(log).contains("Successfully started");
            });
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    for (Process daemon : daemons) {
      daemon.descendants().forEach(ProcessHandle::destroyForcibly);
      daemon.destroyForcibly().onExit().join();
    }
  }
}
