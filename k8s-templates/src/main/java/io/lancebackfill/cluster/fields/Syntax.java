package io.lancebackfill.cluster.fields;

import java.util.regex.Pattern;

/** What Kubernetes and Spark accept as a name, by kind of name. */
public enum Syntax {
  DNS_LABEL(
      "DNS label",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
      63,
      "lower-case letters, digits and '-', a letter or digit at both ends, at most 63 characters"),
  DNS_SUBDOMAIN(
      "DNS subdomain",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
      253,
      "lower-case letters, digits, '-' and '.', a letter or digit at the ends of each part, at most"
          + " 253 characters"),
  /** The prefix's own length is bounded by the 253 characters of a subdomain. */
  LABEL_KEY(
      "label key",
      "([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
          + "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
      317,
      "an optional 'domain/' and a name of letters, digits, '-', '_' and '.', a letter or digit at"
          + " both ends, at most 63 characters"),
  LABEL_VALUE(
      "label value",
      "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
      63,
      "letters, digits, '-', '_' and '.', a letter or digit at both ends, at most 63 characters"),
  RESOURCE(
      "extended resource",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/"
          + "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
      317,
      "'domain/name', as nvidia.com/gpu"),
  ENV_NAME(
      "name of an environment variable",
      "[A-Za-z_][A-Za-z0-9_]*",
      1024,
      "letters, digits and '_', no digit first"),
  SECRET_KEY(
      "key of a secret",
      "[-._a-zA-Z0-9]+",
      253,
      "letters, digits, '-', '_' and '.', at most 253 characters"),
  IMAGE(
      "image reference",
      "([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
          + "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?",
      512,
      "registry/repository:tag, the repository in lower case"),
  HOST(
      "host name or address",
      "[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|[0-9a-fA-F:]+",
      253,
      "a host name or an IP address, without a port"),
  ABSOLUTE_PATH("absolute path", "/[^\\s:]*", 4096, "a path that begins with '/'");

  private final String kind;
  private final Pattern pattern;
  private final int longest;
  private final String rule;

  Syntax(String kind, String pattern, int longest, String rule) {
    this.kind = kind;
    this.pattern = Pattern.compile(pattern);
    this.longest = longest;
    this.rule = rule;
  }

  public boolean accepts(String text) {
    return text.length() <= longest && pattern.matcher(text).matches();
  }

  /** With the article: {@code a DNS label}. */
  String kind() {
    return ("aeiou".indexOf(kind.charAt(0)) < 0 ? "a " : "an ") + kind;
  }

  String rule() {
    return rule;
  }
}
