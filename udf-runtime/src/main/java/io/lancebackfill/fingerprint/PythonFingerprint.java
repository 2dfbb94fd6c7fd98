package io.lancebackfill.fingerprint;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.api.python.PythonFunction;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/**
 * Fingerprints of Python functions of the session. The pickled form of a function differs from
 * process to process, so the session's own Python unpickles it and hashes its bytecode, constants,
 * names, defaults, closures and the functions and values that it refers to, with the minor version
 * of Python. Line numbers, file names, comments and docstrings do not count. Modules of the
 * standard library and installed packages count by name, the user's own modules by the code that is
 * used.
 */
public final class PythonFingerprint {
  /** Fingerprints that were asked for lately, by what the session would send to its workers. */
  private static final Map<Key, Known> KNOWN =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Known> eldest) {
          return size() > 256;
        }
      };

  private PythonFingerprint() {}

  /**
   * What was found out about one function.
   *
   * @param name as the session knows the function
   * @param hash 32 hex digits; null if there is a problem
   * @param problem why there is no hash; null if there is one
   */
  public record Outcome(
      String name, @Nullable String hash, @Nullable FingerprintException problem) {

    static Outcome of(String name, String hash) {
      return new Outcome(name, hash, null);
    }

    static Outcome of(String name, FingerprintException problem) {
      return new Outcome(name, null, problem);
    }

    /**
     * The hash.
     *
     * @throws FingerprintException the problem, if there is no hash
     */
    public String orThrow() {
      if (hash == null) {
        throw Objects.requireNonNull(problem);
      }
      return hash;
    }
  }

  private record Key(
      String python,
      int evalType,
      ByteBuffer command,
      List<String> includes,
      Map<String, String> environment) {
    static Key of(PythonUDF udf) {
      PythonFunction function = udf.func();
      return new Key(
          function.pythonExec(),
          udf.evalType(),
          ByteBuffer.wrap(commandOf(function)),
          List.copyOf(function.pythonIncludes()),
          Map.copyOf(function.envVars()));
    }
  }

  private record Known(Outcome outcome, ImportedFiles files) {}

  /**
   * Fingerprints of functions, in the given order. Those that this process has not yet seen, or
   * whose own modules have changed since, are sent to one run of each Python that they need.
   */
  public static List<Outcome> of(List<PythonUDF> functions) {
    Map<Key, Outcome> outcomes = new HashMap<>();
    Map<String, Map<Key, PythonUDF>> unknown = new LinkedHashMap<>();
    for (PythonUDF udf : functions) {
      Key key = Key.of(udf);
      Outcome known = known(key);
      if (known != null) {
        outcomes.put(key, known);
      } else {
        unknown.computeIfAbsent(key.python(), p -> new LinkedHashMap<>()).put(key, udf);
      }
    }
    unknown.forEach((python, udfs) -> outcomes.putAll(ask(python, udfs)));
    List<Outcome> inOrder = new ArrayList<>();
    for (PythonUDF udf : functions) {
      Outcome outcome = Objects.requireNonNull(outcomes.get(Key.of(udf)));
      inOrder.add(new Outcome(udf.name(), outcome.hash(), outcome.problem()));
    }
    return inOrder;
  }

  /** The bytes that the session sends to its workers: the pickled function and its result type. */
  static byte[] commandOf(PythonFunction function) {
    Collection<Object> bytes = JavaConverters.asJavaCollection(function.command());
    byte[] command = new byte[bytes.size()];
    int i = 0;
    for (Object b : bytes) {
      command[i++] = (Byte) b;
    }
    return command;
  }

  private static @Nullable Outcome known(Key key) {
    Known known;
    synchronized (KNOWN) {
      known = KNOWN.get(key);
    }
    return known == null || !known.files().unchanged() ? null : known.outcome();
  }

  private static Map<Key, Outcome> ask(String python, Map<Key, PythonUDF> udfs) {
    PythonProcess.Answer answer;
    try {
      answer = new PythonProcess(python).fingerprints(List.copyOf(udfs.values()));
    } catch (FingerprintException e) {
      answer =
          new PythonProcess.Answer(
              udfs.values().stream().map(udf -> Outcome.of(udf.name(), e)).toList(),
              new ImportedFiles(Map.of()));
    }
    Map<Key, Outcome> outcomes = new HashMap<>();
    int i = 0;
    for (Key key : udfs.keySet()) {
      Outcome outcome = answer.outcomes().get(i++);
      outcomes.put(key, outcome);
      if (outcome.hash() != null) {
        synchronized (KNOWN) {
          KNOWN.put(key, new Known(outcome, answer.files()));
        }
      }
    }
    return outcomes;
  }
}
