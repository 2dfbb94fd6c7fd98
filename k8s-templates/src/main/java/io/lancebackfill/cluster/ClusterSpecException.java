package io.lancebackfill.cluster;

import io.lancebackfill.cluster.fields.SpecProblem;
import java.util.List;
import java.util.stream.Collectors;

/** A definition with everything that is wrong with it. */
public final class ClusterSpecException extends RuntimeException {
  public static final String CODE = "CLUSTER_SPEC_INVALID";

  private final List<SpecProblem> faults;

  ClusterSpecException(List<SpecProblem> faults) {
    super(
        faults.stream()
            .map(fault -> "[" + CODE + "] " + fault)
            .collect(Collectors.joining(System.lineSeparator())));
    this.faults = List.copyOf(faults);
  }

  public String code() {
    return CODE;
  }

  public List<SpecProblem> faults() {
    return faults;
  }
}
