package io.lancebackfill.manifest.pack;

import java.nio.file.Path;

/**
 * A folder or file that a manifest names.
 *
 * @param place where it is named: {@code paths[0]}
 * @param path the folder or file, without symbolic links
 * @param prefix its name in the manifest's tree
 * @param kind of its parts
 */
record SourceRoot(String place, Path path, String prefix, PartKind kind) {}
