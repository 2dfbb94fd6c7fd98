package io.lancebackfill.datasource.store;

/**
 * Who holds a lease.
 *
 * @param driver id of the driver process
 * @param token id of this very holding, so that one process cannot take its own lease twice
 * @param epoch counts the holdings of the lease; what a holder writes is marked with it
 * @param host name of the machine and of its boot
 * @param pid process id on that machine
 * @param processStart when the process began, since process ids are used again
 * @param jobId the job for which it is held
 * @param since when it was taken, ISO-8601, by the holder's clock
 */
public record LeaseHolder(
    String driver,
    String token,
    long epoch,
    String host,
    long pid,
    String processStart,
    String jobId,
    String since) {}
