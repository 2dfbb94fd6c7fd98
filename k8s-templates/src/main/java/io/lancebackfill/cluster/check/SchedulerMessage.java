package io.lancebackfill.cluster.check;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the scheduler says of a pod that it cannot place. Of each node it counts the first reason
 * alone, so that a node which is counted for its taint may be too small as well.
 *
 * @param nodes that there are
 */
record SchedulerMessage(int nodes, List<Reason> reasons) {
  /** A kind of reason, by what is to be done about it. */
  enum Kind {
    LABELS,
    TAINT,
    RESOURCE,
    CORDONED,
    VOLUME,
    OTHER
  }

  /**
   * One reason.
   *
   * @param nodes that it keeps away; 0 if the text does not count
   * @param subject the resource or the taint's key; else the whole text
   */
  record Reason(int nodes, Kind kind, String subject, String text) {}

  private static final Pattern MESSAGE =
      Pattern.compile("(\\d+)/(\\d+) nodes are available: (.*)", Pattern.DOTALL);
  private static final Pattern BETWEEN = Pattern.compile(", (?=\\d+ )");
  private static final Pattern COUNTED = Pattern.compile("(\\d+) (.*)", Pattern.DOTALL);
  private static final Pattern TAINT = Pattern.compile(".*taint \\{([^:}]+)(: ?[^}]*)?}.*");
  private static final Pattern RESOURCE = Pattern.compile("Insufficient (\\S+)");

  static SchedulerMessage parse(String text) {
    int preemption = text.indexOf("preemption:");
    String own = (preemption < 0 ? text : text.substring(0, preemption)).strip();
    own = own.endsWith(".") ? own.substring(0, own.length() - 1) : own;
    Matcher message = MESSAGE.matcher(own);
    if (!message.matches()) {
      return new SchedulerMessage(0, List.of(reason(0, own)));
    }
    List<Reason> reasons = new ArrayList<>();
    for (String part : BETWEEN.split(message.group(3), -1)) {
      Matcher counted = COUNTED.matcher(part);
      reasons.add(
          counted.matches()
              ? reason(Integer.parseInt(counted.group(1)), counted.group(2))
              : reason(0, part));
    }
    return new SchedulerMessage(Integer.parseInt(message.group(2)), List.copyOf(reasons));
  }

  private static Reason reason(int nodes, String text) {
    Matcher resource = RESOURCE.matcher(text);
    Matcher taint = TAINT.matcher(text);
    if (resource.matches()) {
      return new Reason(nodes, Kind.RESOURCE, resource.group(1), text);
    } else if (text.equals("Too many pods")) {
      return new Reason(nodes, Kind.RESOURCE, "pods", text);
    } else if (taint.matches()) {
      return new Reason(nodes, Kind.TAINT, taint.group(1), text);
    } else if (text.contains("affinity") && text.contains("selector")) {
      return new Reason(nodes, Kind.LABELS, text, text);
    } else if (text.contains("unschedulable")) {
      return new Reason(nodes, Kind.CORDONED, text, text);
    } else if (text.contains("volume") || text.contains("PersistentVolumeClaim")) {
      return new Reason(nodes, Kind.VOLUME, text, text);
    }
    return new Reason(nodes, Kind.OTHER, text, text);
  }

  /** Whether a full pool is all that keeps the pod waiting on some node. */
  boolean mayPass() {
    return reasons.stream().anyMatch(reason -> reason.kind() == Kind.RESOURCE);
  }
}
