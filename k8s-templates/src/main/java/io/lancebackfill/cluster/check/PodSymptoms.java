package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.ContainerState;
import io.fabric8.kubernetes.api.model.ContainerStateTerminated;
import io.fabric8.kubernetes.api.model.ContainerStateWaiting;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.ExecutorGroupStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads what is wrong with a pod from its status and, where they may be seen, events and nodes. */
final class PodSymptoms {
  /**
   * What is wrong with a pod, without its name.
   *
   * @param happens what is seen, to stand before the pods' names
   */
  record Symptom(FindingCode code, Severity severity, String happens, String cause, String remedy) {
    Finding finding(String pods) {
      return new Finding(code, severity, happens + " " + pods, cause, remedy);
    }
  }

  private static final Set<String> IMAGE =
      Set.of(
          "ErrImagePull",
          "ImagePullBackOff",
          "InvalidImageName",
          "ErrImageNeverPull",
          "RegistryUnavailable",
          "ImageInspectError");
  private static final Set<String> START =
      Set.of("CreateContainerError", "RunContainerError", "CrashLoopBackOff", "StartError");
  private static final Set<String> NODE_ENDS =
      Set.of("NodeLost", "Terminated", "NodeShutdown", "Shutdown", "Preempting", "NodeAffinity");
  private static final Set<String> MOUNT_EVENTS = Set.of("FailedMount", "FailedAttachVolume");
  private static final int SIGKILL = 137;

  private final ClusterState state;
  private final Optional<List<Node>> nodes;
  private final List<Pod> others;

  PodSymptoms(ClusterState state, Optional<List<Node>> nodes, List<Pod> others) {
    this.state = state;
    this.nodes = nodes;
    this.others = others;
  }

  static boolean unschedulable(Pod pod) {
    return "Pending".equals(phase(pod)) && condition(pod, "PodScheduled", "False").isPresent();
  }

  /** Empty of a pod that runs or has ended well. */
  Optional<Symptom> of(Pod pod) {
    if (pod.getStatus() == null || pod.getMetadata().getDeletionTimestamp() != null) {
      return Optional.empty();
    }
    return switch (phase(pod)) {
      case "Pending" -> Optional.of(pending(pod));
      case "Failed" -> Optional.of(failed(pod));
      case "Unknown" -> Optional.of(nodeLost("its node does not answer"));
      default -> terminated(pod).filter(end -> end.getExitCode() != 0).map(PodSymptoms::ended);
    };
  }

  private Symptom pending(Pod pod) {
    @Nullable String fault = annotation(pod, ExecutorGroupStep.FAULT);
    if (fault != null) {
      return new Symptom(
          FindingCode.PLACEMENT_UNREADABLE,
          Severity.ERROR,
          "no place for",
          "the session's settings of its group cannot be read: " + fault,
          "Start the job again; settings that begin with spark.lancebackfill.cluster. are not to be"
              + " set by hand");
    }
    Optional<PodCondition> unscheduled = condition(pod, "PodScheduled", "False");
    if (unscheduled.isPresent()) {
      return unschedulable(pod, unscheduled.get());
    }
    Optional<ContainerStateWaiting> waiting =
        container(pod, ContainerState::getWaiting).filter(w -> w.getReason() != null);
    return waiting.flatMap(PodSymptoms::waits).orElseGet(() -> starting(pod, waiting));
  }

  private Symptom unschedulable(Pod pod, PodCondition condition) {
    SchedulerMessage message =
        SchedulerMessage.parse(
            Objects.requireNonNullElse(condition.getMessage(), "no reason given"));
    List<String> counted = new ArrayList<>();
    for (SchedulerMessage.Reason reason : message.reasons()) {
      counted.add(
          (reason.nodes() == 0 ? "" : reason.nodes() + " of " + message.nodes() + " ")
              + reason.text());
    }
    String says = "the scheduler says: " + String.join(", ", counted);
    List<Event> events = state.events(pod);
    Optional<Event> up = last(events, Set.of("TriggeredScaleUp"));
    Optional<Event> notUp = last(events, Set.of("NotTriggerScaleUp"));
    if (up.isPresent()) {
      return new Symptom(
          FindingCode.POD_STARTING,
          Severity.INFO,
          "a new node is on its way for",
          says + "; the autoscaler says: " + up.get().getMessage(),
          "Wait for the node");
    }
    String autoscaler =
        notUp.map(event -> "; the autoscaler says: " + event.getMessage()).orElse("");
    if (nodes.isEmpty()) {
      return new Symptom(
          FindingCode.POD_UNSCHEDULABLE,
          message.mayPass() ? Severity.WARNING : Severity.ERROR,
          "no node takes",
          says + autoscaler,
          Remedies.of(message));
    }
    List<NodeFit> fits = nodes.get().stream().map(node -> NodeFit.of(pod, node, others)).toList();
    return new Symptom(
        FindingCode.POD_UNSCHEDULABLE,
        fits.stream().anyMatch(NodeFit::fitsEmpty) ? Severity.WARNING : Severity.ERROR,
        "no node takes",
        says + autoscaler + "; " + (fits.isEmpty() ? "there are no nodes" : Remedies.reasons(fits)),
        Remedies.of(fits));
  }

  private static Optional<Symptom> waits(ContainerStateWaiting waiting) {
    String cause =
        waiting.getReason() + (waiting.getMessage() == null ? "" : ": " + waiting.getMessage());
    if (IMAGE.contains(waiting.getReason())) {
      return Optional.of(
          new Symptom(
              FindingCode.IMAGE_PULL_FAILED,
              Severity.ERROR,
              "no image for",
              cause,
              "Give the group's image as the registry has it, and let the nodes pull it: the"
                  + " service account's imagePullSecrets, or rights of the nodes"));
    } else if (waiting.getReason().equals("CreateContainerConfigError")) {
      return Optional.of(
          new Symptom(
              FindingCode.CONTAINER_CONFIG_INVALID,
              Severity.ERROR,
              "something is missing to set up",
              cause,
              "Create the secret or config map that it names, with that key, in the pod's"
                  + " namespace"));
    } else if (START.contains(waiting.getReason())) {
      return Optional.of(
          new Symptom(
              FindingCode.CONTAINER_START_FAILED,
              Severity.ERROR,
              "the image does not start in",
              cause,
              "Use an image that is built from Spark's own: it needs /opt/entrypoint.sh"));
    }
    return Optional.empty();
  }

  private Symptom starting(Pod pod, Optional<ContainerStateWaiting> waiting) {
    Optional<Event> mount = last(state.events(pod), MOUNT_EVENTS);
    if (mount.isPresent()) {
      return new Symptom(
          FindingCode.VOLUME_MOUNT_FAILED,
          Severity.ERROR,
          "a volume is missing to",
          mount.get().getReason() + ": " + mount.get().getMessage(),
          "Create what the volume names, or mend its claim");
    }
    return new Symptom(
        FindingCode.POD_STARTING,
        Severity.INFO,
        "nothing is wrong yet with",
        waiting.map(ContainerStateWaiting::getReason).orElse("it has no state yet"),
        "Wait; an image that no node has yet takes minutes");
  }

  private static Symptom failed(Pod pod) {
    @Nullable String reason = pod.getStatus().getReason();
    String message = Objects.requireNonNullElse(pod.getStatus().getMessage(), "no message");
    if ("Evicted".equals(reason)) {
      return evicted(message);
    }
    Optional<PodCondition> disrupted = condition(pod, "DisruptionTarget", "True");
    if (disrupted.isPresent() || (reason != null && NODE_ENDS.contains(reason))) {
      String why =
          disrupted.map(c -> c.getReason() + ": " + c.getMessage()).orElse(reason + ": " + message);
      return nodeLost(why);
    }
    return terminated(pod)
        .map(PodSymptoms::ended)
        .orElseGet(
            () ->
                new Symptom(
                    FindingCode.EXECUTOR_FAILED,
                    Severity.WARNING,
                    "an error ended",
                    Objects.requireNonNullElse(reason, "no reason") + ": " + message,
                    "Look at kubectl describe pod"));
  }

  static Symptom evicted(String message) {
    return new Symptom(
        FindingCode.POD_EVICTED,
        Severity.WARNING,
        "the node evicted",
        message,
        "If the node ran low on memory, raise memory of the group; if on disk, give it"
            + " ephemeral-storage in extended_resources");
  }

  static Symptom outOfMemory(String cause) {
    return new Symptom(
        FindingCode.EXECUTOR_OUT_OF_MEMORY,
        Severity.WARNING,
        "more memory than there is was used by",
        cause,
        "Raise memory of the group, and memory_overhead if a Python function uses it; or lower"
            + " batch_size, or raise num_cpus of the function so that fewer tasks run at once");
  }

  static Symptom killed(String cause) {
    return new Symptom(
        FindingCode.EXECUTOR_KILLED,
        Severity.WARNING,
        "something killed",
        cause,
        "If it happens again on the same rows, raise memory of the group: the system kills a"
            + " process that uses too much without saying so");
  }

  static Symptom endedByError(String cause) {
    return new Symptom(
        FindingCode.EXECUTOR_FAILED,
        Severity.WARNING,
        "an error ended",
        cause,
        "Look at kubectl logs; if it could not reach the driver, give head_group.driver_host");
  }

  static Symptom nodeLost(String why) {
    return new Symptom(
        FindingCode.NODE_LOST,
        Severity.WARNING,
        "the node is gone under",
        why,
        "Nothing where nodes are spot: the work is done again from its last checkpoint; else look"
            + " at the node");
  }

  private static Symptom ended(ContainerStateTerminated end) {
    String message = end.getMessage() == null ? "" : ": " + end.getMessage().strip();
    String cause = "exit code " + end.getExitCode() + ", " + end.getReason() + message;
    if ("OOMKilled".equals(end.getReason())) {
      return outOfMemory(cause);
    } else if (end.getExitCode() == SIGKILL) {
      return killed(cause);
    }
    return endedByError(cause);
  }

  private static String phase(Pod pod) {
    return pod.getStatus() == null
        ? "Pending"
        : Objects.requireNonNullElse(pod.getStatus().getPhase(), "Pending");
  }

  private static Optional<ContainerStateTerminated> terminated(Pod pod) {
    return container(pod, ContainerState::getTerminated);
  }

  private static <T> Optional<T> container(Pod pod, Function<ContainerState, T> part) {
    return pod.getStatus().getContainerStatuses().stream()
        .map(ContainerStatus::getState)
        .filter(Objects::nonNull)
        .flatMap(state -> Stream.ofNullable(part.apply(state)))
        .findFirst();
  }

  /** The condition of a pod that has this status, if it has one. */
  static Optional<PodCondition> condition(Pod pod, String type, String status) {
    return pod.getStatus() == null
        ? Optional.empty()
        : pod.getStatus().getConditions().stream()
            .filter(c -> type.equals(c.getType()) && status.equals(c.getStatus()))
            .findFirst();
  }

  private static @Nullable String annotation(Pod pod, String key) {
    Map<String, String> annotations = pod.getMetadata().getAnnotations();
    return annotations == null ? null : annotations.get(key);
  }

  private static Optional<Event> last(List<Event> events, Set<String> reasons) {
    return events.stream()
        .filter(event -> reasons.contains(event.getReason()))
        .reduce((first, second) -> second);
  }
}
