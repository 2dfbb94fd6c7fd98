package io.lancebackfill.run;

import io.lancebackfill.udf.UdfDescriptor;
import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call of a registered function on Arrow batches; plain values, for executors.
 *
 * @param arguments names of the table's columns that the function gets, in order
 * @param batchSize rows of a batch, or null for the adaptive size
 */
public record ArrowFunction(
    UdfDescriptor descriptor, List<String> arguments, @Nullable Integer batchSize)
    implements Serializable {}
