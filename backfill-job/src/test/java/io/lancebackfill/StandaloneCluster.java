package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;

/** A standalone master and one worker with two cores, each a process; later runs use them. */
final class StandaloneCluster implements AutoCloseable {
  private final SparkDistribution spark;
  private final Path folder;
  private final List<Process> daemons = new ArrayList<>();

  private StandaloneCluster(SparkDistribution spark, Path folder) {
    this.spark = spark;
    this.folder = folder;
  }

  static StandaloneCluster start(SparkDistribution spark, Path folder) throws IOException {
    StandaloneCluster cluster = new StandaloneCluster(spark, folder);
    try {
      cluster.start();
      return cluster;
    } catch (IOException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  private void start() throws IOException {
    String port = String.valueOf(freePort());
    String deploy = "org.apache.spark.deploy.";
    daemon(deploy + "master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0");
    String master = "spark://127.0.0.1:" + port;
    List<String> worker = new ArrayList<>(List.of(deploy + "worker.Worker", "--host", "127.0.0.1"));
    worker.addAll(List.of("--cores", "2", "--memory", "1g", "--webui-port", "0"));
    worker.addAll(List.of("--work-dir", folder.resolve("work").toString(), master));
    daemon(worker.toArray(String[]::new));
    spark.conf("spark.master", master);
    spark.conf("spark.driver.host", "127.0.0.1");
    spark.conf("spark.executor.memory", "700m");
    spark.conf("spark.cores.max", "2");
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
