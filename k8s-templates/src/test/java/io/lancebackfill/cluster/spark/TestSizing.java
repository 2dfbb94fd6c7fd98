package io.lancebackfill.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.cluster.ClusterSpec;
import org.junit.jupiter.api.Test;

class TestSizing {
  private static final ClusterSpec CLUSTER =
      ClusterSpec.parse(
          """
          name: c
          type: kubernetes
          image: i:1
          head_group: {num_cpus: 2, memory: 4Gi, memory_overhead: 1Gi}
          worker_groups:
          - {name: cpu, num_cpus: 4, memory: 8Gi, memory_overhead: 3Gi}
          - {name: gpu, num_cpus: 8, memory: 32Gi, memory_overhead: 20Gi, num_gpus: 1,
             max_replicas: 3}
          """);

  @Test
  void ofAFunctionWithGpus() {
    Sizing sizing =
        Sizing.of(
            CLUSTER, CLUSTER.group("gpu").orElseThrow(), new TaskNeeds(1, 0.5, 0, true), 4, true);

    assertThat(sizing.table())
        .isEqualTo(
            """
            pods                 count      cpus    memory      heap  overhead      gpus     tasks
            driver                   1         2       4Gi       3Gi       1Gi         0         0
            gpu                      2         8      32Gi      12Gi      20Gi         1         2
            in all                   3        18      68Gi                             2         4
            """);
  }

  @Test
  void ofMoreThanTheGroupMayHave() {
    Sizing sizing =
        Sizing.of(
            CLUSTER, CLUSTER.group("gpu").orElseThrow(), new TaskNeeds(1, 1, 0, true), 10, false);

    assertThat(sizing.executors()).isEqualTo(3);
    assertThat(sizing.concurrency()).isEqualTo(3);
    assertThat(sizing.gpus()).isEqualTo(3);
  }

  @Test
  void ofAFunctionWithoutGpus() {
    Sizing sizing =
        Sizing.of(
            CLUSTER, CLUSTER.group("cpu").orElseThrow(), new TaskNeeds(3, 0, 0, false), 5, false);

    assertThat(sizing.executors()).isEqualTo(5);
    assertThat(sizing.cpus()).isEqualTo(20);
    assertThat(sizing.memoryMib()).isEqualTo(40 * 1024);
    assertThat(sizing.gpus()).isZero();
    assertThat(sizing.table()).contains("cpu                      5         4       8Gi");
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatThrownBy(
            () ->
                Sizing.of(
                    CLUSTER, CLUSTER.group("cpu").orElseThrow(), TaskNeeds.oneCpu(), 0, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("concurrency is 0, give 1 or more");
    assertThatThrownBy(
            () ->
                Sizing.of(
                    CLUSTER,
                    CLUSTER.group("cpu").orElseThrow(),
                    new TaskNeeds(1, 1, 0, false),
                    1,
                    false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("num_gpus 0 of 1");
  }
}
