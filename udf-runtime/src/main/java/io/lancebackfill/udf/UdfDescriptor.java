package io.lancebackfill.udf;

import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A registered function, as plain values that cross to executors.
 *
 * @param name the name that expressions call it by; compared without regard to case
 * @param kind the language, {@value #JAVA} or {@value #PYTHON}
 * @param className the class that implements {@link Udf}; of a Python function the SHA-256 of its
 *     pickled body
 * @param version the version given at registration; null to use the class's own version or hash
 * @param options what the function reads in {@link UdfContext#options}. They are arguments of the
 *     function and part of its fingerprint: resources, batch sizes and error policies are kept
 *     elsewhere.
 */
public record UdfDescriptor(
    String name,
    String kind,
    String className,
    @Nullable String version,
    Map<String, String> options)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The kind of a function that is a Java class. */
  public static final String JAVA = "java";

  /** The kind of a function that is a pickled Python object. */
  public static final String PYTHON = "python";

  public UdfDescriptor {
    options = Collections.unmodifiableMap(new TreeMap<>(options));
  }

  public boolean isPython() {
    return kind.equals(PYTHON);
  }

  /** A Java function without a version or options of its own. */
  public static UdfDescriptor java(String name, String className) {
    return new UdfDescriptor(name, JAVA, className, null, Map.of());
  }

  public UdfDescriptor withVersion(String newVersion) {
    return new UdfDescriptor(name, kind, className, newVersion, options);
  }

  public UdfDescriptor withOptions(Map<String, String> newOptions) {
    return new UdfDescriptor(name, kind, className, version, newOptions);
  }
}
