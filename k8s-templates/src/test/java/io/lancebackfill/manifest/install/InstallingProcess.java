package io.lancebackfill.manifest.install;

import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.manifest.store.FolderPartStore;
import io.lancebackfill.manifest.store.PartStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Installs in a process of its own. */
final class InstallingProcess {
  private InstallingProcess() {}

  /**
   * Arguments: the store, the cache, the packaged manifest, and the number of fetches after which
   * it stops with half a zip, says so, and waits to be killed. Prints the fetches it made.
   */
  public static void main(String[] arguments) throws IOException {
    PartStore store = new FolderPartStore(Path.of(arguments[0]));
    int limit = Integer.parseInt(arguments[3]);
    AtomicInteger fetches = new AtomicInteger();
    PartStore counting =
        new PartStore() {
          @Override
          public boolean exists(String hash) throws IOException {
            return store.exists(hash);
          }

          @Override
          public void put(String hash, InputStream zip, long length) throws IOException {
            store.put(hash, zip, length);
          }

          @Override
          public void fetch(String hash, Path target) throws IOException {
            store.fetch(hash, target);
            if (fetches.incrementAndGet() > limit) {
              byte[] zip = Files.readAllBytes(target);
              Files.write(target, java.util.Arrays.copyOf(zip, zip.length / 2));
              System.out.println("half");
              System.in.read();
            }
          }
        };
    System.in.read();
    InstalledManifest.install(
        PackagedManifest.parse(arguments[2]), counting, Path.of(arguments[1]));
    System.out.println(fetches.get());
  }

  static Process start(Path store, Path cache, PackagedManifest manifest, int limit)
      throws IOException {
    return new ProcessBuilder(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                InstallingProcess.class.getName(),
                store.toString(),
                cache.toString(),
                manifest.toJson(),
                String.valueOf(limit)))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
