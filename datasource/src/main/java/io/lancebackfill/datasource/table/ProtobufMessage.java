package io.lancebackfill.datasource.table;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads a message in protobuf's wire format: what Lance's manifests are written in. */
final class ProtobufMessage {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private ProtobufMessage() {}

  /** Gets each field of a message, in their order. */
  interface Visitor {
    /**
     * @param tag the field's number
     * @param number its value, if that is a number of variable length
     * @param bytes its value, if that is text, bytes or a message
     */
    void field(int tag, long number, ByteBuffer bytes);
  }

  /**
   * @throws RuntimeException if the bytes are no message; other fields may have been visited before
   */
  static void read(ByteBuffer message, Visitor visitor) {
    ByteBuffer in = message.slice().order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      long key = varint(in);
      int tag = Math.toIntExact(key >>> 3);
      switch ((int) key & 7) {
        case 0 -> visitor.field(tag, varint(in), NOTHING);
        case 1 -> in.getLong();
        case 2 -> {
          int length = Math.toIntExact(varint(in));
          visitor.field(tag, 0, in.slice(in.position(), length));
          in.position(in.position() + length);
        }
        case 5 -> in.getInt();
        default -> throw new IllegalArgumentException("Wire type " + (key & 7) + " is unknown");
      }
    }
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7F) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("A number is longer than 64 bits");
  }
}
