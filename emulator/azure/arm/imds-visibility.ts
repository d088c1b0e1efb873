import type { Compute } from '../state/compute.ts'
import type { Settings } from '../state/settings.ts'

/**
 * Tells IMDS of a VM or scale set what ARM decided: additions become visible after a lag, removals after
 * their own. An identity that was recreated under the same name is another one.
 */
export function settleImds(
  compute: Compute,
  lags: Pick<Settings, 'imdsLagMs' | 'imdsRemovalLagMs'>,
  nowMs: number,
): void {
  for (const [key, held] of compute.identity.user) {
    const known = compute.imds.get(key)
    const same = known !== undefined && known.principalId === held.principalId && known.untilMs > nowMs
    if (same) known.untilMs = Number.POSITIVE_INFINITY
    else compute.imds.set(key, { ...held, fromMs: nowMs + lags.imdsLagMs, untilMs: Number.POSITIVE_INFINITY })
  }
  for (const [key, known] of compute.imds) {
    if (compute.identity.user.has(key)) continue
    if (known.untilMs <= nowMs) compute.imds.delete(key)
    else known.untilMs = Math.min(known.untilMs, nowMs + lags.imdsRemovalLagMs)
  }
  if (!compute.identity.system) delete compute.imdsSystemFromMs
  else compute.imdsSystemFromMs ??= nowMs + lags.imdsLagMs
}
