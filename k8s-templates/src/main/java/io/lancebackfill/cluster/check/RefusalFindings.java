package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.client.KubernetesClientException;
import io.lancebackfill.cluster.check.Finding.Severity;
import java.net.HttpURLConnection;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a refusal of the API server means. */
final class RefusalFindings {
  private static final int UNPROCESSABLE = 422;

  /** The client puts them before what the API server said. */
  private static final Pattern CLIENTS_WORDS =
      Pattern.compile(
          "Forbidden! ?(?:User \\S+|Configured service account) doesn't have"
              + " (?:permission|access)\\.(?: Service account may have been revoked\\.)? ?");

  /** Admission also forbids, in other words. */
  private static final Pattern RBAC = Pattern.compile("is forbidden: User \\S+ cannot ");

  private RefusalFindings() {}

  /**
   * The finding of a refusal.
   *
   * @param problem what was refused, in words
   */
  static Finding of(String problem, KubernetesClientException e) {
    String text = text(e);
    if (text.contains("exceeded quota")) {
      return error(
          FindingCode.QUOTA_EXCEEDED,
          problem,
          text,
          "Raise the namespace's quota, end what uses it up, or lower max_replicas, num_cpus or"
              + " memory of the group; Spark itself would try again for ever and say nothing");
    }
    if (RBAC.matcher(text).find()) {
      return error(
          FindingCode.RIGHTS_MISSING,
          problem,
          text,
          "Bind the account to the role of the generated rbac.yaml");
    }
    if (e.getCode() < HttpURLConnection.HTTP_BAD_REQUEST) {
      return error(
          FindingCode.CLUSTER_UNREACHABLE,
          "the API server does not answer",
          text,
          "Check the definition's master, the network, and the kubeconfig's context");
    }
    return switch (e.getCode()) {
      case HttpURLConnection.HTTP_UNAUTHORIZED ->
          error(
              FindingCode.CREDENTIALS_REFUSED,
              "the API server does not know this account",
              text,
              "Renew the login of the kubeconfig's context, or name another context");
      case HttpURLConnection.HTTP_NOT_FOUND ->
          error(
              FindingCode.NAMESPACE_MISSING,
              problem,
              text,
              "Create the namespace, or give the one that is meant");
      case UNPROCESSABLE ->
          error(
              FindingCode.POD_INVALID,
              problem,
              text,
              "Change the field of the group that it names");
      default ->
          error(
              FindingCode.POD_REFUSED,
              problem,
              text,
              "Grant what it names, or change the group so that the rule is met");
    };
  }

  private static Finding error(FindingCode code, String problem, String cause, String remedy) {
    return new Finding(code, Severity.ERROR, problem, cause, remedy);
  }

  private static String text(KubernetesClientException e) {
    String text =
        e.getStatus() == null || e.getStatus().getMessage() == null
            ? String.valueOf(e.getMessage())
            : e.getStatus().getMessage();
    Matcher words = CLIENTS_WORDS.matcher(text);
    String own = (words.find() ? text.substring(words.end()) : text).strip();
    return own.endsWith(".") ? own.substring(0, own.length() - 1) : own;
  }
}
