package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Ref;
import org.lance.Transaction;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.lance.operation.Operation;
import org.lance.operation.UpdateConfig;
import org.lance.operation.UpdateMap;

/**
 * What is done to a table's metadata. Each call opens the table, does one thing and closes it;
 * nothing here keeps a handle. All throw {@link DatasetException}.
 */
public final class LanceTables {
  private LanceTables() {}

  /** The newest version. */
  public static TableSnapshot latest(DatasetRef ref) {
    return Retry.outage(
        "open",
        ref,
        () -> {
          try (Dataset table = DatasetOpener.latest(ref)) {
            return SnapshotReader.read(ref, table);
          }
        });
  }

  /** A given version; NOT_FOUND, naming it, if it was cleaned up or never written. */
  public static TableSnapshot at(DatasetRef ref, long version) {
    return Retry.outage(
        "open",
        ref,
        () -> {
          try (Dataset table = DatasetOpener.at(ref, version)) {
            return SnapshotReader.read(ref, table);
          }
        });
  }

  /** True if there is a Lance table at the address. */
  public static boolean exists(DatasetRef ref) {
    try {
      return latest(ref).version() > 0;
    } catch (DatasetException e) {
      if (e.kind() == Kind.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Declares columns that read NULL everywhere: metadata only, no data is written. Field metadata
   * is kept. Tries again where another writer came first.
   *
   * @return the version that has them
   * @throws DatasetException INVALID_INPUT if one of the names is taken, also if just now by
   *     another writer
   */
  public static TableSnapshot addColumns(DatasetRef ref, List<Field> fields) {
    return change(
        ref,
        "add columns to",
        table -> {
          // Lance itself would merge a struct into a struct column of that name.
          TableSnapshot now = SnapshotReader.read(ref, table);
          for (Field field : fields) {
            now.column(field.getName())
                .ifPresent(
                    taken -> {
                      throw new DatasetException(
                          Kind.INVALID_INPUT,
                          "Cannot add column '"
                              + field.getName()
                              + "' to "
                              + ref.display()
                              + ": version "
                              + now.version()
                              + " has a column '"
                              + taken.name()
                              + "' already. Choose another name, or drop that column first.");
                    });
          }
          table.addColumns(fields);
        });
  }

  /**
   * Drops columns: metadata only, the files stay until the old versions are cleaned up.
   *
   * @return the version without them
   * @throws DatasetException INVALID_INPUT if there is no such column
   */
  public static TableSnapshot dropColumns(DatasetRef ref, List<String> names) {
    return change(
        ref,
        "drop columns of",
        table -> {
          if (names.stream().anyMatch(name -> LanceNames.unreadable(name).isPresent())) {
            project(ref, table, field -> names.contains(field.getName()) ? null : field);
          } else {
            table.dropColumns(names);
          }
        });
  }

  /**
   * Commits another schema of the same fields, known by their ids. Arrow carries it, and so any
   * text.
   *
   * @param change gives null for a field that is to go
   */
  private static void project(
      DatasetRef ref, Dataset table, Function<Field, @Nullable Field> change) {
    List<FieldIdentity> identities = FieldIdentity.of(ref, table);
    Schema schema = table.getSchema();
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < identities.size(); i++) {
      FieldIdentity identity = identities.get(i);
      Field changed = change.apply(identity.withDictionaries(schema.getFields().get(i)));
      if (changed != null) {
        fields.add(identity.withIds(changed));
      }
    }
    Operation operation = new ProjectFields(new Schema(fields, schema.getCustomMetadata()));
    try (Transaction transaction =
            new Transaction.Builder().readVersion(table.version()).operation(operation).build();
        Dataset committed = new CommitBuilder(table).skipAutoCleanup(true).execute(transaction)) {
      committed.version();
    }
  }

  /**
   * Merges keys into fields' metadata; keys that are not named stay.
   *
   * @param updates field id to keys and values
   */
  public static void updateFieldMetadata(
      DatasetRef ref, Map<Integer, Map<String, String>> updates) {
    if (updates.values().stream()
        .flatMap(values -> values.values().stream())
        .anyMatch(LanceNames::beyondJni)) {
      change(ref, "update field metadata of", table -> mergeMetadata(ref, table, updates));
      return;
    }
    Map<Integer, UpdateMap> merged = new HashMap<>();
    updates.forEach(
        (id, values) ->
            merged.put(
                id, UpdateMap.builder().updates(new HashMap<>(values)).replace(false).build()));
    change(
        ref,
        "update field metadata of",
        table -> {
          UpdateConfig operation = UpdateConfig.builder().fieldMetadataUpdates(merged).build();
          try (Transaction transaction =
                  new Transaction.Builder()
                      .readVersion(table.version())
                      .operation(operation)
                      .build();
              Dataset committed =
                  new CommitBuilder(table)
                      .writeParams(ref.storageOptions())
                      .skipAutoCleanup(true)
                      .execute(transaction)) {
            committed.version();
          }
        });
  }

  private static void mergeMetadata(
      DatasetRef ref, Dataset table, Map<Integer, Map<String, String>> updates) {
    Map<String, Map<String, String>> byName = new HashMap<>();
    for (FieldIdentity field : FieldIdentity.of(ref, table)) {
      byName.put(field.name(), updates.getOrDefault(field.id(), Map.of()));
    }
    project(
        ref,
        table,
        field -> ColumnTypes.withMetadata(field, byName.getOrDefault(field.getName(), Map.of())));
  }

  /**
   * Names a version, so that no cleanup takes it away; a tag of that name is moved. Lance keeps the
   * tags of a branch with those of its table: there the name has the branch's after it.
   */
  public static void tag(DatasetRef ref, String name, long version) {
    String doing = "tag version " + version + " as '" + name + "' in";
    Retry.outage(
        doing,
        ref,
        () -> {
          try (Dataset table = DatasetOpener.latest(ref)) {
            Optional<String> branch = BranchFolder.branch(ref, table);
            table.tags().create(tagName(name, branch), ofVersion(branch, version));
          } catch (Exception e) {
            if (!LanceErrorClassifier.tagExists(e)) {
              throw e;
            }
            try (Dataset table = DatasetOpener.latest(ref)) {
              Optional<String> branch = BranchFolder.branch(ref, table);
              table.tags().update(tagName(name, branch), ofVersion(branch, version));
            }
          }
          return true;
        });
  }

  /** Takes a tag away; that it is not there is no error. */
  public static void untag(DatasetRef ref, String name) {
    Retry.outage(
        "remove tag '" + name + "' of",
        ref,
        () -> {
          try (Dataset table = DatasetOpener.latest(ref)) {
            table.tags().delete(tagName(name, BranchFolder.branch(ref, table)));
            return true;
          } catch (Exception e) {
            if (LanceErrorClassifier.tagMissing(e)) {
              return false;
            }
            throw e;
          }
        });
  }

  private static Ref ofVersion(Optional<String> branch, long version) {
    return branch.map(b -> Ref.ofBranch(b, version)).orElseGet(() -> Ref.ofMain(version));
  }

  /** Names of tags have no slash. */
  private static String tagName(String name, Optional<String> branch) {
    return branch.map(b -> name + "-" + b.replace("_", "__").replace("/", "_-")).orElse(name);
  }

  /**
   * Live rows of one fragment that a filter keeps.
   *
   * @param lanceFilter in Lance's SQL; empty for all rows
   */
  public static long countRows(DatasetRef ref, long version, int fragmentId, String lanceFilter) {
    ScanOptions.Builder options =
        new ScanOptions.Builder().fragmentIds(List.of(fragmentId)).columns(List.of());
    if (!lanceFilter.isBlank()) {
      options.filter(lanceFilter);
    }
    options.withRowAddress(true);
    try (Dataset table = DatasetOpener.at(ref, version);
        LanceScanner scanner = table.newScan(options.build())) {
      return scanner.countRows();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "count rows of fragment " + fragmentId + " of version " + version + " of", ref, e);
    }
  }

  private static TableSnapshot change(DatasetRef ref, String doing, Consumer<Dataset> commit) {
    return Retry.commit(
        doing,
        ref,
        () -> {
          try (Dataset table = DatasetOpener.latest(ref)) {
            commit.accept(table);
            table.checkoutLatest();
            return SnapshotReader.read(ref, table);
          }
        });
  }
}
