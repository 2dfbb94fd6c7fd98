package io.lancebackfill.fingerprint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/**
 * Files of the user's own that a Python imported to look at functions. A function that lies in one
 * of them is pickled by name, so that its bytes stay the same when the file is edited.
 *
 * @param contents SHA-256 of each file's content when it was imported, in hex digits, by its path
 */
record ImportedFiles(Map<String, String> contents) {
  /** Whether each of the files has the same content still. */
  boolean unchanged() {
    return contents.entrySet().stream()
        .allMatch(file -> file.getValue().equals(contentOf(Path.of(file.getKey()))));
  }

  private static String contentOf(Path file) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
    } catch (IOException e) {
      return "cannot be read: " + e; // Then Python says so, or imports it from elsewhere.
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java has SHA-256.", e);
    }
  }
}
