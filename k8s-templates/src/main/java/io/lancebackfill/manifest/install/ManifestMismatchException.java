package io.lancebackfill.manifest.install;

import java.io.Serializable;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A worker is not what a manifest was packaged for. The message has a line for each difference,
 * with both values.
 */
public final class ManifestMismatchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The code of every difference. */
  public static final String CODE = "ENVIRONMENT_MISMATCH";

  /**
   * One difference.
   *
   * @param name {@code python}, {@code architecture}, or a package's name
   * @param wanted by the manifest
   * @param found on the worker
   */
  public record Difference(String name, String wanted, String found) implements Serializable {}

  @SuppressWarnings("serial") // List.of() is serialisable.
  private final List<Difference> differences;

  ManifestMismatchException(String manifest, String python, List<Difference> differences) {
    super(
        differences.stream()
            .map(
                each ->
                    "["
                        + CODE
                        + "] "
                        + each.name()
                        + ": manifest '"
                        + manifest
                        + "' wants "
                        + each.wanted()
                        + ", "
                        + python
                        + " of this worker has "
                        + each.found()
                        + ". Package the manifest for these workers, or use an image that has it.")
            .collect(Collectors.joining("\n")));
    this.differences = List.copyOf(differences);
  }

  public String code() {
    return CODE;
  }

  /** At least one. */
  public List<Difference> differences() {
    return differences;
  }
}
