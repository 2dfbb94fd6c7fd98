package io.lancebackfill.context;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterSpecException;
import io.lancebackfill.cluster.fields.SpecProblem;
import io.lancebackfill.context.StoredDefinitions.Missing;
import io.lancebackfill.context.StoredDefinitions.Stored;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The cluster definitions of a catalog. */
public final class Clusters {
  private static final Missing MISSING =
      new Missing(BackfillErrorCode.CLUSTER_NOT_FOUND, "cluster");

  private final StoredDefinitions stored;

  /**
   * @param root folder of the catalog
   */
  public Clusters(DatasetRef root) {
    this.stored = new StoredDefinitions(root, "clusters");
  }

  /** A definition and when it was last given. */
  public record Defined(ClusterSpec cluster, Instant at) {}

  /**
   * Keeps a definition, in the place of one of its name.
   *
   * @param spec JSON or YAML
   * @throws BackfillException CLUSTER_SPEC_INVALID, a line for each fault with its place
   */
  public ClusterSpec define(String spec) {
    ClusterSpec cluster = parse(spec);
    stored.put(cluster.name(), cluster.toJson());
    return cluster;
  }

  private static ClusterSpec parse(String spec) {
    try {
      return ClusterSpec.parse(spec);
    } catch (ClusterSpecException e) {
      Faults faults = new Faults();
      for (SpecProblem fault : e.faults()) {
        faults.add(BackfillErrorCode.CLUSTER_SPEC_INVALID, fault.toString());
      }
      faults.throwIfAny();
      throw e;
    }
  }

  public List<Defined> list() {
    return stored.all().values().stream().map(Clusters::defined).toList();
  }

  private static Defined defined(Stored definition) {
    return new Defined(parse(definition.spec()), definition.at());
  }

  /**
   * A definition by its name.
   *
   * @throws BackfillException CLUSTER_NOT_FOUND
   */
  public ClusterSpec named(String name) {
    return defined(stored.named(name, MISSING)).cluster();
  }

  /**
   * Forgets a definition; what runs goes on.
   *
   * @param ifExists whether there need be none of that name
   * @return its name; empty if there was none
   * @throws BackfillException CLUSTER_NOT_FOUND
   */
  public Optional<String> drop(String name, boolean ifExists) {
    return stored.drop(name, ifExists, MISSING);
  }
}
