package io.lancebackfill.declare;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.LanceNames;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.expression.BoundExpression;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.ReadyTag;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import io.lancebackfill.udf.UdfDescriptor;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Declares, changes and drops computed columns: metadata only, nothing is computed. */
public final class ColumnDeclarations {
  private final SparkSession spark;
  private final TableTarget target;

  public ColumnDeclarations(SparkSession spark, TableTarget target) {
    this.spark = spark;
    this.target = target;
  }

  /**
   * A declared column.
   *
   * @param dataType Spark's name of its type
   */
  public record Declared(
      String column, String dataType, String kind, String fingerprint, long version) {}

  /**
   * Declares a computed column, or a group.
   *
   * @param given one name; several for a struct that fills a group, in the order of its fields;
   *     each with or without the backticks of SQL around it
   * @param dataType the type of the column if it is not the expression's, or null
   * @param require conditions in SQL that a computed row has to meet
   * @throws BackfillException with a line for each fault; the table is untouched then
   */
  public List<Declared> add(
      List<String> given,
      String expression,
      @Nullable String dataType,
      Map<String, String> options,
      List<String> require) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          Faults faults = new Faults();
          ColumnOptions.check(options, faults);
          List<String> names = given.stream().map(LanceNames::unquoted).toList();
          NewColumnNames.check(table, names, faults);
          BoundExpression bound =
              faults.collect(
                  () -> {
                    String alias = names.size() == 1 ? names.get(0) : null;
                    return bindNew(table, expression, options, alias);
                  });
          DeclaredType type =
              dataType == null ? null : faults.collect(() -> DeclaredType.parse(dataType));
          List<Field> fields =
              bound == null || faults.any()
                  ? null
                  : faults.collect(() -> fields(table, names, bound, type, options));
          List<String> conditions =
              bound == null || fields == null
                  ? List.of()
                  : requirements(table, names, fields, bound, require, faults);
          faults.throwIfAny();
          if (bound == null || fields == null) {
            throw new IllegalStateException("a fault was lost");
          }
          keepFunction(bound);
          Map<String, String> kept = RequirementBinder.kept(options, conditions);
          TableSnapshot declared =
              declare(table, fields, metadata(table, names, fields, bound, kept));
          return declared(
              ComputedColumn.of(declared, declared.column(names.get(0)).orElseThrow()), declared);
        });
  }

  private TableSnapshot declare(
      TableSnapshot table, List<Field> fields, Map<String, String> metadata) {
    List<Field> declared = new ArrayList<>();
    int next = table.highestFieldId() + 1;
    for (Field field : fields) {
      Map<String, String> all = new HashMap<>(metadata);
      all.putAll(ComputedColumn.ownMetadata(field.getName(), next));
      declared.add(ColumnTypes.withMetadata(field, all));
      next += ColumnTypes.fieldIds(field);
    }
    TableSnapshot after = LanceTables.addColumns(target.ref(), declared);
    Map<Integer, Map<String, String>> corrected = new HashMap<>();
    for (Field field : fields) {
      TableColumn column = after.column(field.getName()).orElseThrow();
      // Another writer's columns came in between, and have the ids that were expected.
      if (ComputedColumn.hasForeignId(column)) {
        corrected.put(column.id(), ComputedColumn.ownMetadata(column.name(), column.id()));
      }
    }
    if (corrected.isEmpty()) {
      return after;
    }
    LanceTables.updateFieldMetadata(target.ref(), corrected);
    return Tables.latest(target);
  }

  private BoundExpression bindNew(
      TableSnapshot table, String expression, Map<String, String> options, @Nullable String name) {
    BoundExpression bound =
        new ColumnBinder(spark, target)
            .bindNew(table, expression, options.get(ColumnOptions.VERSION), name);
    Faults faults = new Faults();
    for (String input : bound.inputs()) {
      LanceNames.unreadable(input)
          .ifPresent(
              why ->
                  faults.add(
                      BackfillErrorCode.INVALID_EXPRESSION,
                      "Column '%s' of the table cannot be read: %s. Rename it with pylance: lance.dataset(uri).alter_columns({'path': '%s', 'name': 'a_new_name'})."
                          .formatted(input, why, input)));
    }
    faults.throwIfAny();
    return bound;
  }

  private List<String> requirements(
      TableSnapshot table,
      List<String> names,
      List<Field> fields,
      BoundExpression bound,
      List<String> require,
      Faults faults) {
    return new RequirementBinder(spark, table, bound.inputs(), names, fields)
        .check(require, faults);
  }

  /**
   * Gives a column, or a whole group, another expression; its values stay and become stale.
   *
   * @param require the conditions from now on; null for those that it has
   */
  public List<Declared> alter(
      String name, String expression, Map<String, String> options, @Nullable List<String> require) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          Faults faults = new Faults();
          ColumnOptions.check(options, faults);
          ComputedColumn column = faults.collect(() -> ComputedColumn.of(table, name));
          BoundExpression bound =
              faults.collect(
                  () -> {
                    String alias = column == null || column.isGroup() ? null : column.name();
                    return bindNew(table, expression, options, alias);
                  });
          if (column != null && bound != null) {
            faults.collect(
                () -> {
                  refuseCycle(table, column, bound);
                  refuseOtherType(table, column, bound, options);
                  return null;
                });
          }
          List<Field> fields =
              column == null
                  ? List.of()
                  : column.columns().stream().map(TableColumn::field).toList();
          List<String> conditions =
              column == null || bound == null
                  ? List.of()
                  : requirements(
                      table,
                      column.names(),
                      fields,
                      bound,
                      require == null ? column.require() : require,
                      faults);
          faults.throwIfAny();
          if (column == null || bound == null) {
            throw new IllegalStateException("a fault was lost");
          }
          keepFunction(bound);
          Map<String, String> merged = new HashMap<>(column.options());
          merged.remove(ColumnOptions.VERSION);
          merged.putAll(options);
          merged = RequirementBinder.kept(merged, conditions);
          Map<String, String> metadata = metadata(table, column.names(), fields, bound, merged);
          Map<Integer, Map<String, String>> updates = new HashMap<>();
          for (TableColumn member : column.columns()) {
            Map<String, String> all = new HashMap<>(metadata);
            all.putAll(ComputedColumn.ownMetadata(member.name(), member.originalId()));
            updates.put(member.id(), all);
          }
          LanceTables.updateFieldMetadata(target.ref(), updates);
          TableSnapshot altered = Tables.latest(target);
          return declared(
              ComputedColumn.of(altered, altered.column(column.names().get(0)).orElseThrow()),
              altered);
        });
  }

  /** Drops a computed column, a group as a whole; returns the table's new version. */
  public long drop(String name) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          return drop(table, List.of(ComputedColumn.of(table, name)));
        });
  }

  /**
   * Drops computed columns that are named one by one, with one commit.
   *
   * @param names each column of a group must be among them
   * @return whether they are dropped: if one of them is not computed, none is
   */
  public boolean dropNamed(List<String> names) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          List<ComputedColumn> columns =
              ComputedColumn.all(table).stream()
                  .filter(column -> column.names().stream().anyMatch(names::contains))
                  .toList();
          List<String> all = columns.stream().flatMap(column -> column.names().stream()).toList();
          if (!all.containsAll(names)) {
            return false;
          }
          for (ComputedColumn group : columns) {
            if (!names.containsAll(group.names())) {
              throw new BackfillException(
                  BackfillErrorCode.COLUMN_IN_USE,
                  ("Columns %s are filled together by %s, and go together. Name all of them, or"
                          + " CALL %s.system.drop_column('%s', '%s').")
                      .formatted(
                          String.join(", ", group.names()),
                          group.expression(),
                          target.catalog(),
                          target.name(),
                          group.names().get(0)));
            }
          }
          drop(table, columns);
          return true;
        });
  }

  private long drop(TableSnapshot table, List<ComputedColumn> columns) {
    List<String> names = new ArrayList<>();
    columns.forEach(column -> names.addAll(column.names()));
    for (ComputedColumn other : ComputedColumn.all(table)) {
      for (ComputedColumn column : columns) {
        if (!names.containsAll(other.names())
            && other.inputs().stream().anyMatch(column.names()::contains)) {
          throw new BackfillException(
              BackfillErrorCode.COLUMN_IN_USE,
              "Column '%s' is an input of column '%s' (%s). Drop or alter that one first."
                  .formatted(column.name(), other.name(), other.expression()));
        }
      }
    }
    columns.forEach(column -> names.addAll(ColumnFileCommitter.leftOver(table, column.columns())));
    long version = LanceTables.dropColumns(target.ref(), names).version();
    columns.stream()
        .filter(ReadyTag::isDeclared)
        .forEach(column -> ReadyTag.remove(target, column));
    return version;
  }

  /** A column must not depend on itself, over whatever other computed columns. */
  private static void refuseCycle(
      TableSnapshot table, ComputedColumn column, BoundExpression bound) {
    List<String> reached = new ArrayList<>(bound.inputs());
    for (int i = 0; i < reached.size(); i++) {
      String input = reached.get(i);
      if (column.names().contains(input)) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_EXPRESSION,
            "The expression of column '%s' depends on the column itself, by way of '%s'. Use other inputs."
                .formatted(column.name(), String.join(" <- ", reached.subList(0, i + 1))));
      }
      for (ComputedColumn other : ComputedColumn.all(table)) {
        if (other.names().contains(input)) {
          other.inputs().stream().filter(name -> !reached.contains(name)).forEach(reached::add);
        }
      }
    }
  }

  private void refuseOtherType(
      TableSnapshot table,
      ComputedColumn column,
      BoundExpression bound,
      Map<String, String> options) {
    Map<String, String> merged = new HashMap<>(column.options());
    merged.putAll(options);
    List<Field> fields = fields(table, column.names(), bound, null, merged);
    for (int i = 0; i < fields.size(); i++) {
      DataType now = ColumnTypes.sparkType(column.columns().get(i).field());
      DataType then = ColumnTypes.sparkType(fields.get(i));
      boolean vector = column.columns().get(i).field().getType() instanceof ArrowType.FixedSizeList;
      if (!now.sameType(then)
          && !(vector && then.typeName().equals("array"))
          && !org.apache.spark.sql.catalyst.expressions.Cast.canUpCast(then, now)) {
        throw new BackfillException(
            BackfillErrorCode.TYPE_MISMATCH,
            "Column '%s' is of type %s, the new expression of type %s. Cast the expression, or drop the column and declare it anew."
                .formatted(column.names().get(i), now.catalogString(), then.catalogString()));
      }
    }
  }

  private static List<Field> fields(
      TableSnapshot table,
      List<String> names,
      BoundExpression bound,
      @Nullable DeclaredType declared,
      Map<String, String> options) {
    int dim =
        options.containsKey(ColumnOptions.VECTOR_DIM)
            ? ColumnOptions.vectorDim(options.get(ColumnOptions.VECTOR_DIM))
            : declared == null ? 0 : declared.vectorDim();
    try {
      if (names.size() > 1) {
        return NewColumnNames.requireFit(group(table, names, bound));
      }
      BoundExpression.ArrowCall call = bound.call();
      if (call != null) {
        Field output = call.output();
        if (declared != null && !ColumnTypes.sparkType(output).sameType(declared.type())) {
          throw mismatch(names.get(0), declared, ColumnTypes.sparkType(output));
        }
        return NewColumnNames.requireFit(List.of(ColumnTypes.field(names.get(0), output, table)));
      }
      DataType type = declared == null ? bound.dataType() : declared.type();
      Field field = ColumnTypes.field(names.get(0), type, dim, table);
      if (!org.apache.spark.sql.catalyst.expressions.Cast.canCast(bound.dataType(), type)) {
        throw mismatch(names.get(0), declared, bound.dataType());
      }
      return NewColumnNames.requireFit(List.of(field));
    } catch (DatasetException e) {
      throw new BackfillException(
          BackfillErrorCode.UNSUPPORTED_TYPE, String.valueOf(e.getMessage()), e);
    }
  }

  private static BackfillException mismatch(
      String name, @Nullable DeclaredType declared, DataType type) {
    return new BackfillException(
        BackfillErrorCode.TYPE_MISMATCH,
        "Column '%s' was given data_type %s, and its expression is of type %s, which cannot be cast to it. Change one of the two."
            .formatted(name, declared, type.catalogString()));
  }

  private static List<Field> group(TableSnapshot table, List<String> names, BoundExpression bound) {
    BoundExpression.ArrowCall call = bound.call();
    int width;
    if (call != null) {
      width =
          call.output().getType() instanceof ArrowType.Struct
              ? call.output().getChildren().size()
              : 0;
    } else {
      width = bound.dataType() instanceof StructType type ? type.fields().length : 0;
    }
    if (width != names.size()) {
      throw new BackfillException(
          BackfillErrorCode.TYPE_MISMATCH,
          "%d columns (%s) are to be filled by an expression of type %s. It must be a struct with a field for each column, in order."
              .formatted(names.size(), String.join(", ", names), bound.dataType().catalogString()));
    }
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < width; i++) {
      if (call == null) {
        StructField field = ((StructType) bound.dataType()).fields()[i];
        fields.add(ColumnTypes.field(names.get(i), field.dataType(), 0, table));
      } else {
        fields.add(ColumnTypes.field(names.get(i), call.output().getChildren().get(i), table));
      }
    }
    return fields;
  }

  /** What the column uses is kept with the table, so that any catalog can compute it. */
  private void keepFunction(BoundExpression bound) {
    BoundExpression.ArrowCall call = bound.call();
    if (call != null) {
      StoredFunctions own = new StoredFunctions(new TableState(target.ref()).functions());
      String name = call.function().name();
      boolean same = own.find(name).filter(f -> f.descriptor().equals(call.function())).isPresent();
      if (!same) {
        own.put(
            call.function(),
            bound.functions().get(0).fingerprint(),
            Instant.now().truncatedTo(ChronoUnit.MICROS),
            body(call.function()));
      }
    }
  }

  /** What the catalog keeps of a Python function; a table that is moved takes its own along. */
  private byte @Nullable [] body(UdfDescriptor function) {
    return function.isPython()
        ? target.catalogFunctions().flatMap(f -> f.body(function.className())).orElse(null)
        : null;
  }

  private static Map<String, String> metadata(
      TableSnapshot table,
      List<String> names,
      List<Field> fields,
      BoundExpression bound,
      Map<String, String> options) {
    BoundExpression.ArrowCall call = bound.call();
    return ComputedColumn.metadata(
        table,
        names,
        bound.sql(),
        call != null ? ComputedColumn.KIND_FUNCTION : ComputedColumn.KIND_SQL,
        call != null ? call.function().name() : "",
        bound.inputs(),
        ComputedColumn.fingerprint(bound.fingerprint(), fields),
        bound.settings(),
        options);
  }

  private static List<Declared> declared(ComputedColumn column, TableSnapshot table) {
    return column.columns().stream()
        .map(
            c ->
                new Declared(
                    c.name(),
                    ColumnTypes.name(c.field()),
                    column.kind(),
                    column.fingerprint(),
                    table.version()))
        .toList();
  }
}
