package io.lancebackfill.declare;

import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.environment.PythonProgram;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.expression.BoundExpression;
import io.lancebackfill.expression.EvaluationSettings;
import io.lancebackfill.expression.ExpressionBinder;
import io.lancebackfill.expression.ExpressionException;
import io.lancebackfill.expression.ExpressionFault;
import io.lancebackfill.expression.WhereBinder;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.StoredFunctions.StoredFunction;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Binds the expressions of computed columns to a table, in a session of the job's own. */
public final class ColumnBinder {
  /** Spark's short tracebacks leave out what an exception was caused by. */
  private static final String SHORT_TRACEBACKS =
      "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled";

  private static final String PYTHON_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch";

  /** Spark's own 10,000 rows would be lost together; exchanging a batch costs less than 1 ms. */
  private static final String PYTHON_BATCH_ROWS = "256";

  /** Of sizes that follow the function's speed. */
  private static final int FIRST_BATCH_ROWS = 32;

  private final SparkSession spark;
  private final TableTarget target;
  private @Nullable Map<String, UdfDescriptor> ofCatalog;
  private @Nullable Map<String, UdfDescriptor> ofTable;

  public ColumnBinder(SparkSession spark, TableTarget target) {
    this.spark = spark;
    this.target = target;
  }

  /**
   * A declared column, ready to be computed.
   *
   * @param session has the functions of the caller's session and the settings of the declaration
   * @param inputs the columns that the expression reads
   */
  public record BoundColumn(
      SparkSession session, Computation computation, List<TableColumn> inputs) {
    public BoundColumn withInputs(List<TableColumn> columns) {
      return new BoundColumn(session, computation, columns);
    }

    /**
     * The same in batches of a quarter of the rows that its function would get at a time.
     *
     * @param batchSize as the call says, or null
     */
    public BoundColumn inSmallBatches(@Nullable Integer batchSize) {
      boolean function = computation instanceof Computation.OfFunction;
      int usual = function ? FIRST_BATCH_ROWS : Integer.parseInt(PYTHON_BATCH_ROWS);
      int rows = Math.max(1, (batchSize == null ? usual : batchSize) / 4);
      session.conf().set(PYTHON_BATCH, Integer.toString(rows));
      return new BoundColumn(session, computation.inBatchesOf(rows), inputs);
    }

    /** The same in another environment of Python workers. */
    public BoundColumn in(@Nullable WorkerEnvironment environment) {
      return new BoundColumn(session, computation.in(environment), inputs);
    }
  }

  /**
   * A condition on the rows of a version.
   *
   * @param session whose functions it may call
   * @throws BackfillException INVALID_WHERE
   */
  public static Column where(SparkSession session, TableSnapshot table, String text) {
    UnreadableColumns.refuse(session, table, text);
    String sql = coded(() -> new WhereBinder(session, table.sparkSchema()).bind(text)).sql();
    return parsed(session, sql);
  }

  /**
   * Binds an expression that is to be declared.
   *
   * @param version the function version that the caller gives, or null
   * @param name of the column, null for a group
   */
  BoundExpression bindNew(
      TableSnapshot table, String expression, @Nullable String version, @Nullable String name) {
    return coded(
        () -> binder(spark, table, expression, this::declarable).bind(expression, version, name));
  }

  /**
   * Binds a declared column again, in this session.
   *
   * @param batchSize rows of a batch, or null for the adaptive size
   * @param byLength as {@link ArrowFunction#byLength}
   * @param threads in which a Python function runs within a task
   * @throws BackfillException FUNCTION_CHANGED if the same expression means something else here
   *     than where it was declared, and what {@link #bindNew} throws
   */
  public BoundColumn bindDeclared(
      TableSnapshot table,
      ComputedColumn column,
      @Nullable Integer batchSize,
      boolean byLength,
      int threads) {
    SparkSession session = EvaluationSettings.restore(spark, column.settings());
    DeclaredInputs declared = column.declaredInputs();
    RenamedInputs.refuseMissing(table, column);
    BoundExpression bound =
        coded(
            () ->
                binder(
                        session,
                        declared.renamedView(table).orElse(table),
                        column.expression(),
                        this::functions)
                    .bindDeclared(column.expression(), column.functionVersion().orElse(null)));
    String fingerprint =
        ComputedColumn.fingerprint(
            bound.fingerprint(), column.columns().stream().map(TableColumn::field).toList());
    if (!fingerprint.equals(column.fingerprint())) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_CHANGED,
          ("Column '%s' was declared as %s with other code than this session has: its fingerprint"
                  + " is %s, here it is %s. Register the code that it was declared with, or call"
                  + " alter_column(table, '%s', expression) to go over to the new one: existing values"
                  + " stay readable and are computed anew by the next backfill.")
              .formatted(
                  column.name(),
                  column.expression(),
                  column.fingerprint(),
                  fingerprint,
                  column.names().get(0)));
    }
    List<TableColumn> inputs = new ArrayList<>();
    for (String name : bound.inputs()) {
      inputs.add(declared.column(table, name).orElseThrow());
    }
    session.conf().set(SHORT_TRACEBACKS, "false");
    session
        .conf()
        .set(PYTHON_BATCH, batchSize == null ? PYTHON_BATCH_ROWS : Integer.toString(batchSize));
    Requirements requirements = RequirementBinder.bind(session, table, column);
    BoundExpression.ArrowCall call = bound.call();
    if (call == null) {
      return new BoundColumn(session, expression(session, bound, column, requirements), inputs);
    }
    FunctionTrust.check(spark, call.function(), column.name());
    return new BoundColumn(
        session,
        new Computation.OfFunction(
            new ArrowFunction(
                call.function(),
                call.arguments(),
                batchSize,
                byLength,
                PythonProgram.of(session.sparkContext()),
                threads),
            column.declaredInputs(),
            requirements),
        inputs);
  }

  /** Casts and arithmetic take the ANSI mode of the session in which they are parsed. */
  private static Column parsed(SparkSession session, String sql) {
    return session.withActive(() -> functions.expr(sql));
  }

  private static Computation expression(
      SparkSession session,
      BoundExpression bound,
      ComputedColumn column,
      Requirements requirements) {
    return session.withActive(
        () ->
            new Computation.OfExpression(
                parsed(session, bound.sql()).cast(sparkType(column)),
                column.declaredInputs(),
                bound.kind() == BoundExpression.Kind.SQL_WITH_PYTHON,
                requirements));
  }

  private static DataType sparkType(ComputedColumn column) {
    if (!column.isGroup()) {
      return ColumnTypes.sparkType(column.columns().get(0).field());
    }
    StructType struct = new StructType();
    for (int i = 0; i < column.columns().size(); i++) {
      struct =
          struct.add(Computation.member(i), ColumnTypes.sparkType(column.columns().get(i).field()));
    }
    return struct;
  }

  private ExpressionBinder binder(
      SparkSession session,
      TableSnapshot table,
      String expression,
      Supplier<Map<String, UdfDescriptor>> known) {
    UnreadableColumns.refuse(session, table, expression);
    return new ExpressionBinder(
        session, table.sparkSchema(), table.arrowSchema(), () -> List.copyOf(known.get().values()));
  }

  /** The registered functions that expressions may call: the table's own before the catalog's. */
  Map<String, UdfDescriptor> functions() {
    Map<String, UdfDescriptor> known = new LinkedHashMap<>(ofCatalog());
    known.putAll(ofTable());
    return known;
  }

  /**
   * Those that a new declaration calls. A Python function's name says what it computes: of two that
   * bear one, the last one registered is meant.
   */
  private Map<String, UdfDescriptor> declarable() {
    Map<String, UdfDescriptor> known = functions();
    ofCatalog().values().stream()
        .filter(UdfDescriptor::isPython)
        .forEach(function -> known.put(function.name().toLowerCase(Locale.ROOT), function));
    return known;
  }

  /** Read once: a call binds to one state of them. */
  private Map<String, UdfDescriptor> ofCatalog() {
    Map<String, UdfDescriptor> known = ofCatalog;
    if (known == null) {
      known = descriptors(target.catalogFunctions().map(StoredFunctions::all).orElse(Map.of()));
      ofCatalog = known;
    }
    return known;
  }

  private Map<String, UdfDescriptor> ofTable() {
    Map<String, UdfDescriptor> known = ofTable;
    if (known == null) {
      known = descriptors(new StoredFunctions(new TableState(target.ref()).functions()).all());
      ofTable = known;
    }
    return known;
  }

  private static Map<String, UdfDescriptor> descriptors(Map<String, StoredFunction> functions) {
    Map<String, UdfDescriptor> descriptors = new LinkedHashMap<>();
    functions.forEach((name, function) -> descriptors.put(name, function.descriptor()));
    return descriptors;
  }

  /** The defaults that a column's function gives to its backfills, by option name. */
  public Map<String, String> functionOptions(ComputedColumn column) {
    if (!column.kind().equals(ComputedColumn.KIND_FUNCTION)) {
      return Map.of();
    }
    UdfDescriptor function = ofTable().get(column.function().toLowerCase(Locale.ROOT));
    if (function == null || !function.isPython()) {
      return Map.of(); // a Java function's options are its arguments
    }
    Map<String, String> options = new LinkedHashMap<>(function.options());
    options
        .keySet()
        .retainAll(BackfillOptions.callable().stream().map(ConfigOption::name).toList());
    return options;
  }

  /** Runs a binder; its faults come out with our codes, all together. */
  static <T> T coded(Supplier<T> binding) {
    try {
      return binding.get();
    } catch (ExpressionException e) {
      Faults faults = new Faults();
      for (ExpressionFault fault : e.faults()) {
        faults.add(
            new BackfillException(
                BackfillErrorCode.valueOf(fault.code().name()), fault.message(), e));
      }
      faults.throwIfAny();
      throw e;
    }
  }
}
