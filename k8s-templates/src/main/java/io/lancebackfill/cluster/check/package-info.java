/** Says what keeps a cluster's pods from running, before the first and while they wait. */
@NullMarked
package io.lancebackfill.cluster.check;

import org.jspecify.annotations.NullMarked;
