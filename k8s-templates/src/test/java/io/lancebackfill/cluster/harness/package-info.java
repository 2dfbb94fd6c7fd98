/**
 * Kubernetes for tests, on one machine and without a container engine: {@link
 * io.lancebackfill.cluster.harness.FakeCluster}.
 */
package io.lancebackfill.cluster.harness;
