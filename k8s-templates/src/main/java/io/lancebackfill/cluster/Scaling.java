package io.lancebackfill.cluster;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How many pods a group has.
 *
 * @param replicas at the start of work
 * @param least kept while nothing is to be done
 * @param most null is as many as there is work for
 * @param idleTimeout after which a pod without work is given back
 */
public record Scaling(int replicas, int least, @Nullable Integer most, Duration idleTimeout) {}
