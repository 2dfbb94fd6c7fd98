package io.lancebackfill.context;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.WorkerGroup;
import org.junit.jupiter.api.Test;

class TestPodFindings {
  private static final String MASTER = "k8s://https://10.0.0.1:6443";

  private static ClusterSpec.Builder pools() {
    return ClusterSpec.builder("pools", ClusterType.KUBERNETES)
        .image("registry/image:1")
        .headGroup(HeadGroup.builder().numCpus(1).memory("4Gi"))
        .workerGroup(WorkerGroup.builder("cpu").numCpus(2).memory("4Gi").maxReplicas(2));
  }

  @Test
  void aSessionAsksWithItsCredentialsWhereADefinitionNamesItsMasterAndNoOthers() {
    assertThat(PodFindings.namesNoMoreThan(MASTER, pools().master(MASTER).build())).isTrue();
    assertThat(
            PodFindings.namesNoMoreThan(
                MASTER, pools().master("https://10.0.0.1:6443").namespace("jobs").build()))
        .isTrue();
  }

  /** Such a definition may mean another cluster, whatever the session runs on. */
  @Test
  void aDefinitionThatNamesNoMasterOrCredentialsOfItsOwnIsAskedWithThem() {
    for (ClusterSpec.Builder other :
        new ClusterSpec.Builder[] {
          pools(),
          pools().master("k8s://https://10.0.0.2:6443"),
          pools().master(MASTER).kubeconfig("/home/ann/.kube/other", null),
          pools().master(MASTER).kubeconfig(null, "other"),
          pools().master(MASTER).inCluster()
        }) {
      assertThat(PodFindings.namesNoMoreThan(MASTER, other.build())).isFalse();
    }
  }
}
