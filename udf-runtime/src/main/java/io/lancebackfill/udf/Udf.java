package io.lancebackfill.udf;

/**
 * A Java function that computes columns: a {@link ScalarUdf} row by row, or a {@link ColumnUdf} on
 * Arrow batches. An implementation is a public class with a public constructor without arguments.
 * One instance serves one task, or one after another if it is {@link #reusable}, and is called by
 * one thread at a time: {@link #open} once, then its rows or batches, {@link #close} once.
 */
public interface Udf extends AutoCloseable {

  /**
   * What it is registered by without naming its class, if a jar lists the class in {@code
   * META-INF/services/io.lancebackfill.udf.Udf}.
   */
  default String name() {
    return getClass().getSimpleName();
  }

  /** Called once before the first row, to load models and the like. */
  default void open(UdfContext context) throws Exception {}

  /** Called once after the last row, also when a row failed. */
  @Override
  default void close() throws Exception {}

  /**
   * The version of what this function computes. A column's values are stale once its function has
   * another version.
   *
   * @return empty to let a hash of the class stand for the version
   */
  default String version() {
    return "";
  }

  /**
   * Whether an instance may serve other tasks after its first one: those of the same options and
   * GPUs in the same process, also of later jobs. It stays open between them, with what it has
   * loaded, and is closed a minute after its last task or at the end of the process. What {@link
   * #open} was told of its task is of the first one.
   */
  default boolean reusable() {
    return false;
  }
}
