package io.lancebackfill.cluster.files;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.PolicyRuleBuilder;
import io.fabric8.kubernetes.api.model.rbac.RoleBindingBuilder;
import io.fabric8.kubernetes.api.model.rbac.RoleBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.SparkRights;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Accounts, and roles with the least rights, all of one namespace. Executors need none. */
final class Rbac {
  private static final String DRIVER_ROLE = "lance-backfill-driver";
  private static final String SUBMITTER = "lance-backfill-submitter";

  private Rbac() {}

  static List<HasMetadata> of(ClusterSpec cluster) {
    String namespace = cluster.access().namespace();
    String driver = SparkRights.driverAccount(cluster);
    TreeSet<String> accounts = new TreeSet<>(List.of(driver, SUBMITTER));
    for (WorkerGroup group : cluster.workerGroups()) {
      if (group.pod().serviceAccount() != null) {
        accounts.add(group.pod().serviceAccount());
      }
    }
    List<HasMetadata> objects = new ArrayList<>();
    for (String account : accounts) {
      objects.add(
          new ServiceAccountBuilder()
              .withNewMetadata()
              .withName(account)
              .withNamespace(namespace)
              .endMetadata()
              .build());
    }
    grant(objects, namespace, DRIVER_ROLE, driver, SparkRights.ofDriver());
    grant(objects, namespace, SUBMITTER, SUBMITTER, SparkRights.ofSubmitter());
    return objects;
  }

  private static void grant(
      List<HasMetadata> objects,
      String namespace,
      String role,
      String account,
      List<SparkRights> rights) {
    List<PolicyRule> rules =
        rights.stream()
            .map(
                right ->
                    new PolicyRuleBuilder()
                        .withApiGroups("")
                        .withResources(right.resource())
                        .withVerbs(right.verbs())
                        .build())
            .toList();
    objects.add(
        new RoleBuilder()
            .withNewMetadata()
            .withName(role)
            .withNamespace(namespace)
            .endMetadata()
            .withRules(rules)
            .build());
    objects.add(
        new RoleBindingBuilder()
            .withNewMetadata()
            .withName(role)
            .withNamespace(namespace)
            .endMetadata()
            .addNewSubject()
            .withKind("ServiceAccount")
            .withName(account)
            .withNamespace(namespace)
            .endSubject()
            .withNewRoleRef()
            .withApiGroup("rbac.authorization.k8s.io")
            .withKind("Role")
            .withName(role)
            .endRoleRef()
            .build());
  }
}
