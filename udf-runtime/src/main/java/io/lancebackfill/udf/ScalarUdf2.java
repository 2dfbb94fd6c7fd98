package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A {@link ScalarUdf} of two arguments. */
@FunctionalInterface
public interface ScalarUdf2<
        A extends @Nullable Object, B extends @Nullable Object, R extends @Nullable Object>
    extends ScalarUdf {
  R call(A first, B second) throws Exception;
}
