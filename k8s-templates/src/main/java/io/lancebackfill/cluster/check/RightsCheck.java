package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.authorization.v1.LocalSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.LocalSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.api.model.authorization.v1.SubjectAccessReviewStatus;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.SparkRights;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;

/** Whether accounts may do what Spark does in their name. */
final class RightsCheck {
  private final KubernetesClient client;
  private final String namespace;

  RightsCheck(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  Optional<Finding> ofCaller(List<SparkRights> rights) {
    return missing(
        "this account",
        rights,
        (resource, verb) -> {
          SelfSubjectAccessReview review =
              client
                  .authorization()
                  .v1()
                  .selfSubjectAccessReview()
                  .create(
                      new SelfSubjectAccessReviewBuilder()
                          .withNewSpec()
                          .withNewResourceAttributes()
                          .withNamespace(namespace)
                          .withResource(resource)
                          .withVerb(verb)
                          .endResourceAttributes()
                          .endSpec()
                          .build());
          return allowed(review.getStatus());
        });
  }

  /** Empty also where the caller may not ask. */
  Optional<Finding> ofServiceAccount(String account, List<SparkRights> rights) {
    return ClusterState.allowed(
            () ->
                missing(
                    "service account " + account,
                    rights,
                    (resource, verb) -> {
                      LocalSubjectAccessReview review =
                          client
                              .authorization()
                              .v1()
                              .localSubjectAccessReview()
                              .inNamespace(namespace)
                              .create(
                                  new LocalSubjectAccessReviewBuilder()
                                      .withNewMetadata()
                                      .withNamespace(namespace)
                                      .endMetadata()
                                      .withNewSpec()
                                      .withUser(
                                          "system:serviceaccount:" + namespace + ":" + account)
                                      .withNewResourceAttributes()
                                      .withNamespace(namespace)
                                      .withResource(resource)
                                      .withVerb(verb)
                                      .endResourceAttributes()
                                      .endSpec()
                                      .build());
                      return allowed(review.getStatus());
                    }))
        .flatMap(found -> found);
  }

  private static boolean allowed(SubjectAccessReviewStatus status) {
    return status != null && Boolean.TRUE.equals(status.getAllowed());
  }

  private Optional<Finding> missing(
      String account, List<SparkRights> rights, BiPredicate<String, String> allowed) {
    List<String> missing = new ArrayList<>();
    for (SparkRights right : rights) {
      List<String> verbs =
          right.verbs().stream().filter(verb -> !allowed.test(right.resource(), verb)).toList();
      if (!verbs.isEmpty()) {
        missing.add(right.resource() + " " + String.join(", ", verbs));
      }
    }
    return missing.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Finding(
                FindingCode.RIGHTS_MISSING,
                Severity.ERROR,
                account + " lacks rights in namespace " + namespace,
                "it may not: " + String.join("; ", missing),
                "Bind it to the role of the generated rbac.yaml"));
  }
}
