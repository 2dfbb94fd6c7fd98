package io.lancebackfill.fingerprint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** A hash of a sequence of values, none of which can run into the next. */
final class CanonicalHash {
  private static final int BYTES = 16;

  private final MessageDigest digest;

  CanonicalHash() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }

  CanonicalHash add(String value) {
    return add(value.getBytes(UTF_8));
  }

  CanonicalHash add(byte[] value) {
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(value.length).array());
    digest.update(value);
    return this;
  }

  /** The first 16 bytes of the SHA-256 of all values, in hex. Ends this hash. */
  String hex() {
    return HexFormat.of().formatHex(Arrays.copyOf(digest.digest(), BYTES));
  }
}
