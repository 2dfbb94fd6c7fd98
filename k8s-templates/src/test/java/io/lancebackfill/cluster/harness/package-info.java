/**
 * Kubernetes for tests, on one machine and without a container engine.
 *
 * <p>A {@link io.lancebackfill.cluster.harness.FakeCluster} is an API server, {@linkplain
 * io.lancebackfill.cluster.harness.NodeSpec nodes}, a scheduler, and a kubelet that runs the Spark
 * container of each pod as a process: with the command that the entry point of Spark's image would
 * run, an address of its own in 127.0.0.0/8, its volumes as folders, and its node's GPUs as numbers
 * in {@code NVIDIA_VISIBLE_DEVICES}. An image's name stands for a {@linkplain
 * io.lancebackfill.cluster.harness.LocalImage class path, paths and variables} of this machine:
 *
 * <pre>{@code
 * cluster = FakeCluster.in(Path.of("target/fake-cluster/NAME"))
 *     .node(NodeSpec.named("gpu-1").withLabel("pool", "gpu").withCapacity(NodeSpec.GPU, "2")
 *         .withTaint(NodeSpec.GPU, "present", "NoSchedule"))
 *     .image("spark:test", LocalImage.of(sparkHome + "/jars/*:" + bundle)
 *         .withEnvironment("SPARK_HOME", sparkHome).withEnvironment("PYSPARK_PYTHON", python))
 *     .start();
 * cluster.clientModeConf().forEach(builder::config);    // a driver in this JVM, or
 * cluster.submit("spark:test", "Main", "local:///opt/app/app.jar", conf, args);
 * }</pre>
 *
 * <p>A test waits with {@code awaitPod}, {@code awaitNoPod} and {@code awaitLog}, ends pods with
 * {@code kill}, {@code oomKill}, {@code evict}, {@code shutDown} and {@code reclaim}, and takes
 * rights away with {@code cluster.mock()}. {@code TestFakeCluster} shows each. Images, resources
 * and allocation are the test's own settings; executors need at least 512m. Closing fails if a pod
 * or a process is left. A pod's folder in the cluster's holds its {@code log} and its {@code
 * command}.
 *
 * <p>What the cluster does not have: container images, limits of memory and CPU, affinities, side
 * cars and init containers (only Spark's container runs), preStop hooks other than Spark's {@code
 * decom.sh} (SIGPWR stands for it), names of services outside JVMs; and on the mock, {@linkplain
 * io.lancebackfill.cluster.harness.api.MockApiServer what that does not have}.
 *
 * <p>Other modules depend on this module's {@code test-jar}, and on {@code kubernetes-server-mock}
 * and {@code awaitility} beside it.
 */
package io.lancebackfill.cluster.harness;
