package io.lancebackfill.cluster.harness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Submission, driver and executors as processes; the application comes from a jar in the image. */
@Timeout(240)
class ClusterModeIT {
  private static final String IMAGE = "spark:test";

  @TempDir Path folder;

  @Test
  void aSubmittedJobRunsInPods() throws IOException, InterruptedException {
    jar(folder.resolve("app.jar"), CountJob.class);
    Path result = folder.resolve("result");
    LocalImage image = LocalImage.of(sparkAlone()).withPath("/opt/app", folder);
    try (FakeCluster cluster =
        FakeCluster.in(Path.of("target/fake-cluster/ClusterModeIT"))
            .node(NodeSpec.named("head-1").withLabel("pool", "head"))
            .node(NodeSpec.named("cpu-1").withLabel("pool", "cpu"))
            .image(IMAGE, image)
            .start()) {
      try (Submission submission =
          cluster.submit(
              IMAGE,
              CountJob.class.getName(),
              "local:///opt/app/app.jar",
              Map.of(
                  "spark.kubernetes.driver.node.selector.pool", "head",
                  "spark.kubernetes.executor.node.selector.pool", "cpu",
                  "spark.executor.instances", "1",
                  "spark.executor.memory", "512m",
                  "spark.driver.memory", "512m"),
              List.of("7", result.toString()))) {
        Pod executor = cluster.awaitPod("an executor runs", each -> isRunning(each, "executor"));
        assertThat(executor.getSpec().getNodeName()).isEqualTo("cpu-1");
        assertThat(owners(executor)).containsExactly("Pod/" + driver(cluster).orElseThrow());
        assertThat(submission.await(Duration.ofMinutes(2))).as(submission::log).isZero();
      }
      assertThat(result).hasContent("7");
      Pod driver =
          cluster.awaitPod(
              "the driver has ended", each -> each.getStatus().getPhase().equals("Succeeded"));
      assertThat(driver.getSpec().getNodeName()).isEqualTo("head-1");
      assertThat(cluster.log(driver.getMetadata().getName()))
          .contains("7 groups, master k8s://" + cluster.api().url());
      assertThat(cluster.client().configMaps().list().getItems())
          .anySatisfy(each -> assertThat(owners(each)).isNotEmpty());
      cluster.client().pods().resource(driver).delete();
      await()
          .atMost(FakeCluster.LIMIT)
          .untilAsserted(
              () ->
                  assertThat(cluster.client().configMaps().list().getItems())
                      .allSatisfy(each -> assertThat(owners(each)).isEmpty()));
    }
  }

  @Test
  void aPythonJobRunsOnAStockSpark() throws IOException, InterruptedException {
    Files.writeString(
        folder.resolve("job.py"),
        """
        import os, sys
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.getOrCreate()
        where = lambda i: (os.environ["SPARK_EXECUTOR_POD_IP"], sys.executable)
        found = spark.sparkContext.parallelize(range(2), 2).map(where).distinct().collect()
        with open(sys.argv[1], "w") as result:
            result.write("\\n".join(str(each) for each in found))
        spark.stop()
        """);
    Path result = folder.resolve("result");
    String spark = System.getProperty("test.spark.home");
    String python = System.getProperty("test.python");
    LocalImage image =
        LocalImage.of(spark + "/jars/*")
            .withPath("/opt/app", folder)
            .withEnvironment("SPARK_HOME", spark)
            .withEnvironment("PYSPARK_PYTHON", python);
    try (FakeCluster cluster =
            FakeCluster.in(Path.of("target/fake-cluster/ClusterModeIT-python"))
                .node(NodeSpec.named("cpu-1"))
                .image(IMAGE, image)
                .start();
        Submission submission =
            cluster.submitPython(
                IMAGE,
                "local:///opt/app/job.py",
                Map.of(
                    "spark.executor.instances", "1",
                    "spark.executor.memory", "512m",
                    "spark.driver.memory", "512m"),
                List.of(result.toString()))) {
      Pod executor = cluster.awaitPod("an executor runs", each -> isRunning(each, "executor"));
      assertThat(submission.await(Duration.ofMinutes(2))).as(submission::log).isZero();
      assertThat(result)
          .hasContent(String.format("('%s', '%s')", executor.getStatus().getPodIP(), python));
    }
  }

  private static boolean isRunning(Pod pod, String role) {
    return PodText.hasRole(pod, role) && pod.getStatus().getPhase().equals("Running");
  }

  /** The class path without what this build compiled, as an image's /opt/spark/jars is. */
  private static String sparkAlone() {
    return Pattern.compile(File.pathSeparator)
        .splitAsStream(System.getProperty("java.class.path"))
        .filter(entry -> entry.endsWith(".jar"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static void jar(Path jar, Class<?> content) throws IOException {
    String entry = content.getName().replace('.', '/') + ".class";
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        InputStream in = content.getClassLoader().getResourceAsStream(entry)) {
      out.putNextEntry(new JarEntry(entry));
      in.transferTo(out);
    }
  }

  private static Optional<String> driver(FakeCluster cluster) {
    return cluster.pods().stream()
        .filter(each -> PodText.hasRole(each, "driver"))
        .map(each -> each.getMetadata().getName())
        .findFirst();
  }

  private static List<String> owners(HasMetadata resource) {
    return resource.getMetadata().getOwnerReferences().stream()
        .map((OwnerReference owner) -> owner.getKind() + "/" + owner.getName())
        .toList();
  }
}
