package io.lancebackfill.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestWorkerGroups {
  private static final long GIB = 1L << 30;

  private static final ClusterSpec CLUSTER =
      ClusterSpec.parse(
          """
          name: c
          type: kubernetes
          image: i:1
          worker_groups:
          - {name: gpu2, num_cpus: 8, memory: 64Gi, memory_overhead: 40Gi, num_gpus: 2}
          - {name: big, num_cpus: 16, memory: 64Gi}
          - {name: small, num_cpus: 2, memory: 8Gi, memory_overhead: 4Gi}
          - {name: gpu1, num_cpus: 4, memory: 16Gi, num_gpus: 1}
          """);

  @ParameterizedTest
  @CsvSource({
    "1, 0, 0, small",
    "2, 0, 4, small",
    "2, 0, 5, big",
    "2.5, 0, 0, big",
    "1, 0.25, 0, gpu1",
    "1, 1, 0, gpu1",
    "1, 1.5, 0, gpu2",
    "8, 0.5, 0, gpu2",
    "1, 0.5, 16, gpu2"
  })
  void takesTheSmallestThatFits(double cpus, double gpus, long memoryGib, String group) {
    TaskNeeds needs = new TaskNeeds(cpus, gpus, memoryGib * GIB, false);

    assertThat(WorkerGroups.fitting(CLUSTER, needs, null).name()).isEqualTo(group);
  }

  @Test
  void aNamedGroupMayHaveGpusThatAreNotNeeded() {
    assertThat(WorkerGroups.fitting(CLUSTER, TaskNeeds.oneCpu(), "gpu2").name()).isEqualTo("gpu2");
  }

  @Test
  void saysForEachGroupWhatFallsShort() {
    TaskNeeds needs = new TaskNeeds(12, 3, 40 * GIB, true);

    assertThatThrownBy(() -> WorkerGroups.fitting(CLUSTER, needs, null))
        .isInstanceOf(GroupUnfitException.class)
        .hasMessage(
            "[CLUSTER_GROUP_UNFIT] no worker group of cluster c has what the function needs: gpu2"
                + " has num_cpus 8 of 12, num_gpus 2 of 3; big has num_gpus 0 of 3; small has"
                + " num_cpus 2 of 12, num_gpus 0 of 3, memory 7680Mi of 40960Mi (the pod's 8192Mi"
                + " less 512Mi of heap); gpu1 has num_cpus 4 of 12, num_gpus 1 of 3, memory 15872Mi"
                + " of 40960Mi (the pod's 16384Mi less 512Mi of heap). Ask for less, name a group,"
                + " or add one that has it.");
  }

  @Test
  void keepsFunctionsWithoutGpusOffGroupsThatHaveThem() {
    ClusterSpec gpuOnly =
        ClusterSpec.parse(
            "{\"name\": \"c\", \"type\": \"kubernetes\", \"image\": \"i:1\", \"worker_groups\":"
                + " [{\"name\": \"gpu\", \"memory\": \"16Gi\", \"num_gpus\": 1}]}");

    assertThatThrownBy(() -> WorkerGroups.fitting(gpuOnly, TaskNeeds.oneCpu(), null))
        .isInstanceOf(GroupUnfitException.class)
        .hasMessageContaining("gpu has GPUs, which are kept for functions that need them");
    assertThat(WorkerGroups.ofSession(gpuOnly)).map(WorkerGroup::name).contains("gpu");
    assertThat(WorkerGroups.ofSession(CLUSTER)).map(WorkerGroup::name).contains("big");
  }

  @Test
  void refusesANameThatIsNone() {
    assertThatThrownBy(() -> WorkerGroups.fitting(CLUSTER, TaskNeeds.oneCpu(), "huge"))
        .isInstanceOf(GroupUnfitException.class)
        .hasMessage(
            "[CLUSTER_GROUP_UNFIT] cluster c has no worker group 'huge'. Name one of [gpu2, big,"
                + " small, gpu1], or none.");
  }

  /** Of each line: group, CPUs, GPUs, GiB, Python, and the shape of the tasks. */
  @ParameterizedTest
  @CsvSource({
    "big, 1, 0, 0, false, 16/1/0.0/39322/26214",
    "big, 3, 0, 0, false, 5/3/0.0/39322/26214",
    "big, 1, 0, 5, false, 5/3/0.0/39322/26214",
    "big, 1, 0, 10, true, 5/3/0.0/14336/51200",
    "big, 1, 0, 1, true, 16/1/0.0/39322/26214",
    "gpu2, 1, 0.25, 0, true, 8/1/0.25/24576/40960",
    "gpu2, 1, 0.5, 0, true, 4/1/0.5/24576/40960",
    "gpu2, 1, 0.7, 0, true, 2/1/1.0/24576/40960",
    "gpu2, 1, 1.5, 0, true, 1/1/2.0/24576/40960",
    "gpu2, 1, 0.5, 30, true, 2/4/0.5/4096/61440",
    "gpu2, 1, 0.5, 40, true, 1/8/0.5/24576/40960"
  })
  void countsTheTasksOfAPod(
      String group, double cpus, double gpus, long gib, boolean python, String expected) {
    TaskShape shape =
        TaskShape.of(
            CLUSTER.group(group).orElseThrow().size(),
            new TaskNeeds(cpus, gpus, gib * GIB, python));

    assertThat(
            "%d/%d/%s/%d/%d"
                .formatted(
                    shape.tasks(),
                    shape.cpus(),
                    shape.gpus(),
                    shape.heapMib(),
                    shape.overheadMib()))
        .isEqualTo(expected);
  }

  @Test
  void theSessionsExecutorsAreUsedWhereTheyFit() {
    WorkerGroup own = CLUSTER.group("big").orElseThrow();

    assertThat(GroupProfiles.areOfSession(CLUSTER, own, TaskNeeds.oneCpu())).isTrue();
    assertThat(GroupProfiles.areOfSession(CLUSTER, own, new TaskNeeds(2, 0, 0, false))).isFalse();
    assertThat(GroupProfiles.areOfSession(CLUSTER, own, new TaskNeeds(1, 0, 3 * GIB, true)))
        .isFalse();
    assertThat(
            GroupProfiles.areOfSession(
                CLUSTER, CLUSTER.group("small").orElseThrow(), TaskNeeds.oneCpu()))
        .isFalse();
  }

  @Test
  void aPodTooSmallHasNoShape() {
    assertThatThrownBy(
            () ->
                TaskShape.of(
                    CLUSTER.group("small").orElseThrow().size(), new TaskNeeds(3, 1, 0, false)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("num_cpus 2 of 3, num_gpus 0 of 1");
  }

  @Test
  void needsAreAboveZero() {
    assertThatThrownBy(() -> new TaskNeeds(0, 0, 0, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cpus 0.0");
  }
}
