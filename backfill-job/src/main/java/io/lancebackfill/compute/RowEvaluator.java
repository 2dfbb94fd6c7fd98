package io.lancebackfill.compute;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.exec.RowFailure;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/** Evaluates an expression row by row, and decides on those on which it fails. Not thread-safe. */
final class RowEvaluator {
  private final RowExpression expression;
  private final List<Field> fields;
  private final ErrorPolicy errors;
  private final Steps steps;

  /**
   * @param fields of the values, which come after the row address
   */
  RowEvaluator(RowExpression expression, List<Field> fields, ErrorPolicy errors) {
    this.expression = expression;
    this.fields = fields;
    this.errors = errors;
    this.steps = new Steps(expression.steps());
  }

  /** Compiled projections. Not thread-safe. */
  static final class Steps {
    private final List<UnsafeProjection> projections = new ArrayList<>();

    Steps(List<RowExpression.Step> steps) {
      for (RowExpression.Step step : steps) {
        projections.add(
            UnsafeProjection.create(
                JavaConverters.asScalaBuffer(step.values()).toList(),
                JavaConverters.asScalaBuffer(step.inputs()).toList()));
      }
    }

    /** What the last one gives, good until the next call. */
    InternalRow of(InternalRow row) {
      InternalRow value = row;
      for (UnsafeProjection projection : projections) {
        value = projection.apply(value);
      }
      return value;
    }
  }

  /** What a row comes to: its values after the row address, or its failure. */
  record Outcome(@Nullable InternalRow row, @Nullable RowFailure failure) {}

  /** The ordinal of the row address in scanned rows. */
  int address() {
    return expression.address();
  }

  /**
   * Evaluates a row, as often as the policy has it.
   *
   * @param offset the row's physical offset
   * @return the row, good until the next call
   * @throws BackfillException FUNCTION_FAILED if the policy is that no row may fail
   */
  Outcome evaluate(InternalRow scanned, int offset) {
    for (int attempt = 1; ; attempt++) {
      try {
        return new Outcome(fitting(steps.of(scanned)), null);
      } catch (TaskKilledException e) {
        throw e;
      } catch (Exception | LinkageError | StackOverflowError | AssertionError e) {
        TaskContext context = TaskContext.get();
        if (context != null) {
          context.killTaskIfInterrupted();
        }
        RowFailure failure = RowFailure.thrown(offset, RootCause.thrown(e), attempt);
        if (errors.retries(failure)) {
          pause(errors.waitMs(attempt));
        } else if (errors.nulls()) {
          return new Outcome(null, failure);
        } else {
          throw new BackfillException(
              BackfillErrorCode.FUNCTION_FAILED,
              "%s%n  on the row at physical offset %d".formatted(RootCause.ofFunction(e), offset),
              e);
        }
      }
    }
  }

  /** The row, if its vectors have as many elements as the columns' have. */
  private InternalRow fitting(InternalRow row) {
    for (int i = 0; i < fields.size(); i++) {
      if (fields.get(i).getType() instanceof ArrowType.FixedSizeList vectors
          && !row.isNullAt(i + 1)
          && row.getArray(i + 1).numElements() != vectors.getListSize()) {
        throw new IllegalArgumentException(
            "A value of column %s has %d elements, and the column's vectors have %d"
                .formatted(
                    fields.get(i).getName(),
                    row.getArray(i + 1).numElements(),
                    vectors.getListSize()));
      }
    }
    return row;
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException("interrupted while it waited to try a row again");
    }
  }
}
