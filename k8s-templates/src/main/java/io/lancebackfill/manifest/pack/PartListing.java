package io.lancebackfill.manifest.pack;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The hash of a part: SHA-256 over the name, mode and SHA-256 of each of its files, in the order of
 * their names' UTF-8 bytes. It is known without a zip, and does not depend on how one is
 * compressed.
 */
public final class PartListing {
  private static final HexFormat HEX = HexFormat.of();
  private final MessageDigest digest = sha256();

  public PartListing() {
    digest.update("lance-backfill part 1\n".getBytes(StandardCharsets.UTF_8));
  }

  /** A new digest of the kind that contents are hashed with. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Java has no SHA-256", e);
    }
  }

  /**
   * Adds a file, after those whose names sort before.
   *
   * @param name with {@code /} between folders
   * @param content 32 bytes
   */
  public void add(String name, boolean executable, byte[] content) {
    add(name.getBytes(StandardCharsets.UTF_8), executable, content);
  }

  void add(byte[] name, boolean executable, byte[] content) {
    digest.update(name);
    digest.update((byte) 0);
    digest.update((byte) (executable ? 'x' : '-'));
    digest.update(content);
  }

  /** The hash in hexadecimal; the listing is of no use afterwards. */
  public String hash() {
    return HEX.formatHex(digest.digest());
  }
}
