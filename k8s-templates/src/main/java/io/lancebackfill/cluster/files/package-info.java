/** A cluster's definition as files to deploy: what Kubernetes, its operator and builders read. */
@NullMarked
package io.lancebackfill.cluster.files;

import org.jspecify.annotations.NullMarked;
