package io.lancebackfill.cluster.check;

import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.ExecutorGroupStep;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;

/**
 * Whether Spark will run the executor step: of a class that it cannot load it tells nobody, and
 * tries again for ever.
 */
public final class StepCheck {
  private static final String KEY = "spark.kubernetes.executor.pod.featureSteps";
  private static final Pattern COMMA = Pattern.compile("\\s*,\\s*");

  private StepCheck() {}

  /** What is wrong with the steps that a session names; classes are looked for as Spark does. */
  public static Optional<Finding> of(SparkConf conf) {
    boolean ours = false;
    for (String step : COMMA.split(conf.get(KEY, "").strip(), -1)) {
      ours |= step.equals(ExecutorGroupStep.class.getName());
      if (!step.isEmpty() && !loads(step)) {
        return Optional.of(
            new Finding(
                FindingCode.EXECUTOR_STEP_NOT_FOUND,
                Severity.ERROR,
                "Spark cannot make executors' pods",
                KEY + " names " + step + ", which the driver cannot load",
                "Put its jar on the driver's class path with --jars, or take the name out"));
      }
    }
    return ours
        ? Optional.empty()
        : Optional.of(
            new Finding(
                FindingCode.EXECUTOR_STEP_NOT_SET,
                Severity.ERROR,
                "executors would not go to their groups",
                KEY + " does not name " + ExecutorGroupStep.class.getName(),
                "Start the session with the settings of its cluster"));
  }

  private static boolean loads(String name) {
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    try {
      Class.forName(name, false, context == null ? StepCheck.class.getClassLoader() : context);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }
}
