package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestFault;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lists the files of one root. A symbolic link is replaced by what it leads to, if that is below
 * the root and does not contain the link. Faults are collected, so that all are reported at once.
 */
final class SourceWalk {
  /** Stands for a character that this process's locale does not have. */
  private static final char UNREADABLE_CHARACTER = '\uFFFD';

  private final SourceRoot root;
  private final Set<Path> leftOut;
  private final List<ManifestFault> faults = new ArrayList<>();
  private final List<SourceFile> files = new ArrayList<>();
  private final Deque<Path> ancestors = new ArrayDeque<>();
  private final Class<? extends BasicFileAttributes> attributes;

  /** Folders right below the root, each for a walk of its own; null in those. */
  private final @Nullable List<Callable<SourceWalk>> branches;

  private SourceWalk(
      SourceRoot root, Set<Path> leftOut, @Nullable List<Callable<SourceWalk>> branches) {
    this.root = root;
    this.leftOut = leftOut;
    this.branches = branches;
    this.attributes =
        root.path().getFileSystem().supportedFileAttributeViews().contains("posix")
            ? PosixFileAttributes.class
            : BasicFileAttributes.class;
  }

  /**
   * The files below a root, in no order.
   *
   * @param leftOut folders that are not looked into
   * @param faults what cannot be packaged is added here
   */
  static List<SourceFile> files(
      SourceRoot root, Set<Path> leftOut, Workers workers, List<ManifestFault> faults)
      throws IOException, InterruptedException {
    List<Callable<SourceWalk>> branches = new ArrayList<>();
    SourceWalk trunk = new SourceWalk(root, leftOut, branches);
    trunk.visit(root.path(), root.prefix(), Set.of());
    List<SourceWalk> walks = new ArrayList<>(List.of(trunk));
    walks.addAll(workers.all(branches));
    walks.forEach(walk -> faults.addAll(walk.faults));
    return walks.stream().flatMap(walk -> walk.files.stream()).toList();
  }

  private SourceWalk branch(Path folder, String name, Set<String> beside) {
    SourceWalk branch = new SourceWalk(root, leftOut, null);
    branch.ancestors.push(root.path());
    branch.visit(folder, name, beside);
    return branch;
  }

  private void visit(Path path, String name, Set<String> beside) {
    try {
      BasicFileAttributes found = Files.readAttributes(path, attributes, LinkOption.NOFOLLOW_LINKS);
      if (found.isSymbolicLink()) {
        link(path, name, beside);
      } else if (found.isDirectory() && branches != null && !path.equals(root.path())) {
        branches.add(() -> branch(path, name, beside));
      } else if (found.isDirectory()) {
        folder(path, name, beside);
      } else if (found.isRegularFile()) {
        file(path, name, found);
      } else {
        fault(path, "is no file, folder or link. Remove it, or move it out of the folder.");
      }
    } catch (IOException e) {
      fault(path, reason(e));
    }
  }

  static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "may not be read by this user. Give the right to read it, or move it out of the"
          + " folder.";
    }
    if (e instanceof NoSuchFileException) {
      return "went away while it was read. Package again when nothing writes there.";
    }
    String cause =
        e instanceof FileSystemException named && named.getReason() != null
            ? named.getReason()
            : String.valueOf(e.getMessage());
    return "cannot be read: " + cause + ". Mend it, or move it out of the folder.";
  }

  private void link(Path link, String name, Set<String> beside) throws IOException {
    Path target;
    try {
      target = link.toRealPath();
    } catch (NoSuchFileException e) {
      fault(link, "is a symbolic link to what does not exist. Remove it, or mend it.");
      return;
    } catch (FileSystemLoopException e) {
      fault(link, "is a symbolic link that leads to itself. Remove it.");
      return;
    } catch (FileSystemException e) {
      if (Files.readSymbolicLink(link).toString().isEmpty() || tooManyLinks(e)) {
        fault(link, "is a symbolic link that leads to itself. Remove it.");
        return;
      }
      throw e;
    }
    if (!target.startsWith(root.path())) {
      fault(
          link,
          "is a symbolic link out of "
              + root.path()
              + ", to "
              + target
              + ". Remove it, or list what it leads to in paths or py_modules.");
    } else if (ancestors.contains(target)) {
      fault(link, "is a symbolic link to " + target + ", a folder around it. Remove it.");
    } else {
      visit(target, name, beside);
    }
  }

  private static boolean tooManyLinks(FileSystemException e) {
    return e.getReason() != null && e.getReason().contains("Too many levels of symbolic links");
  }

  private void folder(Path folder, String name, Set<String> beside) throws IOException {
    boolean installed = root.kind() == PartKind.SITE_PACKAGES;
    String own = String.valueOf(folder.getFileName());
    boolean top = folder.equals(root.path());
    boolean excluded =
        leftOut.contains(folder)
            || (installed ? Exclusions.installedFolder(own) : Exclusions.folder(own));
    if (excluded && !top) {
      return;
    }
    List<Path> children = children(folder);
    Set<String> names = new HashSet<>();
    children.forEach(child -> names.add(String.valueOf(child.getFileName())));
    if (!installed && !top && Exclusions.folder(own, names, beside)) {
      return;
    }
    ancestors.push(folder);
    for (Path child : children) {
      String childName = String.valueOf(child.getFileName());
      if (installed ? Exclusions.installedFile(childName) : Exclusions.file(childName)) {
        continue;
      }
      if (childName.indexOf('\\') >= 0 || childName.indexOf(UNREADABLE_CHARACTER) >= 0) {
        fault(
            child,
            "has a name that a zip cannot carry to other machines. Rename it; if the name looks"
                + " wrong here, start the session with LC_ALL=C.UTF-8.");
        continue;
      }
      visit(child, name + "/" + childName, names);
    }
    ancestors.pop();
  }

  private static List<Path> children(Path folder) throws IOException {
    List<Path> children = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      stream.forEach(children::add);
    } catch (DirectoryIteratorException e) {
      throw new IOException("its list of files broke off", e);
    }
    return children;
  }

  private void file(Path file, String name, BasicFileAttributes found) {
    boolean executable =
        found instanceof PosixFileAttributes posix
            && posix.permissions().contains(PosixFilePermission.OWNER_EXECUTE);
    files.add(new SourceFile(name, file, stamp(found), executable));
  }

  private static SourceFile.Stamp stamp(BasicFileAttributes found) {
    @Nullable Object key = found.fileKey();
    return new SourceFile.Stamp(
        found.size(),
        found.lastModifiedTime().to(TimeUnit.NANOSECONDS),
        key == null ? 0 : key.hashCode());
  }

  /** The stamp that a file has now. */
  static SourceFile.Stamp stamp(Path file) throws IOException {
    return stamp(Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
  }

  private void fault(Path path, String problem) {
    faults.add(new ManifestFault(root.place(), path + " " + problem));
  }
}
