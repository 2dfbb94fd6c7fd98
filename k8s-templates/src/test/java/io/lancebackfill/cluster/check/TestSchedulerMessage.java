package io.lancebackfill.cluster.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.cluster.check.SchedulerMessage.Kind;
import io.lancebackfill.cluster.check.SchedulerMessage.Reason;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Messages of a real scheduler, of Kubernetes 1.33. */
class TestSchedulerMessage {
  @Test
  void ofASelectorAndATaint() {
    SchedulerMessage message =
        SchedulerMessage.parse(
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s)"
                + " had untolerated taint {nvidia.com/gpu: present}. preemption: 0/2 nodes are"
                + " available: 2 Preemption is not helpful for scheduling.");

    assertThat(message)
        .isEqualTo(
            new SchedulerMessage(
                2,
                List.of(
                    new Reason(
                        1,
                        Kind.LABELS,
                        "node(s) didn't match Pod's node affinity/selector",
                        "node(s) didn't match Pod's node affinity/selector"),
                    new Reason(
                        1,
                        Kind.TAINT,
                        "nvidia.com/gpu",
                        "node(s) had untolerated taint {nvidia.com/gpu: present}"))));
    assertThat(message.mayPass()).isFalse();
  }

  @Test
  void ofResources() {
    SchedulerMessage message =
        SchedulerMessage.parse(
            "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 Insufficient cpu, 1 Too many"
                + " pods. preemption: 0/3 nodes are available: 3 No preemption victims found.");

    assertThat(message.reasons())
        .extracting(reason -> reason.nodes() + " " + reason.kind() + " " + reason.subject())
        .containsExactly("1 RESOURCE nvidia.com/gpu", "2 RESOURCE cpu", "1 RESOURCE pods");
    assertThat(message.mayPass()).isTrue();
  }

  @Test
  void ofOlderWordsAndOtherReasons() {
    assertThat(
            SchedulerMessage.parse(
                    "0/4 nodes are available: 1 node(s) had taint {team: a, b}, that the pod didn't"
                        + " tolerate, 1 node(s) were unschedulable, 1 node(s) had volume node"
                        + " affinity conflict, 1 node(s) had something new.")
                .reasons())
        .extracting(Reason::kind)
        .containsExactly(Kind.TAINT, Kind.CORDONED, Kind.VOLUME, Kind.OTHER);
  }

  @Test
  void ofTextThatCountsNothing() {
    assertThat(SchedulerMessage.parse("no nodes available to schedule pods"))
        .isEqualTo(
            new SchedulerMessage(
                0,
                List.of(
                    new Reason(
                        0,
                        Kind.OTHER,
                        "no nodes available to schedule pods",
                        "no nodes available to schedule pods"))));
  }
}
