package io.lancebackfill.udf;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The functions that jars list in {@code META-INF/services/io.lancebackfill.udf.Udf}. */
public final class ListedUdfs {
  private static final String FILE = "META-INF/services/" + Udf.class.getName();

  private ListedUdfs() {}

  /**
   * The class of the one function of that name, whatever its case.
   *
   * @param loader whose jars are looked at; null for that of this class
   * @throws InvalidFunctionException if there is none, or more than one, with all that are listed
   */
  public static String className(String name, @Nullable ClassLoader loader) {
    TreeMap<String, String> names = new TreeMap<>();
    List<String> broken = new ArrayList<>();
    ClassLoader from = loader == null ? ListedUdfs.class.getClassLoader() : loader;
    for (Iterator<Udf> all = ServiceLoader.load(Udf.class, from).iterator(); ; ) {
      try {
        if (!all.hasNext()) {
          break;
        }
        Udf udf = all.next();
        names.put(udf.getClass().getName(), udf.name());
      } catch (ServiceConfigurationError | LinkageError e) {
        // Its neighbours may be whole.
        broken.add(e.getCause() == null ? e.getMessage() : e.getMessage() + ": " + e.getCause());
      }
    }
    List<String> found =
        names.keySet().stream().filter(c -> name.equalsIgnoreCase(names.get(c))).toList();
    if (found.size() == 1) {
      return found.get(0);
    }
    String listed =
        names.isEmpty()
            ? "nothing"
            : String.join(
                ", ", names.keySet().stream().map(c -> names.get(c) + " (" + c + ")").toList());
    throw new InvalidFunctionException(
        "%s function '%s' is listed in %s of the jars that this session knows. Listed there: %s.%s Name the class, which implements %s."
            .formatted(
                found.isEmpty() ? "No" : "More than one",
                name,
                FILE,
                listed,
                broken.isEmpty() ? "" : " Not loaded: " + String.join("; ", broken) + ".",
                "ScalarUdf1 to ScalarUdf5, or ColumnUdf, of " + Udf.class.getPackageName()),
        null);
  }
}
