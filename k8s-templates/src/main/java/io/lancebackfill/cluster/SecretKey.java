package io.lancebackfill.cluster;

/** Where the value of an environment variable lies: a key of a Kubernetes secret. */
public record SecretKey(String secret, String key) {}
