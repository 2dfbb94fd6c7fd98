package io.lancebackfill.manifest;

/**
 * Where a secret value is kept: a Kubernetes secret. The value itself is never read here.
 *
 * @param secret the secret's name
 * @param key the key in it
 */
public record SecretRef(String secret, String key) {
  /** As it is written in a manifest: {@code secret/key}. */
  @Override
  public String toString() {
    return secret + "/" + key;
  }
}
