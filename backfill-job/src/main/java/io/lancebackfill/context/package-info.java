/**
 * Where functions run: the definitions of clusters that a catalog keeps, and what a job takes of
 * one.
 */
@NullMarked
package io.lancebackfill.context;

import org.jspecify.annotations.NullMarked;
