/** API servers for test clusters. */
package io.lancebackfill.cluster.harness.api;
