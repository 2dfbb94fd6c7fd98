package io.lancebackfill.benchmarks;

/**
 * One run of one arm.
 *
 * @param round 0 for the warm-up
 * @param cpuSeconds of the whole process, all threads
 * @param tableBytes by which the table's folder grew
 * @param writtenBytes that the process handed to the system, files that are gone again included; -1
 *     where the system does not say
 * @param differences rows that differ from the reference; -1 for an arm that writes nothing
 */
record Measurement(
    String fill,
    String arm,
    int round,
    double seconds,
    double cpuSeconds,
    long tableBytes,
    long writtenBytes,
    long differences) {}
