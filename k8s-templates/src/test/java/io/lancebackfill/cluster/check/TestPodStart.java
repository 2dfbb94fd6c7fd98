package io.lancebackfill.cluster.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ContainerState;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class TestPodStart {

  private static Pod pod(String created, String scheduled, ContainerState state) {
    return new PodBuilder()
        .withNewMetadata()
        .withCreationTimestamp(created)
        .endMetadata()
        .withNewStatus()
        .addNewCondition()
        .withType("PodScheduled")
        .withStatus("True")
        .withLastTransitionTime(scheduled)
        .endCondition()
        .addNewContainerStatus()
        .withState(state)
        .endContainerStatus()
        .endStatus()
        .build();
  }

  private static ContainerState runningSince(String time) {
    return new ContainerStateBuilder().withNewRunning().withStartedAt(time).endRunning().build();
  }

  /** The longest of each, which need not be of the same pod; a time cut to seconds is no time. */
  @Test
  void waitsOfRunningPodsAreTold() {
    Pod pulls =
        pod("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", runningSince("2026-01-01T10:01:41Z"));
    Pod getsANode =
        pod("2026-01-01T10:00:00Z", "2026-01-01T10:00:40Z", runningSince("2026-01-01T10:00:42Z"));
    Pod sameSecond =
        pod(
            "2026-01-01T10:00:00Z",
            "2026-01-01T10:00:00.400Z",
            runningSince("2026-01-01T10:00:00Z"));
    assertThat(PodStart.longest(List.of(pulls, getsANode, sameSecond)))
        .contains(new PodStart(Duration.ofSeconds(40), Duration.ofSeconds(100)));
    assertThat(PodStart.longest(List.of(sameSecond)))
        .contains(new PodStart(Duration.ofMillis(400), Duration.ZERO));
  }

  @Test
  void podsThatDoNotRunTellNothing() {
    ContainerState waiting =
        new ContainerStateBuilder()
            .withNewWaiting()
            .withReason("ContainerCreating")
            .endWaiting()
            .build();
    assertThat(
            PodStart.longest(
                List.of(
                    pod("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", waiting),
                    new PodBuilder()
                        .withNewMetadata()
                        .withCreationTimestamp("2026-01-01T10:00:00Z")
                        .endMetadata()
                        .build())))
        .isEmpty();
  }
}
