package io.lancebackfill.coverage;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.state.TableState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Those of a column's inputs that are computed columns themselves, with their records. A file of
 * such an input may hold values that were copied from its file before: the records tell for which
 * rows, so that what was made from these is not made again.
 */
public final class ComputedInputs {
  /** Of a column that reads base data only. */
  public static final ComputedInputs NONE = new ComputedInputs(List.of());

  private final List<Input> inputs;

  ComputedInputs(List<Input> inputs) {
    this.inputs = inputs;
  }

  /**
   * The declaration, or group, to which some inputs belong.
   *
   * @param name of the first of them
   * @param fieldIds the ids that they were declared with
   * @param origins records of the declaration's files by path, as far as they decide
   * @param former records of all its files
   */
  record Input(
      String name,
      Set<String> fieldIds,
      ComputedColumn column,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins,
      FormerFiles former,
      ComputedInputs inputs) {

    /** Rows of a fragment that have the same origin in two files; places as in records. */
    private RoaringBitmap unchanged(
        FragmentSnapshot fragment, @Nullable String before, @Nullable String now) {
      RoaringBitmap rows = new RoaringBitmap();
      for (Part then : parts(fragment, before)) {
        for (Part present : parts(fragment, now)) {
          if (then.sameSource(present)) {
            rows.or(
                RoaringBitmap.and(
                    RoaringBitmap.andNot(then.computed(), then.failed()),
                    RoaringBitmap.andNot(present.computed(), present.failed())));
            rows.or(RoaringBitmap.and(then.failed(), present.failed()));
          }
        }
      }
      return rows;
    }

    private List<Part> parts(FragmentSnapshot fragment, @Nullable String place) {
      return Optional.ofNullable(place)
          .flatMap(InputPlaces::path)
          .flatMap(path -> Optional.ofNullable(origins.get(path)).or(() -> former.record(path)))
          .filter(origin -> origin.fragmentId() == fragment.id())
          .filter(origin -> origin.physicalRows() == fragment.physicalRows())
          .map(ColumnOrigin::parts)
          .orElse(List.of());
    }
  }

  /**
   * Reads the records of the computed columns among {@code inputColumns}, and of those that they
   * read in turn.
   *
   * @param table the version whose declarations count, to which their history is followed
   * @param read the version at which inputs are read
   */
  public static ComputedInputs of(
      SparkSession spark,
      TableSnapshot table,
      TableSnapshot read,
      List<TableColumn> inputColumns,
      TableState state) {
    return new Reader(spark, table, read, state)
        .of(inputColumns.stream().map(column -> nameIn(table, column)).toList());
  }

  /** It may have been renamed since it was looked up. */
  private static String nameIn(TableSnapshot table, TableColumn column) {
    return table.columns().stream()
        .filter(present -> present.originalId() == column.originalId())
        .findFirst()
        .orElse(column)
        .name();
  }

  /** The records of files that an input had before. */
  interface FormerFiles {
    Optional<ColumnOrigin> record(String path);
  }

  /** Reads all when the first of them is asked for. */
  private static final class StoredFormerFiles implements FormerFiles {
    private final ColumnOrigins stored;
    private final String columnIds;
    private @Nullable Map<String, ColumnOrigin> byPath;

    StoredFormerFiles(ColumnOrigins stored, String columnIds) {
      this.stored = stored;
      this.columnIds = columnIds;
    }

    @Override
    public Optional<ColumnOrigin> record(String path) {
      if (byPath == null) {
        byPath = stored.byPath(columnIds);
      }
      return Optional.ofNullable(byPath.get(path));
    }
  }

  /** Reads each declaration once. */
  private static final class Reader {
    private final SparkSession spark;
    private final TableSnapshot table;
    private final TableSnapshot read;
    private final TableState state;
    private final Map<String, Input> known = new HashMap<>();

    /** On the way to the present one: only another tool's renames can make a circle. */
    private final Set<String> above = new HashSet<>();

    Reader(SparkSession spark, TableSnapshot table, TableSnapshot read, TableState state) {
      this.spark = spark;
      this.table = table;
      this.read = read;
      this.state = state;
    }

    ComputedInputs of(List<String> names) {
      Map<String, Input> found = new java.util.LinkedHashMap<>();
      for (String name : names) {
        Optional<TableColumn> column = table.column(name).filter(ComputedColumn::isDeclared);
        if (column.isPresent()) {
          ComputedColumn declared = ComputedColumn.of(table, column.get());
          String id = Integer.toString(column.get().originalId());
          if (found.containsKey(declared.idKey())) {
            Objects.requireNonNull(found.get(declared.idKey())).fieldIds().add(id);
          } else if (above.add(declared.idKey())) {
            found.put(declared.idKey(), named(name, id, input(declared)));
            above.remove(declared.idKey());
          }
        }
      }
      return found.isEmpty() ? NONE : new ComputedInputs(List.copyOf(found.values()));
    }

    private static Input named(String name, String fieldId, Input input) {
      return new Input(
          name,
          new HashSet<>(Set.of(fieldId)),
          input.column(),
          input.inputColumns(),
          input.origins(),
          input.former(),
          input.inputs());
    }

    private Input input(ComputedColumn declared) {
      Input before = known.get(declared.idKey());
      if (before != null) {
        return before;
      }
      List<TableColumn> columns = new ArrayList<>();
      for (String name : declared.inputs()) {
        // One that was dropped leaves every value stale: no place of it can be the recorded one.
        table.column(name).map(read::present).ifPresent(columns::add);
      }
      ComputedInputs inputs = of(declared.inputs());
      ColumnOrigins stored = new ColumnOrigins(state);
      HistoryWalk.Result history =
          HistoryWalk.follow(
              spark,
              table,
              declared,
              columns,
              inputs,
              new JobRecords(state).followed(declared.idKey()));
      ComputedColumn declaredThen = declared.presentIn(read);
      Map<String, ColumnOrigin> origins = new HashMap<>(history.origins());
      if (read.version() != table.version()) {
        stored.deciding(declaredThen, read).forEach(origins::putIfAbsent);
      }
      Input input =
          new Input(
              declared.name(),
              Set.of(),
              declaredThen,
              columns,
              origins,
              new StoredFormerFiles(stored, declared.idKey()),
              inputs);
      known.put(declared.idKey(), input);
      return input;
    }
  }

  /** What the records say of each of them in a fragment. */
  List<InputCoverage> in(FragmentSnapshot fragment) {
    return inputs.stream()
        .map(
            input ->
                new InputCoverage(
                    input.name(),
                    input.column(),
                    FragmentCoverage.of(
                        fragment,
                        fragment,
                        input.column(),
                        input.inputColumns(),
                        input.origins(),
                        input.inputs())))
        .toList();
  }

  /**
   * Rows of a fragment for which all inputs have the same values at two places; only what is sure.
   *
   * @param before {@link InputPlaces#of} the inputs at one time
   * @param now the same at another
   */
  RoaringBitmap unchanged(FragmentSnapshot fragment, String before, String now) {
    if (before.equals(now)) {
      return RowOffsets.first(fragment.physicalRows());
    }
    if (inputs.isEmpty() || before.isEmpty() || now.isEmpty()) {
      return new RoaringBitmap();
    }
    Map<String, String> then = Json.stringMap(before);
    Map<String, String> present = Json.stringMap(now);
    if (!then.keySet().equals(present.keySet())) {
      return new RoaringBitmap();
    }
    RoaringBitmap rows = RowOffsets.first(fragment.physicalRows());
    for (String id : then.keySet()) {
      if (!Objects.equals(then.get(id), present.get(id))) {
        RoaringBitmap same =
            inputs.stream()
                .filter(input -> input.fieldIds().contains(id))
                .findFirst()
                .map(input -> input.unchanged(fragment, then.get(id), present.get(id)))
                .orElseGet(RoaringBitmap::new);
        rows.and(same);
      }
    }
    return rows;
  }
}
