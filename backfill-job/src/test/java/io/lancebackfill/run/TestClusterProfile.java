package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.run.ClusterProfile.Cluster;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.TaskResourceProfile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestClusterProfile {
  private static final Map<String, String> DYNAMIC =
      Map.of("spark.dynamicAllocation.enabled", "true", "spark.executor.cores", "4");

  private static final Map<String, String> TWO_GPUS =
      Map.of("spark.executor.cores", "4", "spark.executor.resource.gpu.amount", "2");

  /** Two executors of four CPUs. */
  private static Cluster cluster(Map<String, String> settings) {
    SparkConf conf = new SparkConf(false);
    settings.forEach(conf::set);
    return new Cluster(conf, "spark://host:7077", "app-" + settings.hashCode(), 8, 2);
  }

  private static TaskResources of(
      Map<String, String> settings, double cpus, double gpus, long mebibytes) {
    return ClusterProfile.of(
        cluster(settings), new FunctionResources(cpus, gpus, mebibytes << 20), true);
  }

  private static double taskGpus(TaskResources resources) {
    return resources.profile().orElseThrow().taskResourcesJMap().get("gpu").amount();
  }

  @Test
  void whereTheExecutorsSufficeOnlyTasksAskForMore() {
    TaskResources resources = of(TWO_GPUS, 2, 1, 0);

    ResourceProfile profile = resources.profile().orElseThrow();
    assertThat(profile).isInstanceOf(TaskResourceProfile.class);
    assertThat(profile.getTaskCpus().get()).isEqualTo(2);
    assertThat(taskGpus(resources)).isEqualTo(1);
    assertThat(resources.slots()).isEqualTo(4);
    assertThat(resources.notes()).isEmpty();
    assertThat(of(TWO_GPUS, 2, 1, 0).profile()).containsSame(profile);
  }

  @Test
  void withDynamicAllocationExecutorsAreStartedForIt() {
    TaskResources half = of(DYNAMIC, 1, 0.5, 0);

    ResourceProfile profile = half.profile().orElseThrow();
    assertThat(profile).isNotInstanceOf(TaskResourceProfile.class);
    assertThat(profile.executorResourcesJMap().get("gpu").amount()).isEqualTo(1);
    assertThat(profile.getExecutorCores().get()).isEqualTo(2);
    assertThat(taskGpus(half)).isEqualTo(0.5);

    ResourceProfile large = of(DYNAMIC, 1, 0, 3000).profile().orElseThrow();
    assertThat(large.getExecutorCores().get()).isEqualTo(4);
    assertThat(large.executorResourcesJMap().get("memoryOverhead").amount()).isEqualTo(12_000);
    assertThat(of(DYNAMIC, 8, 0, 0).profile().orElseThrow().getExecutorCores().get()).isEqualTo(8);
  }

  @Test
  void whatASessionCanNeverGiveIsRefusedAllAtOnce() {
    assertThatThrownBy(() -> of(Map.of("spark.executor.cores", "2"), 3, 1, 9000))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining(
            "num_gpus is 1, and an executor of this session has none. Set spark.executor.resource.gpu.amount to 1 or more")
        .hasMessageContaining(
            "num_cpus is 3, and an executor of this session has 2. Set spark.executor.cores to 3 or more")
        .hasMessageContaining(
            "memory is 9000 MiB, and an executor of this session has 1408 MiB. Raise spark.executor.memoryOverhead")
        .hasMessageContaining("spark.dynamicAllocation.enabled=true");
    assertThat(of(Map.of("spark.dynamicAllocation.enabled", "true"), 3, 1, 9000).profile())
        .isPresent();
  }

  /** Spark 3.5 would give two of them the same GPU. */
  @Test
  void wholeGpusAreNotTakenFromExecutorsThatCutThem() {
    Map<String, String> halves =
        Map.of("spark.executor.resource.gpu.amount", "1", "spark.task.resource.gpu.amount", "0.5");
    assertThat(taskGpus(of(halves, 1, 0.5, 0))).isEqualTo(0.5);
    assertThatThrownBy(() -> of(halves, 1, 1, 0))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("in 2 parts, since spark.task.resource.gpu.amount is 0.5");
  }

  @ParameterizedTest
  @CsvSource({
    "1.5, 0, 'num_cpus is 1.5; Spark counts whole ones, and a task gets 2'",
    "1, 0.7, 'num_gpus is 0.7; Spark gives a half or less, or whole ones, and a task gets 1'",
    "1, 0.25, 'num_gpus is 0.25, and the executors of this session give their GPUs away in 1 parts'",
  })
  void whatIsNotDoneToTheLetterIsSaid(double cpus, double gpus, String note) {
    assertThat(of(TWO_GPUS, cpus, gpus, 0).notes()).singleElement().asString().startsWith(note);
  }

  @Test
  void memoryIsHeldByCpus() {
    TaskResources resources = of(Map.of("spark.executor.cores", "4"), 1, 0, 700);

    assertThat(resources.profile().orElseThrow().getTaskCpus().get()).isEqualTo(2);
    assertThat(resources.notes())
        .containsExactly(
            "memory is 700 MiB, and an executor has 1408 MiB: a task takes 2 of its 4 CPUs, so that no more than 2 run at once");
  }
}
