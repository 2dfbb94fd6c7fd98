package io.lancebackfill.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * Medians over the measured rounds, and how many times the floor's they are.
 *
 * @param environment what it ran on
 */
record Report(Workload workload, Map<String, String> environment, List<Measurement> measurements) {

  String markdown() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s: %,d rows in %d fragments%n",
            workload.name(),
            workload.rows(),
            workload.fragments()));
    for (Workload.Fill fill : workload.fills()) {
      appendTable(text, fill);
    }
    return text.toString();
  }

  private void appendTable(StringBuilder text, Workload.Fill fill) {
    text.append(
        String.format(
            Locale.ROOT,
            """

`%s`: `%s`, %.1f MB of raw values

| arm | s, median (min to max) | times the floor | CPU s | MB in the table | MB written |
|---|---|---|---|---|---|
""",
            fill.name(),
            fill.expression(),
            fill.rawBytes(workload.rows()) / 1e6));
    Set<String> arms = new LinkedHashSet<>();
    measurements.forEach(m -> arms.add(m.arm()));
    double floor = median(counted(fill, FloorArm.NAME), Measurement::seconds);
    for (String arm : arms) {
      List<Measurement> runs = counted(fill, arm);
      double seconds = median(runs, Measurement::seconds);
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.2f (%.2f to %.2f) | %.2f | %.2f | %.1f | %.1f |%n",
              arm,
              seconds,
              runs.stream().mapToDouble(Measurement::seconds).min().orElse(Double.NaN),
              runs.stream().mapToDouble(Measurement::seconds).max().orElse(Double.NaN),
              seconds / floor,
              median(runs, Measurement::cpuSeconds),
              median(runs, Measurement::tableBytes) / 1e6,
              median(runs, Measurement::writtenBytes) / 1e6));
    }
  }

  private List<Measurement> counted(Workload.Fill fill, String arm) {
    return measurements.stream()
        .filter(m -> m.fill().equals(fill.name()) && m.arm().equals(arm) && m.round() > 0)
        .toList();
  }

  /** NaN if there are no runs. */
  private static double median(List<Measurement> runs, ToDoubleFunction<Measurement> figure) {
    double[] sorted = runs.stream().mapToDouble(figure).sorted().toArray();
    if (sorted.length == 0) {
      return Double.NaN;
    }
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  void writeJson(Path file) throws IOException {
    new ObjectMapper()
        .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .enable(SerializationFeature.INDENT_OUTPUT)
        .writeValue(file.toFile(), this);
  }
}
