/**
 * Cluster definitions: where the executors that a function needs exist. Knows Spark on Kubernetes
 * and fabric8's client, and nothing of tables, columns or jobs.
 */
@NullMarked
package io.lancebackfill.cluster;

import org.jspecify.annotations.NullMarked;
