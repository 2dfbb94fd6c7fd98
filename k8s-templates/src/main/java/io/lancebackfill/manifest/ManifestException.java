package io.lancebackfill.manifest;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A manifest is refused, or what it names cannot be packaged, for one or more faults. The message
 * has a line for each: {@code [MANIFEST_INVALID] place: problem. remedy.}
 */
public final class ManifestException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** The code of every fault. */
  public static final String CODE = "MANIFEST_INVALID";

  @SuppressWarnings("serial") // List.of() is serialisable.
  private final List<ManifestFault> faults;

  /**
   * All faults of one manifest.
   *
   * @param faults at least one
   */
  public ManifestException(List<ManifestFault> faults) {
    this(faults, null);
  }

  /**
   * All faults of one manifest.
   *
   * @param faults at least one
   * @param cause what made it known, if that was an exception
   */
  public ManifestException(List<ManifestFault> faults, @Nullable Throwable cause) {
    super(
        faults.stream().map(fault -> "[" + CODE + "] " + fault).collect(Collectors.joining("\n")),
        cause);
    this.faults = List.copyOf(faults);
  }

  public String code() {
    return CODE;
  }

  /** In the order in which they were found. */
  public List<ManifestFault> faults() {
    return faults;
  }
}
