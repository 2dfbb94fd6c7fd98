package io.lancebackfill.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.cluster.fields.SpecProblem;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every fault of a definition, with its path. */
class TestClusterSpecFaults {
  @ParameterizedTest(name = "{1}")
  @MethodSource({"texts", "clusters", "groups", "tolerations", "variables", "otherTypes"})
  void namesPlaceProblemAndRemedy(String text, String faults) {
    ClusterSpecException refused = refused(text);

    assertThat(refused.faults())
        .extracting(SpecProblem::toString)
        .containsExactlyElementsOf(faults.lines().toList());
    assertThat(refused.code()).isEqualTo("CLUSTER_SPEC_INVALID");
    assertThat(refused.getMessage().lines())
        .containsExactlyElementsOf(
            faults.lines().map(fault -> "[CLUSTER_SPEC_INVALID] " + fault).toList());
  }

  static Stream<Arguments> texts() {
    return Stream.of(
        Arguments.of("", "definition: it is empty; write its fields by name"),
        Arguments.of("- a", "definition: it is a list, not an object; write its fields by name"),
        Arguments.of(
            "{\"name\": \"c\", \"name\": \"d\"}",
            "line 1, column 21: the field before it is there twice; keep one"),
        Arguments.of(
            "{\"name\": hunter2}",
            "line 1, column 17: it is not JSON from here on; mend the JSON, or write YAML without"
                + " an outer brace"),
        Arguments.of("name: c\nname: d", "line 2, column 1: the field is there twice; keep one"),
        Arguments.of(
            "name: c\n  type: [hunter2",
            "line 2, column 7: it is not YAML from here on; mend the indentation and the quotes"),
        Arguments.of(
            "a: 1\n---\nb: 2",
            "line 2, column 1: it is not YAML from here on; mend the indentation and the quotes"),
        Arguments.of(
            "name: &n c\ntype: *n",
            "line 2, column 7: aliases are not read; write the fields again instead of '*name'"));
  }

  static Stream<Arguments> clusters() {
    return Stream.of(
        cluster("", "name: it is missing; give a DNS label: " + DNS_LABEL),
        cluster("name: My_Cluster", "name: 'My_Cluster' is not a DNS label; use " + DNS_LABEL),
        cluster("name: 7", "name: it is a number, not a text; put it in quotes"),
        cluster("name: ' '", "name: it is a blank text, not a text; put it in quotes"),
        cluster("name: c\nnamspace: ml", "namspace: there is no such field; write namespace"),
        cluster(
            "name: c\nworkerGroups: []",
            "workerGroups: there is no such field; write worker_groups"),
        cluster(
            "name: c\nprovider: aws",
            "provider: there is no such field; known are name, type, master, namespace,"
                + " credentials, image, head_group, worker_groups, admission_timeout_seconds"),
        cluster("name: c\nnamespace: a.b", "namespace: 'a.b' is not a DNS label; use " + DNS_LABEL),
        cluster(
            "name: c\nmaster: yarn",
            "master: 'yarn' is no master for type: kubernetes; give the API server,"
                + " k8s://https://host:port"),
        cluster(
            "name: c\nmaster: https://ann:hunter2@api:6443",
            "master: it holds a user or a password; leave them out: credentials has places"),
        cluster(
            "name: c\ncredentials: {in_cluster: true, context: prod}",
            "credentials.in_cluster: a kubeconfig is given as well; give one of the two: a driver"
                + " in a pod has its service account"),
        cluster(
            "name: c\ncredentials: {token: hunter2}",
            "credentials.token: there is no such field; known are kubeconfig, context, in_cluster"),
        cluster(
            "name: c\ncredentials: {kubeconfig: config}",
            "credentials.kubeconfig: 'config' is not an absolute path; use a path that begins with"
                + " '/'"),
        cluster(
            "name: c\ncredentials: {in_cluster: \"yes\"}",
            "credentials.in_cluster: it is a text, not true or false; write it without quotes"),
        cluster(
            "name: c\nadmission_timeout_seconds: 0",
            "admission_timeout_seconds: 0 is not a whole number from 1 to 604800; give seconds"),
        cluster(
            "name: c\nhead_group: {driver_host: 'host:80'}",
            "head_group.driver_host: 'host:80' is not a host name or address; use a host name or"
                + " an IP address, without a port"),
        cluster(
            "name: c\nhead_group: {num_gpus: 1}",
            "head_group.num_gpus: there is no such field; write num_cpus"),
        cluster(
            "name: c\nhead_group: 2",
            "head_group: it is a number, not an object; write its fields by name"),
        Arguments.of(
            "# YAML\n{name: c, type: mesos, image: i, worker_groups: [{name: g, memory: 4Gi}]}",
            "type: there is no type 'mesos'; give local, existing or kubernetes"),
        Arguments.of(
            "# YAML\n{name: c, image: i, worker_groups: [{name: g, memory: 4Gi}]}",
            "type: it is missing; give local, existing or kubernetes"),
        Arguments.of(
            "name: c\ntype: kubernetes\nimage: i",
            "worker_groups: there is none; give at least one group of executors"),
        Arguments.of(
            "name: c\ntype: kubernetes\nimage: I!\nworker_groups: [{name: g, memory: 4Gi}]",
            "image: 'I!' is not an image reference; use registry/repository:tag, the repository in"
                + " lower case"),
        Arguments.of(
            "name: c\ntype: kubernetes\nworker_groups: [{name: g, memory: 4Gi, image: i}]",
            "head_group.image: it is missing, and the cluster has none; give it here or to the"
                + " cluster"),
        Arguments.of(
            "name: c\ntype: kubernetes\nimage: i\nworker_groups: {name: g}",
            "worker_groups: it is an object, not a list; begin each entry with '-', or put it in"
                + " [ ]"));
  }

  static Stream<Arguments> groups() {
    return Stream.of(
        group("memory: 4Gi", "name: it is missing; give a DNS label: " + DNS_LABEL),
        group("name: g", "memory: it is missing; give the memory of one pod, as \"8Gi\""),
        group("name: g, memory: 8", "memory: it is a number, not a quantity; write it as \"8Gi\""),
        group(
            "name: g, memory: 8g",
            "memory: '8g' is not a Kubernetes quantity above 0; write it as \"8Gi\"; Spark's 8g is"
                + " 8Gi here"),
        group(
            "name: g, memory: 0Gi",
            "memory: '0Gi' is not a Kubernetes quantity above 0; write it as \"8Gi\"; Spark's 8g is"
                + " 8Gi here"),
        group(
            "name: g, memory: 800Mi",
            "memory: 800Mi less 384Mi outside of the heap leaves the JVM 416Mi, and Spark refuses"
                + " less than 450Mi; give memory: 834Mi or more"),
        group(
            "name: g, memory: 4Gi, memory_overhead: 5Gi",
            "memory_overhead: 4096Mi less 5120Mi outside of the heap leaves the JVM 0Mi, and Spark"
                + " refuses less than 450Mi; give memory: 5570Mi or more"),
        group(
            "name: g, memory: 4Gi, num_cpus: 0.5",
            "num_cpus: 0.5 is not a whole number from 1 to 1024; an executor has whole cores; a"
                + " function may take a share"),
        group(
            "name: g, memory: 4Gi, num_cpus: \"2\"",
            "num_cpus: it is a text, not a number; write it without quotes"),
        group(
            "name: g, memory: 4Gi, num_gpus: 0.5",
            "num_gpus: 0.5 is not a whole number from 0 to 64; a pod has whole GPUs; a function may"
                + " take a share of one"),
        group(
            "name: g, memory: 4Gi, num_gpus: 1, gpu_resource: gpu",
            "gpu_resource: 'gpu' is not an extended resource; use 'domain/name', as"
                + " nvidia.com/gpu"),
        group(
            "name: g, memory: 4Gi, gpu_resource: amd.com/gpu",
            "gpu_resource: the group has no GPUs; give num_gpus, or leave it out"),
        group(
            "name: g, memory: 4Gi, num_gpus: 1, discovery_script: gpus.sh",
            "discovery_script: 'gpus.sh' is not an absolute path; use a path that begins with '/'"),
        group(
            "name: g, memory: 4Gi, num_cpus: 4, cpu_limit: 3500m",
            "cpu_limit: 3500m is below the 4 that the pod requests; give at least num_cpus"),
        group(
            "name: g, memory: 4Gi, image: 'a b'",
            "image: 'a b' is not an image reference; use registry/repository:tag, the repository in"
                + " lower case"),
        group(
            "name: g, memory: 4Gi, service_account: Ann",
            "service_account: 'Ann' is not a DNS subdomain; use lower-case letters, digits, '-' and"
                + " '.', a letter or digit at the ends of each part, at most 253 characters"),
        group(
            "name: g, memory: 4Gi, node_selector: {'-pool': gpu}",
            "node_selector.-pool: '-pool' is not a label key; use an optional 'domain/' and a name"
                + " of letters, digits, '-', '_' and '.', a letter or digit at both ends, at most"
                + " 63 characters"),
        group(
            "name: g, memory: 4Gi, node_selector: {gpu: true}",
            "node_selector.gpu: its value is true or false, not a text; put it in quotes"),
        group(
            "name: g, memory: 4Gi, node_selector: gpu",
            "node_selector: it is a text, not an object; write its entries by name"),
        group(
            "name: g, memory: 4Gi, labels: {team: a b}",
            "labels.team: 'a b' is not a label value; use letters, digits, '-', '_' and '.', a"
                + " letter or digit at both ends, at most 63 characters"),
        group(
            "name: g, memory: 4Gi, labels: {spark-role: x}",
            "labels.spark-role: Spark finds its pods by it; give it another name"),
        group(
            "name: g, memory: 4Gi, extended_resources: {memory: 1Gi}",
            "extended_resources.memory: it has a field of its own; give num_cpus and memory"),
        group(
            "name: g, memory: 4Gi, extended_resources: {nvidia.com/gpu: \"1\"}",
            "extended_resources.nvidia.com/gpu: Spark would not know of these GPUs; give num_gpus"
                + " and gpu_resource"),
        group(
            "name: g, memory: 4Gi, extended_resources: {fpga: \"1\"}",
            "extended_resources.fpga: it is neither ephemeral-storage nor a 'domain/name'; write it"
                + " as nodes offer it: kubectl describe node"),
        group(
            "name: g, memory: 4Gi, extended_resources: {example.com/fpga: none}",
            "extended_resources.example.com/fpga: 'none' is not a Kubernetes quantity above 0; write"
                + " it as \"1\"; Spark's 8g is 8Gi here"),
        group(
            "name: g, memory: 4Gi, min_replicas: 3, max_replicas: 2",
            "min_replicas: 3 is above max_replicas, 2; give max_replicas or less"),
        group(
            "name: g, memory: 4Gi, min_replicas: 3, replicas: 2",
            "replicas: 2 is below min_replicas, 3; give 3"),
        group(
            "name: g, memory: 4Gi, replicas: 3, max_replicas: 2",
            "replicas: 3 is above max_replicas, 2; give 2"),
        group(
            "name: g, memory: 4Gi, idle_timeout_seconds: 1.5",
            "idle_timeout_seconds: 1.5 is not a whole number from 1 to 2592000; give seconds"),
        group(
            "name: g, memory: 4Gi, termination_grace_period_seconds: -1",
            "termination_grace_period_seconds: -1 is not a whole number from 0 to 86400; give"
                + " seconds"),
        group(
            "name: g, memory: 4Gi, spot: 1",
            "spot: it is a number, not true or false; write it without quotes"),
        group(
            "name: g, memory: 4Gi, driver_host: h",
            "driver_host: there is no such field; known are name, spot, labels, env_vars,"
                + " secret_env_vars, termination_grace_period_seconds, image, service_account,"
                + " node_selector, tolerations, num_cpus, memory, memory_overhead, num_gpus,"
                + " gpu_resource, discovery_script, cpu_limit, extended_resources, min_replicas,"
                + " max_replicas, replicas, idle_timeout_seconds"),
        Arguments.of(
            "name: c\ntype: kubernetes\nimage: i\n"
                + "worker_groups: [{name: g, memory: 4Gi}, {name: g, memory: 8Gi}]",
            "worker_groups[1].name: 'g' is there twice; give each its own name"));
  }

  static Stream<Arguments> tolerations() {
    return Stream.of(
        toleration("key: a, operator: In", "operator: there is no 'In'; give Equal or Exists"),
        toleration(
            "key: a, operator: Exists, value: b",
            "value: Exists takes none; leave it out, or give operator: Equal"),
        toleration("value: b", "key: it is missing; give the taint's key, or operator: Exists"),
        toleration(
            "key: a, effect: Evict",
            "effect: there is no 'Evict'; give NoSchedule, PreferNoSchedule or NoExecute"),
        toleration(
            "key: a, effect: NoSchedule, toleration_seconds: 5",
            "toleration_seconds: it goes with NoExecute alone; give effect: NoExecute"),
        toleration(
            "key: a, value: true", "value: it is true or false, not a text; put it in quotes"),
        toleration(
            "key: a/b/c",
            "key: 'a/b/c' is not a label key; use an optional 'domain/' and a name of letters,"
                + " digits, '-', '_' and '.', a letter or digit at both ends, at most 63"
                + " characters"),
        toleration("key: a, efect: NoSchedule", "efect: there is no such field; write effect"));
  }

  static Stream<Arguments> variables() {
    return Stream.of(
        secret("HF_TOKEN", "hunter2"),
        secret("DB_PASSWORD", "hunter2"),
        secret("DB_PASSWORD", "/hunter2/abc"),
        secret("AWS_SECRET_ACCESS_KEY", "hunter2"),
        secret("OPENAI_API_KEY", "hunter2"),
        secret("azure_client_secret", "hunter2"),
        secret("NOTE", "sk-abcdefghijklmnop1234"),
        secret("NOTE", "https://ann:hunter2@example.com/"),
        group(
            "name: g, memory: 4Gi, env_vars: {A-B: x}",
            "env_vars.A-B: 'A-B' is not a name of an environment variable; use letters, digits and"
                + " '_', no digit first"),
        group(
            "name: g, memory: 4Gi, env_vars: {A: 42}",
            "env_vars.A: its value is a number, not a text; put it in quotes"),
        group(
            "name: g, memory: 4Gi, env_vars: {SPARK_EXECUTOR_ID: x}",
            "env_vars.SPARK_EXECUTOR_ID: variables that begin with SPARK_ are Spark's own in its"
                + " pods; give it another name, or set the property of Spark that is meant"),
        group(
            "name: g, memory: 4Gi, env_vars: {A: x}, secret_env_vars: {A: {secret: s, key: k}}",
            "env_vars.A: secret_env_vars has it as well; give it in one of the two"),
        group(
            "name: g, memory: 4Gi, secret_env_vars: {A: hunter2}",
            "secret_env_vars.A: it is a text, not an object; write its fields by name",
            "secret_env_vars.A.secret: it is missing; give a DNS subdomain: lower-case letters,"
                + " digits, '-' and '.', a letter or digit at the ends of each part, at most 253"
                + " characters",
            "secret_env_vars.A.key: it is missing; give a key of a secret: letters, digits, '-',"
                + " '_' and '.', at most 253 characters"),
        group(
            "name: g, memory: 4Gi, secret_env_vars: {A: {secret: s, key: k, value: hunter2}}",
            "secret_env_vars.A.value: there is no such field; known are secret, key"));
  }

  static Stream<Arguments> otherTypes() {
    return Stream.of(
        Arguments.of(
            "name: c\ntype: local\nworker_groups: []",
            "worker_groups: a local cluster has no workers; leave them out, or give type: existing"
                + " or kubernetes"),
        Arguments.of(
            "name: c\ntype: local\nmaster: spark://h:7077",
            "master: 'spark://h:7077' is no master for type: local; give local[*] or local[4]"),
        Arguments.of(
            "name: c\ntype: existing\nmaster: h:7077",
            "master: 'h:7077' is no master for type: existing; give spark://host:port or yarn,"
                + " or leave it out"),
        Arguments.of(
            "name: c\ntype: existing\nnamespace: ml",
            "namespace: a cluster of type existing has none; leave it out, or give type:"
                + " kubernetes"),
        Arguments.of(
            "name: c\ntype: existing\nworker_groups: [{name: g, memory: 4Gi, node_selector: {a: b}}]",
            "worker_groups[0].node_selector: only pods have it, and this cluster's executors are"
                + " none; leave it out, or give type: kubernetes"));
  }

  @Test
  void reportsAllFaultsAtOnce() {
    ClusterSpecException refused =
        refused(
            """
            name: C
            type: kubernetes
            image: i
            worker_groups:
            - name: g
              memory: 4Gi
            - name: g
              memory: lots
              tolerations: [{key: a, operator: is}]
              env_vars: {TOKEN: hunter2}
            """);

    assertThat(refused.faults())
        .extracting(SpecProblem::path)
        .containsExactly(
            "name",
            "worker_groups[1].env_vars.TOKEN",
            "worker_groups[1].tolerations[0].operator",
            "worker_groups[1].memory",
            "worker_groups[1].name");
    assertThat(refused).hasMessageContaining("is there twice");
  }

  private static final String DNS_LABEL =
      "lower-case letters, digits and '-', a letter or digit at both ends, at most 63 characters";

  private static ClusterSpecException refused(String text) {
    ClusterSpecException refused =
        catchThrowableOfType(ClusterSpecException.class, () -> ClusterSpec.parse(text));
    assertThat(refused).as("refused").isNotNull();
    assertThat(refused.getMessage()).doesNotContain("hunter2");
    assertThat(refused.getCause()).isNull();
    return refused;
  }

  private static Arguments cluster(String fields, String fault) {
    return Arguments.of(
        "type: kubernetes\nimage: i\nworker_groups: [{name: g, memory: 4Gi}]\n" + fields, fault);
  }

  private static Arguments group(String fields, String... faults) {
    return Arguments.of(
        "name: c\ntype: kubernetes\nimage: i\nworker_groups: [{" + fields + "}]",
        Stream.of(faults).map(f -> "worker_groups[0]." + f).collect(Collectors.joining("\n")));
  }

  private static Arguments toleration(String fields, String fault) {
    return group(
        "name: g, memory: 4Gi, tolerations: [{" + fields + "}]", "tolerations[0]." + fault);
  }

  private static Arguments secret(String name, String value) {
    return group(
        "name: g, memory: 4Gi, env_vars: {" + name + ": '" + value + "'}",
        "env_vars."
            + name
            + ": it looks like a secret, and a definition is stored and shown as text; put the"
            + " value in a Kubernetes secret, and give secret_env_vars."
            + name
            + " its name and key");
  }
}
