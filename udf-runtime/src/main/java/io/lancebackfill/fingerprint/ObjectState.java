package io.lancebackfill.fingerprint;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.OutputStream;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The values that a function object carries, in their serialised form, and the classes of those
 * values.
 */
final class ObjectState {
  private static final byte[] NONE = new byte[0];

  private final byte[] bytes;
  private final Set<Class<?>> classes;

  private ObjectState(byte[] bytes, Set<Class<?>> classes) {
    this.bytes = bytes;
    this.classes = classes;
  }

  /**
   * Reads an object's state.
   *
   * @throws FingerprintException if it has state that is not equal in every process
   */
  static ObjectState of(String function, Object object) {
    if (!hasFields(object.getClass())) {
      return new ObjectState(NONE, Set.of());
    }
    try {
      Set<Class<?>> classes = new LinkedHashSet<>();
      byte[] first = serialise(object, classes);
      // Hash codes by identity change the order of sets when they are built again.
      byte[] second = serialise(deserialise(first, object.getClass().getClassLoader()), classes);
      if (!Arrays.equals(first, second)) {
        throw FingerprintException.needsVersion(
            function, "the values in its fields have no order that is equal in every process");
      }
      return new ObjectState(first, classes);
    } catch (IOException | ClassNotFoundException | ClassCastException e) {
      throw FingerprintException.needsVersion(
          function, "the values in its fields cannot be serialised (%s)".formatted(e));
    } catch (LambdaInside e) {
      throw FingerprintException.needsVersion(
          function, "one of its fields holds a lambda or method reference");
    }
  }

  /** Empty if the object has no fields. */
  byte[] bytes() {
    return bytes;
  }

  /** Classes of the object and of what it refers to. */
  Set<Class<?>> classes() {
    return classes;
  }

  private static boolean hasFields(Class<?> type) {
    for (Class<?> c = type; c != null; c = c.getSuperclass()) {
      boolean any =
          !ClassCode.isPlatform(c)
              && Arrays.stream(c.getDeclaredFields())
                  .anyMatch(field -> !Modifier.isStatic(field.getModifiers()));
      if (any) {
        return true;
      }
    }
    return false;
  }

  private static byte[] serialise(Object object, Set<Class<?>> classes) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (Recorder out = new Recorder(bytes, classes)) {
      out.writeObject(object);
    }
    return bytes.toByteArray();
  }

  private static Object deserialise(byte[] bytes, ClassLoader loader)
      throws IOException, ClassNotFoundException {
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes)) {
          @Override
          protected Class<?> resolveClass(ObjectStreamClass description)
              throws IOException, ClassNotFoundException {
            try {
              return Class.forName(description.getName(), false, loader);
            } catch (ClassNotFoundException e) {
              return super.resolveClass(description);
            }
          }
        }) {
      return in.readObject();
    }
  }

  private static final class LambdaInside extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private static final class Recorder extends ObjectOutputStream {
    private final Set<Class<?>> classes;

    Recorder(OutputStream out, Set<Class<?>> classes) throws IOException {
      super(out);
      this.classes = classes;
      enableReplaceObject(true);
    }

    @Override
    protected void annotateClass(Class<?> type) {
      classes.add(type);
    }

    @Override
    protected Object replaceObject(Object object) {
      if (object instanceof SerializedLambda) {
        throw new LambdaInside();
      }
      return object;
    }
  }
}
