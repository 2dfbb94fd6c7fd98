/** Binds a column's expression or a filter to a table's columns and names what it depends on. */
@NullMarked
package io.lancebackfill.expression;

import org.jspecify.annotations.NullMarked;
