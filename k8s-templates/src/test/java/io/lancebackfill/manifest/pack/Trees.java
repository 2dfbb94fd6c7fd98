package io.lancebackfill.manifest.pack;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** Folders and wheels for tests. */
public final class Trees {
  private Trees() {}

  /** Writes a file and the folders around it. */
  public static Path write(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  /** The zips of a store or a folder, by name. */
  public static SortedMap<String, byte[]> zips(Path folder) throws IOException {
    SortedMap<String, byte[]> zips = new TreeMap<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.zip")) {
      for (Path file : files) {
        zips.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return zips;
  }

  /** The names of all files in the zips of a folder. */
  public static List<String> entries(Path folder) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.zip")) {
      for (Path file : files) {
        try (ZipFile zip = new ZipFile(file.toFile())) {
          zip.stream().map(ZipEntry::getName).forEach(names::add);
        }
      }
    }
    return names;
  }

  /** A wheel of one module, whose {@code VERSION} is its version, and of a script. */
  public static Path wheel(Path folder, String name, String version) throws IOException {
    Files.createDirectories(folder);
    Path wheel = folder.resolve(name + "-" + version + "-py3-none-any.whl");
    String info = name + "-" + version + ".dist-info/";
    try (OutputStream out = Files.newOutputStream(wheel);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      add(zip, name + "/__init__.py", "VERSION = '" + version + "'\n\n\ndef main():\n    pass\n");
      add(
          zip,
          info + "METADATA",
          "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n");
      add(
          zip,
          info + "WHEEL",
          "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
      add(
          zip,
          info + "entry_points.txt",
          "[console_scripts]\n" + name + "-run = " + name + ":main\n");
      add(
          zip,
          info + "RECORD",
          String.join(
              "\n",
              name + "/__init__.py,,",
              info + "METADATA,,",
              info + "WHEEL,,",
              info + "entry_points.txt,,",
              info + "RECORD,,\n"));
    }
    return wheel;
  }

  private static void add(ZipOutputStream zip, String name, String content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(content.getBytes(StandardCharsets.UTF_8));
    zip.closeEntry();
  }
}
