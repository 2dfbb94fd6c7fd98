package io.lancebackfill.declare;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.StoredFunctions.StoredFunction;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import org.apache.spark.sql.SparkSession;

/** The code of a table's Python functions, for programs that run it themselves. */
public final class FunctionBodies {
  private final SparkSession spark;
  private final TableTarget target;

  public FunctionBodies(SparkSession spark, TableTarget target) {
    this.spark = spark;
    this.target = target;
  }

  /** A function of the table, and its pickled bytes. */
  public record FunctionBody(StoredFunction function, byte[] body) {}

  /**
   * Reads a function that a column of the table has or had.
   *
   * @throws BackfillException FUNCTION_NOT_FOUND; INVALID_ARGUMENT if it is no Python function;
   *     FUNCTION_NOT_TRUSTED if the session may not run it; STATE_DAMAGED if its bytes are lost
   */
  public FunctionBody read(String name) {
    return StorageErrors.translate(
        target,
        () -> {
          StoredFunctions stored = new StoredFunctions(new TableState(target.ref()).functions());
          StoredFunction function =
              stored
                  .find(name)
                  .orElseThrow(
                      () ->
                          new BackfillException(
                              BackfillErrorCode.FUNCTION_NOT_FOUND,
                              "No column of table %s has or had a function '%s'. Those that it keeps are %s."
                                  .formatted(target.name(), name, stored.all().keySet())));
          if (!function.descriptor().isPython()) {
            throw new BackfillException(
                BackfillErrorCode.INVALID_ARGUMENT,
                "Function '%s' is the Java class %s, and the table keeps no code of it. Name a Python function."
                    .formatted(name, function.descriptor().className()));
          }
          FunctionTrust.checkBody(spark, function.descriptor());
          return new FunctionBody(function, stored.bodyOf(function.descriptor()));
        });
  }
}
