package io.lancebackfill.compute;

import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.catalyst.InternalRow;
import org.jspecify.annotations.Nullable;

/** Rows that Spark computed, fragment after fragment. */
public final class QueryRows implements TaskPack.Rows {
  private final Supplier<Iterator<InternalRow>> query;
  private final List<Field> fields;
  private final @Nullable RowEvaluator evaluator;
  private @Nullable Iterator<InternalRow> rows;
  private @Nullable InternalRow next;

  /**
   * @param query begins it; the row address comes first, then a value for each of {@code fields}
   */
  public QueryRows(Supplier<Iterator<InternalRow>> query, List<Field> fields) {
    this(query, fields, null);
  }

  private QueryRows(
      Supplier<Iterator<InternalRow>> query, List<Field> fields, @Nullable RowEvaluator evaluator) {
    this.query = query;
    this.fields = fields;
    this.evaluator = evaluator;
  }

  /**
   * Rows whose values an expression has, evaluated on each by itself.
   *
   * @param scan begins the scan of its inputs
   */
  public static QueryRows evaluated(
      Supplier<Iterator<InternalRow>> scan,
      List<Field> fields,
      RowExpression expression,
      ErrorPolicy errors) {
    return new QueryRows(scan, fields, new RowEvaluator(expression, fields, errors));
  }

  /** What evaluates the rows that {@link #peek} gives; null if they hold their values. */
  @Nullable RowEvaluator evaluator() {
    return evaluator;
  }

  @Override
  public OffsetStream of(TaskSpec task, BufferAllocator allocator) {
    long count = RowOffsets.fromBytes(task.compute()).getLongCardinality();
    return new ExpressionRows(this, task.fragmentId(), count, fields, allocator);
  }

  /** The next row, which stays so until it is taken; null at the end. */
  @Nullable InternalRow peek() {
    if (next == null) {
      Iterator<InternalRow> begun = rows;
      if (begun == null) {
        begun = query.get();
        rows = begun;
      }
      next = begun.hasNext() ? begun.next() : null;
    }
    return next;
  }

  void taken() {
    next = null;
  }

  /** Spark ends its queries with its tasks. */
  @Override
  public void close() {}
}
