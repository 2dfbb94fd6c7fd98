package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A {@link ScalarUdf} of four arguments. */
@FunctionalInterface
public interface ScalarUdf4<
        A extends @Nullable Object,
        B extends @Nullable Object,
        C extends @Nullable Object,
        D extends @Nullable Object,
        R extends @Nullable Object>
    extends ScalarUdf {
  R call(A first, B second, C third, D fourth) throws Exception;
}
