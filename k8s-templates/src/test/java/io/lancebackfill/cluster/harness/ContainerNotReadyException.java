package io.lancebackfill.cluster.harness;

/** A container cannot start yet, since something that its pod names does not exist. */
final class ContainerNotReadyException extends Exception {
  private final String reason;

  /**
   * @param reason of the container's waiting state: ContainerCreating, CreateContainerConfigError
   */
  ContainerNotReadyException(String reason, String message) {
    super(message);
    this.reason = reason;
  }

  String reason() {
    return reason;
  }
}
