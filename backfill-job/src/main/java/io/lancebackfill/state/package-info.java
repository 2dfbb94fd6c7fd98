/**
 * What is kept beside the table: jobs, origins of column files, checkpoints, functions; all of it
 * Lance datasets.
 */
@NullMarked
package io.lancebackfill.state;

import org.jspecify.annotations.NullMarked;
