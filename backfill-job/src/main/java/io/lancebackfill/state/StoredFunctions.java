package io.lancebackfill.state;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.udf.UdfDescriptor;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Registered functions, of a catalog or of one table: {@code _backfill/functions.lance}, append
 * only; the last row of a name counts.
 */
public final class StoredFunctions {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("name", Type.STRING),
          new Column("kind", Type.STRING),
          new Column("class", Type.STRING),
          new Column("version", Type.STRING),
          new Column("fingerprint", Type.STRING),
          new Column("options", Type.STRING),
          new Column("dropped", Type.BOOLEAN),
          new Column("at", Type.TIMESTAMP),
          new Column("body", Type.BINARY));

  /** All but the body, which may be large. */
  private static final List<String> DESCRIPTION =
      SCHEMA.stream().map(Column::name).filter(name -> !name.equals("body")).toList();

  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private final StateTable table;

  public StoredFunctions(DatasetRef dataset) {
    this.table = new StateTable(dataset, SCHEMA);
  }

  /** The functions of a whole catalog. */
  public static StoredFunctions ofCatalog(DatasetRef root) {
    return new StoredFunctions(root.stateFolder().child("functions.lance"));
  }

  /**
   * A function as it is stored.
   *
   * @param fingerprint of its code when it was registered
   */
  public record StoredFunction(UdfDescriptor descriptor, String fingerprint, Instant at) {}

  /** All functions by lower-case name, in the order in which they were first registered. */
  public Map<String, StoredFunction> all() {
    if (!table.exists()) {
      return Map.of();
    }
    Map<String, StoredFunction> functions = new LinkedHashMap<>();
    for (StateRow row : table.read(null, DESCRIPTION)) {
      String name = row.string("name");
      if (row.booleanValue("dropped")) {
        functions.remove(key(name));
      } else {
        functions.put(
            key(name),
            new StoredFunction(
                new UdfDescriptor(
                    name,
                    row.string("kind"),
                    row.string("class"),
                    row.string("version").isEmpty() ? null : row.string("version"),
                    Json.stringMap(row.string("options"))),
                row.string("fingerprint"),
                row.instant("at")));
      }
    }
    return functions;
  }

  public Optional<StoredFunction> find(String name) {
    return Optional.ofNullable(all().get(key(name)));
  }

  /**
   * Stores a function, in the place of one of that name.
   *
   * @param body of a Python function: pickled bytes, stored once for each hash; null for others
   */
  public void put(UdfDescriptor function, String fingerprint, Instant at, byte @Nullable [] body) {
    String version = function.version();
    boolean known = body == null || body(function.className()).isPresent();
    table.append(
        List.of(
            Arrays.asList(
                function.name(),
                function.kind(),
                function.className(),
                version == null ? "" : version,
                fingerprint,
                Json.write(function.options()),
                false,
                at,
                known ? null : body)));
  }

  /** The SHA-256 of a pickled function, 64 hex digits: what it is trusted by. */
  public static String hash(byte[] body) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The pickled bytes of a Python function that a column has.
   *
   * @throws BackfillException STATE_DAMAGED if they are lost
   */
  public byte[] bodyOf(UdfDescriptor function) {
    String hash = function.className();
    return body(hash)
        .orElseThrow(
            () ->
                new BackfillException(
                    BackfillErrorCode.STATE_DAMAGED,
                    "The table does not hold the code of function '%s' (SHA-256 %s). Declare the column's function again: table.alter_columns of the Python package lance_backfill."
                        .formatted(function.name(), hash)));
  }

  /**
   * The pickled bytes of a Python function.
   *
   * @param hash as {@link #hash} gives it
   * @return empty if there are none of that hash, whatever the table says
   */
  public Optional<byte[]> body(String hash) {
    if (!HASH.matcher(hash).matches() || !table.exists()) {
      return Optional.empty();
    }
    return table.read("class = '%s'".formatted(hash), List.of("body")).stream()
        .map(row -> row.binaryOrNull("body"))
        .filter(body -> body != null && hash(body).equals(hash))
        .findFirst();
  }

  public void drop(String name, Instant at) {
    table.append(List.of(Arrays.asList(name, "", "", "", "", "{}", true, at, null)));
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
