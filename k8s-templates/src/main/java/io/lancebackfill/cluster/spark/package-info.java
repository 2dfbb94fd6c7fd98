/**
 * From a cluster's definition to Spark: settings of a session, resource profiles, and the pods that
 * Spark makes for them. Only {@link io.lancebackfill.cluster.spark.ExecutorGroupStep} needs Spark's
 * Kubernetes classes.
 */
@NullMarked
package io.lancebackfill.cluster.spark;

import org.jspecify.annotations.NullMarked;
