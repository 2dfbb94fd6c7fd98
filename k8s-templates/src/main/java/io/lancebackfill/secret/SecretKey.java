package io.lancebackfill.secret;

/**
 * Where a secret value is kept: a Kubernetes secret. The value itself is never read here.
 *
 * @param secret the secret's name
 * @param key the key in it
 */
public record SecretKey(String secret, String key) {
  /** As manifests write it: {@code secret/key}. */
  @Override
  public String toString() {
    return secret + "/" + key;
  }
}
