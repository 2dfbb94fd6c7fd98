package io.lancebackfill.cluster.fields;

/**
 * A fault or a trap at one place of a definition.
 *
 * @param path the place, as {@code worker_groups[1].tolerations[0].operator}, or {@code line 3,
 *     column 5} of a text that could not be read
 */
public record SpecProblem(String path, String problem, String remedy) {
  @Override
  public String toString() {
    return path + ": " + problem + "; " + remedy;
  }
}
