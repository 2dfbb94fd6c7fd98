package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A {@link ScalarUdf} of one argument. */
@FunctionalInterface
public interface ScalarUdf1<A extends @Nullable Object, R extends @Nullable Object>
    extends ScalarUdf {
  R call(A argument) throws Exception;
}
