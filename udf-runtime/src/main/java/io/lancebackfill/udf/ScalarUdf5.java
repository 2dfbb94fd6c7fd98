package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A {@link ScalarUdf} of five arguments. */
@FunctionalInterface
public interface ScalarUdf5<
        A extends @Nullable Object,
        B extends @Nullable Object,
        C extends @Nullable Object,
        D extends @Nullable Object,
        E extends @Nullable Object,
        R extends @Nullable Object>
    extends ScalarUdf {
  R call(A first, B second, C third, D fourth, E fifth) throws Exception;
}
