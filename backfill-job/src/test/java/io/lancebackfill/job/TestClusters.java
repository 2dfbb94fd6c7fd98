package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clusters that a catalog has definitions of, and jobs that name one. */
class TestClusters {
  private static final String POOLS =
      """
      name: pools
      type: kubernetes
      namespace: media
      credentials: {in_cluster: true}
      image: registry.example.com/spark:1
      head_group: {num_cpus: 1, memory: 2Gi, service_account: driver}
      worker_groups:
        - name: cpu
          num_cpus: 4
          memory: 8Gi
          max_replicas: 10
          node_selector: {pool: cpu}
        - name: gpu
          num_cpus: 8
          memory: 64Gi
          num_gpus: 2
          max_replicas: 4
          node_selector: {pool: gpu}
          tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      """;

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static Row define(String spec) {
    return session
        .spark()
        .sql(
            "CALL lance.system.define_cluster(spec => :spec)", Map.<String, Object>of("spec", spec))
        .collectAsList()
        .get(0);
  }

  @Test
  void definitionsAreKeptReplacedAndForgotten() {
    Row defined = define(POOLS.replace("name: pools", "name: kept"));
    assertThat(defined.<String>getAs("name")).isEqualTo("kept");
    assertThat(defined.<String>getAs("type")).isEqualTo("kubernetes");
    assertThat(defined.<Integer>getAs("worker_groups")).isEqualTo(2);
    define("{\"name\": \"kept\", \"type\": \"local\"}");
    List<Row> all =
        session.sql("CALL lance.system.clusters()").where("name = 'kept'").collectAsList();
    assertThat(all).hasSize(1);
    assertThat(all.get(0).<String>getAs("type")).isEqualTo("local");
    assertThat(session.call("drop_cluster('kept')").getString(0)).isEqualTo("kept");
    assertThat(session.sql("CALL lance.system.drop_cluster('kept', true)").collectAsList())
        .isEmpty();
    assertThatThrownBy(() -> session.call("drop_cluster('kept')"))
        .hasMessageStartingWith("[CLUSTER_NOT_FOUND] No cluster 'kept' is defined");
  }

  @Test
  void everyFaultOfADefinitionIsToldWithItsPlace() {
    assertThatThrownBy(
            () ->
                define(
                    POOLS
                        .replace("num_cpus: 4", "num_cpus: none")
                        .replace("operator: Exists", "operator: Likes")))
        .hasMessageContaining("[CLUSTER_SPEC_INVALID] worker_groups[0].num_cpus: ")
        .hasMessageContaining("[CLUSTER_SPEC_INVALID] worker_groups[1].tolerations[0].operator: ");
    assertThat(session.sql("CALL lance.system.clusters()").where("name = 'pools'").collectAsList())
        .isEmpty();
  }

  @Test
  void theSettingsOfASessionOnOne() {
    define(POOLS.replace("name: pools", "name: settled"));
    List<Row> client = session.sql("CALL lance.system.cluster_settings('settled')").collectAsList();
    assertThat(client)
        .contains(
            RowFactory.create("spark.kubernetes.namespace", "media"),
            RowFactory.create("spark.submit.deployMode", "client"));
    assertThat(
            session.sql("CALL lance.system.cluster_settings('settled', 'cluster')").collectAsList())
        .contains(RowFactory.create("spark.submit.deployMode", "cluster"));
    assertThatThrownBy(() -> session.call("cluster_settings('settled', 'cloud')"))
        .hasMessageStartingWith("[INVALID_ARGUMENT] Argument 'deploy_mode' is 'cloud'.");
  }

  @Test
  void aSessionElsewhereGoesOnWithWhatItHasAndSaysSo() {
    define(POOLS.replace("name: pools", "name: elsewhere"));
    String table = session.table("on_cluster", 100, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    JobNotices job = new JobNotices();
    job.run(session.spark(), table, "n", Map.of("cluster", "elsewhere"));
    assertThat(job.notices)
        .anySatisfy(
            notice ->
                assertThat(notice)
                    .contains("cluster elsewhere: this session, local[2], keeps to what it was"));
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = length(text)", table))
        .isEqualTo(100);
  }

  @Test
  void aCallThatLeavesSlotsIdleIsToldSo() {
    String table = session.table("idle", 100, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    JobNotices job = new JobNotices();
    job.run(session.spark(), table, "n", Map.of("concurrency", 1));
    assertThat(job.notices)
        .contains(
            "concurrency is 1, and 2 tasks could run at once here: the rest idles. Leave it out, or raise it");
  }

  @Test
  void whatNoGroupHasIsRefusedWithItsNumbers() {
    define(POOLS.replace("name: pools", "name: small"));
    String table = session.table("unfit", 10, 1, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', cluster => 'small', num_gpus => 3,"
                        + " num_cpus => 6)",
                    table))
        .hasMessageStartingWith("[CLUSTER_GROUP_UNFIT] no worker group of cluster small has")
        .hasMessageContaining("cpu has num_cpus 4 of 6, num_gpus 0 of 3; gpu has num_gpus 2 of 3");
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', cluster => 'small',"
                        + " worker_group => 'tpu')",
                    table))
        .hasMessageStartingWith("[CLUSTER_GROUP_UNFIT] cluster small has no worker group 'tpu'");
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', cluster => 'none', recompute => 3)",
                    table))
        .hasMessageContaining("[CLUSTER_NOT_FOUND] No cluster 'none' is defined in this catalog.");
  }

  @ParameterizedTest
  @CsvSource({"small, 8, 1", "medium, 64, 8", "large, 512, 64"})
  void theDefinitionsOfTheGuideHoldWhatTheySay(String name, int cpuTasks, int gpus)
      throws Exception {
    Path guide = Path.of("..");
    define(Files.readString(guide.resolve("docs/clusters/" + name + ".yaml")));
    for (String gpu : List.of("0", "1")) {
      int tasks = gpu.equals("1") ? gpus : cpuTasks;
      List<Row> findings =
          session
              .sql(
                  "CALL lance.system.check_cluster(name => '%s', num_gpus => %sD, concurrency => %d)",
                  name, gpu, tasks)
              .where("severity <> 'ERROR' AND code IN ('SIZING', 'CLUSTER_SPEC')")
              .collectAsList();
      assertThat(findings).hasSize(1);
      String table = findings.get(0).getAs("cause");
      // The last line has the sums: pods, CPUs, memory, GPUs and the tasks that run at once.
      assertThat(table.lines().toList().get(table.lines().toList().size() - 1))
          .matches("in all +.* " + (gpu.equals("1") ? gpus : 0) + " +" + tasks);
    }
  }

  @Test
  void theDefinitionThatTheGuideShowsIsTaken() throws Exception {
    String guide = Files.readString(Path.of("..", "docs", "clusters.md"));
    int from = guide.indexOf("```yaml") + "```yaml".length();
    String spec = guide.substring(from, guide.indexOf("```", from));
    Row defined = define(spec.replace("name: pools", "name: of-the-guide"));
    assertThat(defined.<Integer>getAs("worker_groups")).isEqualTo(2);
    String secret = "secret_env_vars: {HF_TOKEN: {secret: hub, key: token}}";
    assertThat(guide).contains(secret);
    define(
        POOLS
            .replace("name: pools", "name: guide")
            .replace("max_replicas: 10", "max_replicas: 10\n    " + secret));
  }
}
