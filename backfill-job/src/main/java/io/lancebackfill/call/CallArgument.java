package io.lancebackfill.call;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;

/**
 * One argument as the caller wrote it, evaluated.
 *
 * @param name the name before {@code =>}; null for a positional argument
 * @param value strings, boxed numbers, {@code byte[]}, java.util lists and maps; null for NULL
 * @param type Spark's type of the value
 * @param text what to show of it in a message
 * @param problem why it has no value; null if it has one
 */
public record CallArgument(
    @Nullable String name,
    @Nullable Object value,
    DataType type,
    String text,
    @Nullable String problem) {

  public static CallArgument of(
      @Nullable String name, @Nullable Object value, DataType type, String text) {
    return new CallArgument(name, value, type, text, null);
  }

  /** An argument that is no constant. */
  public static CallArgument broken(@Nullable String name, String text, String problem) {
    return new CallArgument(name, null, DataTypes.NullType, text, problem);
  }
}
