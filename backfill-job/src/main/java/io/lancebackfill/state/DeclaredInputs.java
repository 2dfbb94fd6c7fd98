package io.lancebackfill.state;

import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.jspecify.annotations.Nullable;

/**
 * The columns that an expression reads, as it names them: it keeps to the same columns when those
 * are renamed, and when another one takes such a name.
 *
 * @param names of top-level columns, as they were when the expression was declared
 * @param namesById the names that these and the fields in them had then, by field id; empty if that
 *     is not known, so that names alone count
 */
public record DeclaredInputs(List<String> names, Map<Integer, String> namesById) {
  public DeclaredInputs {
    names = List.copyOf(names);
    namesById = Map.copyOf(namesById);
  }

  static DeclaredInputs read(List<String> names, String ids) {
    Map<Integer, String> byId = new TreeMap<>();
    Json.stringMap(ids).forEach((id, name) -> byId.put(Integer.valueOf(id), name));
    return new DeclaredInputs(names, byId);
  }

  /** Field id to name, as JSON: what {@link #read} reads. */
  static String ids(TableSnapshot table, List<String> inputs) {
    Map<String, String> byId = new TreeMap<>();
    for (String input : inputs) {
      table
          .column(input)
          .ifPresent(
              column -> {
                List<Field> fields = fields(column);
                byId.put(Integer.toString(column.originalId()), column.name());
                for (int i = 1; i < fields.size(); i++) {
                  byId.put(Integer.toString(column.allIds().get(i)), fields.get(i).getName());
                }
              });
    }
    return Json.write(byId);
  }

  /** The column of a table version that the expression means by a name; empty if it has gone. */
  public Optional<TableColumn> column(TableSnapshot table, String name) {
    return byId(table, name).or(() -> table.column(name));
  }

  private Optional<TableColumn> byId(TableSnapshot table, String name) {
    return table.columns().stream()
        .filter(column -> name.equals(namesById.get(column.originalId())))
        .filter(column -> names.contains(name))
        .findFirst();
  }

  /** The names that the columns have in a version; the declared one of a column that is gone. */
  List<String> presentNames(TableSnapshot table) {
    return names.stream()
        .map(name -> column(table, name).map(TableColumn::name).orElse(name))
        .toList();
  }

  /** The names in a version of those that it has, in the order of the declared names. */
  public List<String> sortedNames(TableSnapshot table) {
    return names.stream()
        .sorted()
        .flatMap(name -> column(table, name).stream())
        .map(TableColumn::name)
        .toList();
  }

  /** Declared names of the columns that a version does not have. */
  public List<String> missing(TableSnapshot table) {
    return names.stream().filter(name -> column(table, name).isEmpty()).toList();
  }

  /**
   * The inputs in a version, alone, under their declared names and their own ids; empty if the
   * version has them under these names anyway.
   */
  public Optional<TableSnapshot> renamedView(TableSnapshot table) {
    Map<String, TableColumn> seen = new LinkedHashMap<>();
    boolean renamed = false;
    for (TableColumn column : table.columns()) {
      for (String name : names) {
        Optional<TableColumn> meant = column(table, name);
        if (meant.isPresent() && meant.get().id() == column.id()) {
          TableColumn declared = declared(column, name);
          renamed |= !declared.field().equals(column.field()) || !isNamed(table, name, column);
          seen.put(name, declared);
        }
      }
    }
    return renamed
        ? Optional.of(
            new TableSnapshot(
                table.ref(),
                table.version(),
                table.storageVersion(),
                table.stableRowIds(),
                List.copyOf(seen.values()),
                table.fragments(),
                table.config()))
        : Optional.empty();
  }

  /** Whether the table's own resolution of a name gives the column. */
  private static boolean isNamed(TableSnapshot table, String name, TableColumn column) {
    return table.column(name).filter(found -> found.id() == column.id()).isPresent();
  }

  private TableColumn declared(TableColumn column, String name) {
    List<Field> fields = fields(column);
    IdentityHashMap<Field, String> nested = new IdentityHashMap<>();
    for (int i = 1; i < fields.size(); i++) {
      String then = declaredName(column, i);
      nested.put(fields.get(i), then == null ? fields.get(i).getName() : then);
    }
    return new TableColumn(column.id(), name, named(column.field(), name, nested), column.allIds());
  }

  private @Nullable String declaredName(TableColumn column, int position) {
    String present = namesById.get(column.allIds().get(position));
    if (present != null) {
      return present;
    }
    return column.previousIds().stream()
        .map(ids -> namesById.get(ids.get(position)))
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  private static Field named(Field field, String name, IdentityHashMap<Field, String> nested) {
    List<Field> children = new ArrayList<>();
    for (Field child : field.getChildren()) {
      children.add(named(child, nested.getOrDefault(child, child.getName()), nested));
    }
    return new Field(
        name,
        new FieldType(
            field.isNullable(), field.getType(), field.getDictionary(), field.getMetadata()),
        children);
  }

  /** The fields of a column in the order of its ids; the column alone if that is not known. */
  private static List<Field> fields(TableColumn column) {
    List<Field> fields = new ArrayList<>();
    collect(column.field(), fields);
    return fields.size() == column.allIds().size() ? fields : List.of(column.field());
  }

  private static void collect(Field field, List<Field> into) {
    into.add(field);
    // To Lance a fixed-size list of numbers is one field.
    boolean vector =
        field.getType() instanceof ArrowType.FixedSizeList
            && field.getChildren().get(0).getChildren().isEmpty();
    if (!vector) {
      field.getChildren().forEach(child -> collect(child, into));
    }
  }
}
