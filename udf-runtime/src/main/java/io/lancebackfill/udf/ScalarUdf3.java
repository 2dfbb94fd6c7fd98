package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A {@link ScalarUdf} of three arguments. */
@FunctionalInterface
public interface ScalarUdf3<
        A extends @Nullable Object,
        B extends @Nullable Object,
        C extends @Nullable Object,
        R extends @Nullable Object>
    extends ScalarUdf {
  R call(A first, B second, C third) throws Exception;
}
