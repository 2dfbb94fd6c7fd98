package io.lancebackfill.cluster.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A script as Spark's resource discovery calls it. */
final class GpuDiscovery {
  private GpuDiscovery() {}

  /** Writes a script that tells the devices which the kubelet gave to its pod. */
  static Path script(Path folder) throws IOException {
    Path script = folder.resolve("gpus.sh");
    Files.writeString(
        script,
        """
        #!/bin/sh
        addresses=$(echo "$NVIDIA_VISIBLE_DEVICES" | sed 's/[0-9][0-9]*/"&"/g')
        echo "{\\"name\\": \\"gpu\\", \\"addresses\\": [$addresses]}"
        """);
    if (!script.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + script + " executable");
    }
    return script;
  }
}
