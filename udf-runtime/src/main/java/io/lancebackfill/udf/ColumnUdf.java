package io.lancebackfill.udf;

import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * A function on Arrow batches that computes one column, or several by a struct. {@link #apply} is
 * called for each batch.
 */
public interface ColumnUdf extends Udf {

  /**
   * The result's type. Called on the driver when the function is bound and in each task before its
   * first batch; it must depend on the arguments only.
   *
   * @param inputs the fields of the arguments, in the order of the call
   * @return a field whose type, children and nullability count; its name is ignored
   * @throws IllegalArgumentException if the inputs do not fit, with a message that says which does
   *     fit
   */
  Field output(List<Field> inputs);

  /**
   * Computes one batch. The same inputs must give the same values in every task and on every
   * attempt.
   *
   * @param inputs views of the arguments' buffers, not copies; they belong to the caller and are
   *     valid during this call only
   * @param rows the number of rows of each input, at least 1
   * @param allocator for the result and for what is needed meanwhile
   * @return a vector of {@code rows} values of the type that {@link #output} named; the caller
   *     closes it. Returning one of the inputs is allowed.
   */
  FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) throws Exception;
}
