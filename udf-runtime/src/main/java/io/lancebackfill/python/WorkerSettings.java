package io.lancebackfill.python;

import io.lancebackfill.exec.ErrorPolicy;
import java.io.Serializable;
import java.util.Map;

/**
 * How a worker runs a function; plain values, for executors.
 *
 * @param python the program that workers run, on each executor
 * @param batchSize rows that the function gets at a time; 0 for a size that follows its speed
 * @param byLength whether rows of like lengths may go together
 * @param threads how many rows, or parts of a batch, are computed at once in a worker
 * @param environment further variables of the workers; PYTHONPATH goes behind ours
 */
public record WorkerSettings(
    String python,
    int batchSize,
    boolean byLength,
    long checkpointIntervalMs,
    ErrorPolicy errors,
    int threads,
    Map<String, String> environment)
    implements Serializable {}
