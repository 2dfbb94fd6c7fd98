package io.lancebackfill.context;

import com.fasterxml.jackson.core.type.TypeReference;
import io.lancebackfill.context.StoredDefinitions.Missing;
import io.lancebackfill.context.StoredDefinitions.Stored;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.environment.LancePartStore;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.manifest.pack.Packager;
import io.lancebackfill.manifest.pack.PackagingListener;
import io.lancebackfill.manifest.pack.PackagingOptions;
import io.lancebackfill.manifest.pack.Part;
import io.lancebackfill.state.Json;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The manifests of a catalog: what Python workers need installed, and its parts. */
public final class Manifests {
  private static final Logger LOG = LoggerFactory.getLogger(Manifests.class);
  private static final Missing MISSING =
      new Missing(BackfillErrorCode.MANIFEST_NOT_FOUND, "manifest");

  private static final TypeReference<Map<String, String>> TEXTS = new TypeReference<>() {};

  private final DatasetRef root;
  private final StoredDefinitions stored;

  /**
   * @param root folder of the catalog
   */
  public Manifests(DatasetRef root) {
    this.root = root;
    this.stored = new StoredDefinitions(root, "manifests");
  }

  /** A manifest as it was given, as it was packaged, and when. */
  public record Defined(ManifestSpec spec, PackagedManifest packaged, Instant at) {}

  /**
   * Packages what a manifest names, beside the catalog's tables, and keeps it in the place of one
   * of its name.
   *
   * @param spec JSON or YAML
   * @throws BackfillException MANIFEST_INVALID, a line for each fault with its place; a code of the
   *     storage if the parts cannot be stored
   */
  public Defined define(String spec, PackagingOptions options, PackagingListener listener) {
    ManifestSpec manifest = checked(() -> ManifestSpec.parse(spec));
    Map<String, Defined> before = readable();
    PackagedManifest packaged = checked(() -> pack(manifest, before, options, listener));
    @Nullable Defined same = before.get(manifest.name());
    if (same != null && same.packaged().equals(packaged) && same.spec().equals(manifest)) {
      return same;
    }
    stored.put(
        manifest.name(),
        Json.write(Map.of("spec", manifest.toJson(), "packaged", packaged.toJson())));
    return new Defined(manifest, packaged, Instant.now().truncatedTo(ChronoUnit.MICROS));
  }

  private PackagedManifest pack(
      ManifestSpec manifest,
      Map<String, Defined> before,
      PackagingOptions options,
      PackagingListener listener) {
    // A manifest is kept once all its parts are stored, and clean spares them.
    Set<String> whole =
        before.values().stream()
            .flatMap(each -> each.packaged().parts().stream().map(Part::hash))
            .collect(Collectors.toSet());
    try {
      LancePartStore parts = new LancePartStore(root).knowing(whole);
      return new Packager(parts, options, listener).pack(manifest);
    } catch (IOException e) {
      throw WorkerEnvironment.failed(
          "Manifest '%s' could not be packaged".formatted(manifest.name()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The packaging of manifest '%s' was interrupted. What was uploaded is kept; the same call goes on from there."
              .formatted(manifest.name()),
          e);
    }
  }

  private Map<String, Defined> readable() {
    Map<String, Defined> readable = new HashMap<>();
    stored
        .all()
        .forEach(
            (name, definition) -> {
              try {
                readable.put(name, defined(definition));
              } catch (BackfillException e) {
                LOG.info("Manifest '{}' cannot be read; its parts are looked for.", name, e);
              }
            });
    return readable;
  }

  private static <T> T checked(Supplier<T> use) {
    try {
      return use.get();
    } catch (ManifestException e) {
      Faults faults = new Faults();
      for (ManifestFault fault : e.faults()) {
        faults.add(BackfillErrorCode.MANIFEST_INVALID, fault.toString());
      }
      faults.throwIfAny();
      throw e;
    }
  }

  public List<Defined> list() {
    return stored.all().values().stream().map(Manifests::defined).toList();
  }

  private static Defined defined(Stored definition) {
    Map<String, String> texts = Json.read(definition.spec(), TEXTS);
    return checked(
        () ->
            new Defined(
                ManifestSpec.parse(texts.getOrDefault("spec", "")),
                PackagedManifest.parse(texts.getOrDefault("packaged", "")),
                definition.at()));
  }

  /**
   * A manifest by its name.
   *
   * @throws BackfillException MANIFEST_NOT_FOUND
   */
  public Defined named(String name) {
    return defined(stored.named(name, MISSING));
  }

  /**
   * What Python workers run in by a manifest.
   *
   * @param cache as in {@link WorkerEnvironment}
   * @throws BackfillException MANIFEST_NOT_FOUND
   */
  public WorkerEnvironment environment(String name, @Nullable String cache) {
    return new WorkerEnvironment(named(name).packaged().toJson(), root, cache);
  }

  /**
   * A part that no manifest has had since then.
   *
   * @param hash its name in the store
   */
  public record Unnamed(String hash, Instant since) {}

  /**
   * Deletes parts that no manifest has any more. A part counts from the time at which the last
   * manifest that had it was dropped or defined anew, so that jobs which began before keep theirs
   * for that long.
   *
   * @param age parts that are unnamed for less stay
   * @param dryRun whether they are only listed
   * @return those that were deleted, or would be
   */
  public List<Unnamed> clean(Duration age, boolean dryRun) {
    LancePartStore parts = new LancePartStore(root);
    Instant limit = Instant.now().minus(age);
    List<Unnamed> old = new ArrayList<>();
    Map<String, Instant> named = namedUntil();
    for (String hash : parts.hashes()) {
      Instant until = named.getOrDefault(hash, Instant.EPOCH);
      if (until.isBefore(limit)) {
        // One that was sent just now has no manifest yet; one that is being made has no version.
        parts
            .changedAt(hash)
            .map(sent -> sent.isAfter(until) ? sent : until)
            .filter(since -> since.isBefore(limit))
            .ifPresent(since -> old.add(new Unnamed(hash, since)));
      }
    }
    if (dryRun || old.isEmpty()) {
      return old;
    }
    Map<String, Instant> now = namedUntil();
    old.removeIf(part -> !now.getOrDefault(part.hash(), Instant.EPOCH).isBefore(limit));
    old.forEach(part -> parts.drop(part.hash()));
    return old;
  }

  /** By the hashes of parts, until when a manifest had them. */
  private Map<String, Instant> namedUntil() {
    Map<String, Instant> until = new HashMap<>();
    for (Stored definition : stored.ever()) {
      for (Part part : defined(definition).packaged().parts()) {
        until.merge(part.hash(), definition.at(), (a, b) -> a.isAfter(b) ? a : b);
      }
    }
    return until;
  }

  /**
   * Forgets a manifest; what runs goes on, and its parts stay until {@link #clean}.
   *
   * @param ifExists whether there need be none of that name
   * @return its name; empty if there was none
   * @throws BackfillException MANIFEST_NOT_FOUND
   */
  public Optional<String> drop(String name, boolean ifExists) {
    return stored.drop(name, ifExists, MISSING);
  }
}
