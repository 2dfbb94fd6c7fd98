/**
 * Attaches column files to a table's newest version, whatever happened to it since they were made.
 */
@NullMarked
package io.lancebackfill.datasource.commit;

import org.jspecify.annotations.NullMarked;
