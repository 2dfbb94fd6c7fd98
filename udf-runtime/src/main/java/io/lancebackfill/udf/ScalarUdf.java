package io.lancebackfill.udf;

import java.util.List;
import java.util.Optional;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * A function that is called row by row with Java values. A class implements one of {@link
 * ScalarUdf1} to {@link ScalarUdf5} with concrete types; what is NULL it gets, and returns, as
 * null. A row on which it throws has failed, alone. The same inputs must give the same value in
 * every task and on every attempt.
 *
 * <p>Values of Arrow types are, as arguments and results:
 *
 * <ul>
 *   <li>Boolean, Byte, Short, Integer, Long, Float, Double, which also take narrower numbers;
 *       String; byte[]; BigDecimal
 *   <li>LocalDate; Instant for timestamps with a time zone, LocalDateTime for those without
 *   <li>List of one of these types; int[], long[], float[], double[] for lists and vectors of them,
 *       without NULLs
 *   <li>a record for a struct, its components for the fields of their names; a result that is one
 *       can fill several columns
 * </ul>
 */
public interface ScalarUdf extends Udf {

  /**
   * The result's Arrow type, where that of its Java type is not meant: a vector's length, a
   * decimal's precision. Called on the driver when the function is bound and in each task before
   * {@link #open}; it must depend on the arguments only.
   *
   * @param inputs the fields of the arguments, in the order of the call
   * @return a field whose name is ignored; empty to take the type from the Java type
   * @throws IllegalArgumentException if the inputs do not fit, with a message that says which does
   *     fit
   */
  default Optional<Field> output(List<Field> inputs) {
    return Optional.empty();
  }

  /** The type of vectors of floats of one length, for {@link #output}. */
  static Field vector(int dimensions) {
    return new Field(
        "vector",
        FieldType.nullable(new ArrowType.FixedSizeList(dimensions)),
        List.of(
            Field.nullable("item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE))));
  }
}
