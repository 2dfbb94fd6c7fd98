/**
 * Small Lance datasets that keep state beside a table: append-only rows, checkpoints of finished
 * rows, leases. Concurrency rests on Lance's own commits alone.
 */
@NullMarked
package io.lancebackfill.datasource.store;

import org.jspecify.annotations.NullMarked;
