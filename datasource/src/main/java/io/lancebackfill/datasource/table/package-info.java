/**
 * Tables, their versions and their metadata, as plain values: the one place where Lance datasets
 * are opened, and the only one that reads native error text.
 */
@NullMarked
package io.lancebackfill.datasource.table;

import org.jspecify.annotations.NullMarked;
