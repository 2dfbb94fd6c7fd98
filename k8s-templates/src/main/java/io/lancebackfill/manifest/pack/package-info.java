/**
 * Packages what a manifest names: content hashes, parts of bounded size, zips that are equal
 * everywhere.
 */
@NullMarked
package io.lancebackfill.manifest.pack;

import org.jspecify.annotations.NullMarked;
