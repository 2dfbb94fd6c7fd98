package io.lancebackfill.environment;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The folder of a machine in which environments are installed. */
final class EnvironmentCache {
  private static final Set<PosixFilePermission> OWN = PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> OF_OTHERS =
      PosixFilePermissions.fromString("----w--w-");

  private EnvironmentCache() {}

  /**
   * Makes the folder, or finds it.
   *
   * @param given by the user; null for one of this user's below {@code java.io.tmpdir}
   * @throws IOException if it cannot be made, or if other users can write to it
   */
  static Path folder(@Nullable String given) throws IOException {
    if (given != null) {
      return Files.createDirectories(Path.of(given));
    }
    Path temporary = Path.of(System.getProperty("java.io.tmpdir")).toAbsolutePath();
    return ownFolder(temporary, "lance-backfill-environments-" + System.getProperty("user.name"));
  }

  /** All users may write to the folder around it, and so may have made one of that name. */
  static Path ownFolder(Path around, String name) throws IOException {
    Path folder = around.resolve(name);
    try {
      return Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWN));
    } catch (FileAlreadyExistsException e) {
      Path ours = Files.createTempFile(around, "owner", null);
      try {
        UserPrincipal user = Files.getOwner(ours);
        boolean safe =
            Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
                && Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).equals(user)
                && Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).stream()
                    .noneMatch(OF_OTHERS::contains);
        if (!safe) {
          throw new IOException(
              "%s is not a folder that only this user, %s, may write to: code from it is not run. Delete it, or set %s to another folder."
                  .formatted(folder, user.getName(), WorkerEnvironment.CACHE_SETTING));
        }
        return folder;
      } finally {
        Files.delete(ours);
      }
    }
  }
}
