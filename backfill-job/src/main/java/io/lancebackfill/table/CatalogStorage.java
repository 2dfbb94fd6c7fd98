package io.lancebackfill.table;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Whether a catalog's root can be read at all. Its own answer to missing credentials, a wrong
 * bucket or a store that is not there is that there is no such table.
 *
 * @param catalog null if the session has no settings of it
 */
record CatalogStorage(String name, @Nullable CallCatalog catalog) {
  private static final Pattern HADOOP_S3 = Pattern.compile("(?i)s3[an]://(.*)");

  /** An address at which no table is: reading it tells what the storage says. */
  private static final String NO_TABLE = "/_no_such_table.lance";

  /** The store was asked before, patiently: this is to learn its answer. */
  private static final Map<String, String> IMPATIENT =
      Map.of("client_max_retries", "1", "client_retry_timeout", "5");

  /**
   * @throws BackfillException INVALID_ARGUMENT for an address as Hadoop writes it
   */
  static void refuseHadoopScheme(String what, String address) {
    Matcher hadoop = HADOOP_S3.matcher(address);
    if (hadoop.matches()) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          "%s is '%s', a scheme of Hadoop's that Lance does not know. Write 's3://%s'."
              .formatted(what, address, hadoop.group(1)));
    }
  }

  /**
   * Opens the catalog.
   *
   * @throws BackfillException STORAGE_FAILED or INVALID_ARGUMENT if its root is nothing that Lance
   *     can open
   */
  <T> T open(Supplier<T> opening) {
    try {
      return opening.get();
    } catch (BackfillException e) {
      throw e;
    } catch (RuntimeException e) {
      String root = root();
      if (root == null) {
        throw e;
      }
      refuseHadoopScheme("spark.sql.catalog." + name + ".root", root);
      throw new BackfillException(
          BackfillErrorCode.STORAGE_FAILED,
          "Catalog '%s' cannot be opened at its root '%s': %s. Check spark.sql.catalog.%s.root and the options spark.sql.catalog.%s.storage.*."
              .formatted(name, root, RootCause.of(e), name, name),
          e);
    }
  }

  /**
   * @throws BackfillException STORAGE_FAILED with the cause, if the root cannot be read
   */
  void requireReachable() {
    String root = root();
    if (root == null || catalog == null || !root.contains("://")) {
      return;
    }
    Map<String, String> options = new HashMap<>(IMPATIENT);
    options.putAll(catalog.storageOptions());
    try {
      LanceTables.exists(new DatasetRef(root.replaceAll("/+$", "") + NO_TABLE, options));
    } catch (DatasetException e) {
      throw new BackfillException(
          BackfillErrorCode.STORAGE_FAILED,
          "The storage of catalog '%s' cannot be read at '%s', so that none of its tables is found: %s Check spark.sql.catalog.%s.root, and the credentials, region and endpoint in spark.sql.catalog.%s.storage.*."
              .formatted(
                  name, root, String.valueOf(e.getMessage()).replace(NO_TABLE, ""), name, name),
          e);
    }
  }

  private @Nullable String root() {
    return catalog == null ? null : catalog.root().orElse(null);
  }
}
