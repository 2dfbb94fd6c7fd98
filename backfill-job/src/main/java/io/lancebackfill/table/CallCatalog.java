package io.lancebackfill.table;

import io.lancebackfill.datasource.table.DatasetRef;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.internal.SQLConf;
import scala.collection.JavaConverters;

/**
 * A catalog as the session configures it.
 *
 * @param name as configured, whatever the case of the CALL
 * @param className the class of its plugin
 * @param options what follows {@code spark.sql.catalog.<name>.}, secrets included; not shown by
 *     {@code toString}
 */
public record CallCatalog(String name, String className, Map<String, String> options) {
  private static final String PREFIX = "spark.sql.catalog.";
  private static final String STORAGE = "storage.";

  /** Our catalog's class. */
  public static final String OURS = "io.lancebackfill.catalog.LanceBackfillCatalog";

  private static final Set<String> LANCE_CLASSES =
      Set.of(OURS, "org.lance.spark.LanceNamespaceSparkCatalog");

  public CallCatalog {
    options = Map.copyOf(options);
  }

  /**
   * The configured catalog of that name; if there is none, the only one whose name differs in case
   * alone.
   */
  public static Optional<CallCatalog> find(SQLConf conf, String name) {
    Map<String, String> settings = JavaConverters.mapAsJavaMap(conf.getAllConfs());
    if (settings.containsKey(PREFIX + name)) {
      return Optional.of(of(settings, name));
    }
    List<String> alike =
        settings.keySet().stream().filter((PREFIX + name)::equalsIgnoreCase).toList();
    return alike.size() == 1
        ? Optional.of(of(settings, alike.get(0).substring(PREFIX.length())))
        : Optional.empty();
  }

  /** All configured catalogs, by name. */
  public static List<CallCatalog> configured(SQLConf conf) {
    Map<String, String> settings = JavaConverters.mapAsJavaMap(conf.getAllConfs());
    return names(conf).stream().map(name -> of(settings, name)).toList();
  }

  /** The names of all configured catalogs. */
  static List<String> names(SQLConf conf) {
    return JavaConverters.mapAsJavaMap(conf.getAllConfs()).keySet().stream()
        .filter(key -> key.startsWith(PREFIX) && key.indexOf('.', PREFIX.length()) < 0)
        .map(key -> key.substring(PREFIX.length()))
        .sorted()
        .toList();
  }

  private static CallCatalog of(Map<String, String> settings, String name) {
    String prefix = PREFIX + name + ".";
    Map<String, String> options = new LinkedHashMap<>();
    settings.forEach(
        (key, value) -> {
          if (key.startsWith(prefix)) {
            options.put(key.substring(prefix.length()), value);
          }
        });
    return new CallCatalog(name, settings.getOrDefault(PREFIX + name, ""), options);
  }

  /** The classes of the catalogs that our procedures may be called on. */
  public static Set<String> lanceClasses() {
    return LANCE_CLASSES;
  }

  /** Whether our procedures may be called on it: ours, or lance-spark's own. */
  public boolean isLance() {
    return LANCE_CLASSES.contains(className);
  }

  /** Whether what writes its tables need not name computed columns. */
  public boolean leavesComputedColumnsOut() {
    return className.equals(OURS);
  }

  /** The folder or address that holds the catalog's tables, if it is configured. */
  public Optional<String> root() {
    return Optional.ofNullable(options.get("root"));
  }

  /** The same folder with the catalog's credentials. */
  public Optional<DatasetRef> folder() {
    return root().map(root -> new DatasetRef(root, storageOptions()));
  }

  /** Credentials and the like, as Lance takes them. Secret. */
  public Map<String, String> storageOptions() {
    Map<String, String> storage = new LinkedHashMap<>();
    options.forEach(
        (key, value) -> {
          if (key.startsWith(STORAGE)) {
            storage.put(key.substring(STORAGE.length()), value);
          }
        });
    return storage;
  }

  @Override
  public String toString() {
    return "CallCatalog[name=" + name + ", className=" + className + "]";
  }
}
