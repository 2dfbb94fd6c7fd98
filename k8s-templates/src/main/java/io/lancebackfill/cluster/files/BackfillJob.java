package io.lancebackfill.cluster.files;

import io.lancebackfill.secret.Secrets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a generated application runs.
 *
 * @param conf settings of Spark besides the cluster's: the extensions and the catalog
 * @param arguments of BackfillMain, {@code --table ... --column ...}
 */
public record BackfillJob(Map<String, String> conf, List<String> arguments) {
  /**
   * Checks that nothing gives a secret away: the files are meant to be kept and shown.
   *
   * @throws IllegalArgumentException with the places of all that do, and never a value
   */
  public BackfillJob {
    conf = Map.copyOf(conf);
    arguments = List.copyOf(arguments);
    List<String> secrets = new ArrayList<>();
    new TreeMap<>(conf)
        .forEach(
            (key, value) -> {
              if (Secrets.givenAway(key, value)) {
                secrets.add(key);
              }
            });
    for (int i = 0; i < arguments.size(); i++) {
      if (Secrets.givenAway("", arguments.get(i))) {
        secrets.add("argument " + (i + 1));
      }
    }
    if (!secrets.isEmpty()) {
      throw new IllegalArgumentException(
          "[CLUSTER_FILES_SECRET] "
              + String.join(", ", secrets)
              + ": the value looks like a secret, and the files are kept as text. Leave it out, and"
              + " give the pods the variable that the storage reads, by secret_env_vars.");
    }
  }
}
