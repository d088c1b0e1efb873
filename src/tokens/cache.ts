import { createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { DeadlineError, withDeadline } from '../base/deadline.ts'
import type { SecretReference } from '../model/resources.ts'
import type { TokenMetrics } from '../telemetry/token-metrics.ts'
import { type CacheEntry, sha256Of } from './cache-entry.ts'
import { CacheIndex } from './cache-index.ts'
import { usesSecret } from './hold-off.ts'
import { Interest } from './interest.ts'
import type { Flights } from './single-flight.ts'
import { remainingMs, renewAt, type TokenAge, tokenAge } from './token-age.ts'
import type { AccessToken, TokenRequest, TokenSource } from './token-source.ts'
import { isUpstreamFailure } from './upstream-failure.ts'

export interface CacheOptions {
  readonly clock: Clock
  /**
   * Life that a served token has left at least, milliseconds. SDKs take a token for expired when 300 s
   * or less are left, so it lies above that.
   */
  readonly marginMs: number
  /** Longest time that a token is served, whatever its expiry, milliseconds. */
  readonly maxAgeMs: number
  readonly maxEntries: number
  /** Resources of one identity: a pod that asks for many spellings displaces only its own tokens. */
  readonly maxEntriesPerPrincipal: number
  /** A refused token makes the cache ask upstream once in this time, milliseconds. */
  readonly refusalMs: number
  readonly metrics: Pick<TokenMetrics, 'cacheRequest' | 'renewal'>
  /** The first failure of a renewal after a success; the token is served on. */
  readonly renewalFailed: (request: TokenRequest, thrown: unknown) => void
}

export interface TokenCache extends TokenSource {
  /** A token that may be served now. Counts as a hit and as use by the caller's pod. */
  peek(request: TokenRequest): AccessToken | undefined
  podGone(pod: string): void
  /** Renewals that failed with the former Secret are tried anew. */
  secretChanged(reference: SecretReference): void
  readonly size: number
  /** Pods that use a token. */
  readonly pods: number
  /** Ends renewals and timers and empties the cache. */
  stop(): void
}

/** A token with less life than this helps nobody, also when upstream fails. Milliseconds. */
const LAST_MOMENT_MS = 10_000

/** How long a request that could be served with a token below the margin waits for a better one. Milliseconds. */
const STALE_AFTER_MS = 3_000

/** Pauses between failed renewals. */
const RENEWAL_BACKOFF = { firstMs: 30_000, maxMs: 300_000 }

/**
 * Keeps tokens and renews them ahead of their expiry while a live pod uses them. Who may have a token is
 * decided before, on every request; nothing of that is remembered here.
 */
export function createCache(inner: Flights, options: CacheOptions): TokenCache {
  const { clock, marginMs, metrics } = options
  const index = new CacheIndex()
  const entries = new Set<CacheEntry>()
  const interest = new Interest()
  let stopped = false

  function ageOf(token: AccessToken): TokenAge {
    const age = tokenAge(token, clock)
    return { ...age, lifetimeMs: Math.min(age.lifetimeMs, options.maxAgeMs + marginMs) }
  }

  function servable(request: TokenRequest): CacheEntry | undefined {
    const entry = index.find(request)
    return entry !== undefined && remainingMs(entry.age, clock) > marginMs ? entry : undefined
  }

  /** True when the caller saw this very token refused and upstream was not asked lately for that reason. */
  function isRefused(entry: CacheEntry, request: TokenRequest): boolean {
    if (!namesToken(request, entry)) return false
    return clock.monotonic() - entry.refusedAt >= options.refusalMs || inner.inFlight(request)
  }

  function use(entry: CacheEntry, caller: string): void {
    entry.used = true
    entry.usedAt = clock.monotonic()
    if (entry.lastCaller !== caller && interest.add(entry, caller)) entry.lastCaller = caller
    if (entry.usedAt >= entry.renewAt) renew(entry)
  }

  function peek(request: TokenRequest): AccessToken | undefined {
    const entry = servable(request)
    if (entry === undefined || isRefused(entry, request)) return undefined
    use(entry, request.caller)
    metrics.cacheRequest('hit')
    return entry.token
  }

  function take(entry: CacheEntry, token: AccessToken): void {
    entry.token = token
    entry.age = ageOf(token)
    entry.renewAt = renewAt(token, entry.age, marginMs, clock)
    entry.sha256 = undefined
    entry.used = false
    entry.failures = 0
    entry.backoff.reset()
    schedule(entry)
  }

  function store(request: TokenRequest, token: AccessToken): void {
    if (stopped) return
    const present = index.find(request)
    if (present !== undefined) {
      if (present.token !== token) take(present, token)
      use(present, request.caller)
      return
    }
    if (interest.hasEnded(request.caller)) return
    makeRoom(request)
    const entry = newEntry(request, token)
    entries.add(entry)
    index.add(entry)
    take(entry, token)
    use(entry, request.caller)
  }

  function newEntry(request: TokenRequest, token: AccessToken): CacheEntry {
    const { principal, resource, tenantId, caller } = request
    return {
      request:
        tenantId === undefined ? { principal, resource, caller } : { principal, resource, caller, tenantId },
      token,
      age: ageOf(token),
      renewAt: Number.POSITIVE_INFINITY,
      used: false,
      usedAt: clock.monotonic(),
      lastCaller: '',
      users: new Set(),
      renewal: undefined,
      backoff: createBackoff(clock, RENEWAL_BACKOFF),
      failures: 0,
      timer: undefined,
      sha256: undefined,
      refusedAt: Number.NEGATIVE_INFINITY,
      alive: true,
    }
  }

  function makeRoom(request: TokenRequest): void {
    const siblings = index.siblings(request)
    if (siblings.length >= options.maxEntriesPerPrincipal) dropLeastUsed(siblings)
    else if (entries.size >= options.maxEntries) dropLeastUsed(entries)
  }

  function dropLeastUsed(candidates: Iterable<CacheEntry>): void {
    let least: CacheEntry | undefined
    for (const entry of candidates) if (least === undefined || entry.usedAt < least.usedAt) least = entry
    if (least !== undefined) drop(least)
  }

  function drop(entry: CacheEntry): void {
    entry.alive = false
    entry.timer?.cancel()
    entry.renewal?.abort(new Error('nobody uses the token any more'))
    entries.delete(entry)
    index.remove(entry)
    interest.forget(entry)
  }

  /** The next thing to do for the entry: its renewal while it is used, else its end. */
  function schedule(entry: CacheEntry): void {
    entry.timer?.cancel()
    const now = clock.monotonic()
    const endsAt = entry.age.obtainedMonotonic + entry.age.lifetimeMs
    const at = entry.renewAt > now ? Math.min(entry.renewAt, endsAt) : endsAt
    entry.timer = clock.after(at - now, () => {
      if (clock.monotonic() >= endsAt) {
        drop(entry)
        return
      }
      if (entry.used) renew(entry)
      schedule(entry)
    })
  }

  function renew(entry: CacheEntry): void {
    const [caller] = entry.users
    if (entry.renewal !== undefined || caller === undefined || stopped) return
    const controller = new AbortController()
    entry.renewal = controller
    const finished = (outcome: () => void): void => {
      if (entry.renewal === controller) entry.renewal = undefined
      if (entry.alive) outcome()
    }
    inner.token({ ...entry.request, caller }, controller.signal).then(
      (token) => finished(() => renewed(entry, token)),
      (thrown: unknown) => finished(() => notRenewed(entry, thrown)),
    )
  }

  function renewed(entry: CacheEntry, token: AccessToken): void {
    const unchanged = token.value.reveal() === entry.token.value.reveal()
    metrics.renewal(unchanged ? 'unchanged' : 'renewed')
    // A request that shared the flight may have stored the token already.
    if (token !== entry.token) take(entry, token)
  }

  function notRenewed(entry: CacheEntry, thrown: unknown): void {
    metrics.renewal('failed')
    if (entry.failures === 0) options.renewalFailed(entry.request, thrown)
    entry.failures += 1
    const advised = isUpstreamFailure(thrown) ? (thrown.retryAfterSeconds ?? 0) * 1000 : 0
    entry.renewAt = clock.monotonic() + Math.max(entry.backoff.next(), advised)
    schedule(entry)
  }

  /** The token that is still valid and was not refused, for when upstream fails. */
  function spare(request: TokenRequest): CacheEntry | undefined {
    const entry = index.find(request)
    if (entry === undefined || namesToken(request, entry)) return undefined
    return remainingMs(entry.age, clock) > LAST_MOMENT_MS ? entry : undefined
  }

  /** Whoever can be served with a spare token waits only shortly for a better one. */
  function ask(request: TokenRequest, signal: AbortSignal): Promise<AccessToken> {
    if (spare(request) === undefined) return inner.token(request, signal)
    const deadline = { clock, ms: STALE_AFTER_MS, what: 'the token request', parent: signal }
    return withDeadline(deadline, (shorter) => inner.token(request, shorter))
  }

  /** The spare token, when upstream fails for a cause that passes. */
  function stale(request: TokenRequest, thrown: unknown): AccessToken | undefined {
    const passes = thrown instanceof DeadlineError || isUpstreamFailure(thrown)
    const entry = passes ? spare(request) : undefined
    if (entry !== undefined) use(entry, request.caller)
    return entry?.token
  }

  return {
    peek,
    async token(request, signal) {
      const cached = peek(request)
      if (cached !== undefined) return cached
      const refused = index.find(request)
      const joined = inner.inFlight(request)
      if (refused !== undefined && namesToken(request, refused)) refused.refusedAt = clock.monotonic()
      try {
        const token = await ask(request, signal)
        store(request, token)
        metrics.cacheRequest(joined ? 'joined' : 'miss')
        return token
      } catch (thrown) {
        const still = signal.aborted ? undefined : stale(request, thrown)
        metrics.cacheRequest(still === undefined ? (joined ? 'joined' : 'miss') : 'stale')
        if (still !== undefined) return still
        throw thrown
      }
    },
    podGone(pod) {
      for (const entry of interest.podGone(pod)) drop(entry)
    },
    secretChanged(reference) {
      for (const entry of entries) {
        if (entry.failures === 0 || !usesSecret(entry.request.principal, reference)) continue
        entry.backoff.reset()
        entry.renewAt = clock.monotonic()
        if (entry.used) renew(entry)
      }
    },
    get size() {
      return entries.size
    },
    get pods() {
      return interest.pods
    },
    stop() {
      stopped = true
      for (const entry of entries) drop(entry)
    },
  }
}

/** True when the caller saw the token of this entry refused. */
function namesToken(request: TokenRequest, entry: CacheEntry): boolean {
  return request.refusedTokenSha256 !== undefined && request.refusedTokenSha256 === sha256Of(entry)
}
