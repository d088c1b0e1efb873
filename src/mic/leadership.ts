/**
 * Who may write. Asked by MIC, answered by a Lease. While `lead` runs, no other MIC writes: the signal
 * aborts when the lease is lost (before anybody else can hold it), and `lead` returns soon after.
 */
export interface Leadership {
  /** Contends until the signal aborts; calls `lead` each time leadership is won and waits for its end. */
  contend(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>
}
