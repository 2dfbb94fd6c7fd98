package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * {@code spark.read().format("lance-fragments")}: a table pinned to one version, one partition for
 * each fragment. Options:
 *
 * <ul>
 *   <li>{@code uri}, or the path given to load(): the table
 *   <li>{@code version}: the version to read; the newest at the time of load() if left out
 *   <li>{@code batch_size}: most rows of a batch, 1 to 1,000,000; left out, batches have about 8
 *       MiB
 *   <li>{@code storage.KEY}: a storage option of the table, such as {@code storage.aws_endpoint}
 * </ul>
 */
public final class FragmentTableProvider implements TableProvider, DataSourceRegister {
  private static final String STORAGE = "storage.";
  private static final int MOST_BATCH_ROWS = 1_000_000;
  private static final Set<String> OPTIONS = Set.of("uri", "path", "version", "batch_size");

  @Override
  public String shortName() {
    return "lance-fragments";
  }

  @Override
  public StructType inferSchema(CaseInsensitiveStringMap options) {
    return table(options.asCaseSensitiveMap()).sparkSchema();
  }

  @Override
  public Table getTable(
      StructType schema, Transform[] partitioning, Map<String, String> properties) {
    return table(properties);
  }

  private static FragmentTable table(Map<String, String> given) {
    CaseInsensitiveStringMap options = new CaseInsensitiveStringMap(given);
    refuseUnknown(options);
    DatasetRef ref = ref(given, options);
    Optional<Long> version = number(options, "version", Long.MAX_VALUE);
    TableSnapshot snapshot =
        version.map(number -> LanceTables.at(ref, number)).orElseGet(() -> LanceTables.latest(ref));
    return number(options, "batch_size", MOST_BATCH_ROWS)
        .map(rows -> FragmentTable.of(snapshot, rows.intValue()))
        .orElseGet(() -> FragmentTable.of(snapshot));
  }

  private static void refuseUnknown(CaseInsensitiveStringMap options) {
    Set<String> unknown = new TreeSet<>();
    for (String key : options.keySet()) {
      String name = key.toLowerCase(Locale.ROOT);
      if (!OPTIONS.contains(name) && !name.startsWith(STORAGE)) {
        unknown.add(key);
      }
    }
    if (!unknown.isEmpty()) {
      throw invalid(
          "lance-fragments knows no option "
              + String.join(", ", unknown)
              + "; it takes uri, version, batch_size and storage.<key>.");
    }
  }

  private static DatasetRef ref(Map<String, String> given, CaseInsensitiveStringMap options) {
    String uri = options.get("uri");
    String path = options.get("path");
    if (uri != null && path != null && !uri.equals(path)) {
      throw invalid(
          "lance-fragments was given the option uri "
              + uri
              + " and the path "
              + path
              + "; give one of them.");
    }
    String address = uri == null ? path : uri;
    if (address == null || address.isBlank()) {
      throw invalid(
          "lance-fragments was given no table; set the option uri to the address of a Lance"
              + " table.");
    }
    Map<String, String> storage = new HashMap<>();
    given.forEach(
        (key, value) -> {
          if (key.toLowerCase(Locale.ROOT).startsWith(STORAGE)) {
            storage.put(key.substring(STORAGE.length()), value);
          }
        });
    return new DatasetRef(address, storage);
  }

  private static Optional<Long> number(CaseInsensitiveStringMap options, String key, long most) {
    String text = options.get(key);
    if (text == null) {
      return Optional.empty();
    }
    try {
      long number = Long.parseLong(text.strip());
      if (number >= 1 && number <= most) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      throw new DatasetException(Kind.INVALID_INPUT, range(key, text, most), e);
    }
    throw invalid(range(key, text, most));
  }

  private static String range(String key, String text, long most) {
    return "The option "
        + key
        + " of lance-fragments is '"
        + text
        + "'; give a whole number from 1"
        + (most == Long.MAX_VALUE ? "." : " to " + most + ".");
  }

  private static DatasetException invalid(String message) {
    return new DatasetException(Kind.INVALID_INPUT, message);
  }
}
