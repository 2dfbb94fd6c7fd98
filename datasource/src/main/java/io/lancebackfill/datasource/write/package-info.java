/** Writes column files and deletes those that no version of a table names. */
@NullMarked
package io.lancebackfill.datasource.write;

import org.jspecify.annotations.NullMarked;
