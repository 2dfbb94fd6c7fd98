package io.lancebackfill.manifest;

import java.io.Serializable;

/**
 * One fault of a manifest.
 *
 * @param place where it is: {@code pip[2]}, {@code env_vars.NAME}, {@code line 3, column 7}, or a
 *     path
 * @param problem problem and remedy; holds no value that could be a secret
 */
public record ManifestFault(String place, String problem) implements Serializable {
  @Override
  public String toString() {
    return place + ": " + problem;
  }
}
