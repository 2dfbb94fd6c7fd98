package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.store.FolderPartStore;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Packages in a process of its own. */
final class PackagingProcess {
  private PackagingProcess() {}

  /** Arguments: the workspace, the store, the cache, Python, the manifest. Prints the result. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    PackagingOptions options =
        PackagingOptions.builder()
            .folder(Path.of(arguments[0]))
            .cache(Path.of(arguments[2]))
            .python(arguments[3])
            .partFiles(7)
            .threads(3)
            .build();
    FolderPartStore store = new FolderPartStore(Path.of(arguments[1]));
    out.println(
        new Packager(store, options, progress -> {})
            .pack(ManifestSpec.parse(arguments[4]))
            .toJson());
  }

  /** Runs it, with what is to stand before and after {@code java}, and gives what it printed. */
  static Ended run(List<String> before, List<String> flags, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(before);
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(flags);
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), PackagingProcess.class.getName()));
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new IllegalStateException("packaging hangs: " + output);
    }
    return new Ended(process.exitValue(), output);
  }

  record Ended(int exit, String output) {}
}
