package io.lancebackfill.compute;

import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.udf.UdfDescriptor;
import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call of a registered function on Arrow batches; plain values, for executors.
 *
 * @param arguments names of the table's columns that the function gets, in order
 * @param batchSize rows of a batch, or null for the adaptive size
 * @param byLength whether a Python function may get rows of like lengths together, which need not
 *     follow each other
 * @param python the program that Python workers run, on each executor
 * @param threads how many rows, or parts of a batch, are computed at once in a worker
 * @param environment that the workers of a Python function run in, or null for their own
 */
public record ArrowFunction(
    UdfDescriptor descriptor,
    List<String> arguments,
    @Nullable Integer batchSize,
    boolean byLength,
    String python,
    int threads,
    @Nullable WorkerEnvironment environment)
    implements Serializable {

  /** In the workers' own environment. */
  public ArrowFunction(
      UdfDescriptor descriptor,
      List<String> arguments,
      @Nullable Integer batchSize,
      boolean byLength,
      String python,
      int threads) {
    this(descriptor, arguments, batchSize, byLength, python, threads, null);
  }

  /** The same call in another environment. */
  public ArrowFunction in(@Nullable WorkerEnvironment other) {
    return new ArrowFunction(descriptor, arguments, batchSize, byLength, python, threads, other);
  }

  /** The same call on batches of so many rows. */
  ArrowFunction inBatchesOf(int rows) {
    return new ArrowFunction(descriptor, arguments, rows, byLength, python, threads, environment);
  }

  /** The same call with the names that its arguments have in a version of the table. */
  public ArrowFunction reading(TableSnapshot table, DeclaredInputs declared) {
    return new ArrowFunction(
        descriptor,
        arguments.stream()
            .map(name -> declared.column(table, name).map(TableColumn::name).orElse(name))
            .toList(),
        batchSize,
        byLength,
        python,
        threads,
        environment);
  }
}
