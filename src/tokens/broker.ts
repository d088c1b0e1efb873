import type { EntraClient } from '../azure/entra-client.ts'
import type { ImdsClient } from '../azure/imds-client.ts'
import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { type Component, Owner } from '../base/lifecycle.ts'
import type { Log } from '../telemetry/log.ts'
import type { TokenMetrics } from '../telemetry/token-metrics.ts'
import { BROKER_DEFAULTS, type BrokerSettings } from './broker-settings.ts'
import { createCache } from './cache.ts'
import { createCertificateSource } from './certificate-source.ts'
import { createEntraSource } from './entra-source.ts'
import { FairLimiter } from './fair-limiter.ts'
import { createHoldOff } from './hold-off.ts'
import { createImdsSource } from './imds-source.ts'
import { limited } from './limit.ts'
import { measured } from './measured.ts'
import { learning, ObjectIds } from './object-ids.ts'
import { retried } from './retry.ts'
import { noSecrets, type SecretReader } from './secret-reader.ts'
import { createSecretSource } from './secret-source.ts'
import type { AuthorityRules } from './service-principal.ts'
import { createSingleFlight } from './single-flight.ts'
import { routed, type SourceTable, type Upstream } from './sources.ts'
import { shortId } from './token-key.ts'
import type { TokenBroker, TokenRequest, TokenSource } from './token-source.ts'

export interface BrokerOptions {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: TokenMetrics
  readonly imds: Pick<ImdsClient, 'token'>
  readonly entra: Pick<EntraClient, 'token'>
  /** Absent: identities with a Secret are refused. */
  readonly secrets?: SecretReader
  readonly rules: AuthorityRules
  readonly settings?: Partial<BrokerSettings>
}

export interface RunningBroker extends TokenBroker, Component {
  /** Tokens in the cache. */
  readonly size: number
}

/**
 * The token engine: cache -> single flight -> hold-off -> credential -> retry -> limit -> measured -> IMDS or Entra.
 * It trusts that the principal was authorised for the caller, on this very request.
 */
export function createTokenBroker(options: BrokerOptions): RunningBroker {
  const { clock, log, metrics, secrets = noSecrets } = options
  const settings = { ...BROKER_DEFAULTS, ...options.settings }
  const objectIds = new ObjectIds(options.rules.loginOrigin)
  const owner = new Owner()

  /** The way to one upstream, with its own limits. */
  function pathTo<R extends TokenRequest>(upstream: Upstream, source: TokenSource<R>): TokenSource<R> {
    const limiter = new FairLimiter({ clock, ...settings[upstream] })
    owner.own(() => limiter.stop())
    metrics.watchLimiter(upstream, () => limiter.queued)
    const limits = {
      limiter,
      pausesAll: upstream === 'imds',
      refused: (reason: 'caller' | 'total' | 'time') => metrics.limiterRefused(upstream, reason),
    }
    const tries = {
      clock,
      firstMs: 2_000,
      maxMs: 8_000,
      holdMs: settings.holdMs,
      retried: () => metrics.upstreamRetried(upstream),
    }
    return retried(limited(measured(learning(source, objectIds), metrics, clock), limits), tries)
  }

  const holdOff = createHoldOff(routed(sourceTable(options, secrets, pathTo)), {
    clock,
    holdOffMs: settings.holdOffMs,
    maxEntries: settings.maxEntries,
  })
  const flights = createSingleFlight(holdOff, { clock, flightMs: settings.flightMs })
  const cache = createCache(flights, {
    ...settings,
    clock,
    metrics,
    renewalFailed: (request, thrown) =>
      log.warn(
        fieldsOf(request, thrown),
        'a token could not be renewed; the present one is served while it is valid',
      ),
  })
  metrics.watchCache(() => cache.size)
  owner.own(() => flights.stop())
  owner.own(() => cache.stop())

  return {
    peek: (request) => cache.peek(request),
    token: (request, signal) => cache.token(request, signal),
    podGone: (pod) => cache.podGone(pod),
    objectIdOf: (clientId) => objectIds.get(clientId),
    get size() {
      return cache.size
    },
    start() {
      owner.own(
        secrets.subscribe((reference) => {
          holdOff.secretChanged(reference)
          cache.secretChanged(reference)
        }),
      )
      return Promise.resolve()
    },
    stop: () => owner.close(),
  }
}

function sourceTable(
  { clock, imds, entra, rules }: BrokerOptions,
  secrets: SecretReader,
  pathTo: <R extends TokenRequest>(upstream: Upstream, source: TokenSource<R>) => TokenSource<R>,
): SourceTable {
  const exchange = pathTo('entra', createEntraSource(entra))
  return {
    imds: pathTo('imds', createImdsSource(imds)),
    secret: createSecretSource(exchange, secrets, rules),
    certificate: createCertificateSource({ exchange, secrets, rules, clock }),
  }
}

function fieldsOf({ principal, resource }: TokenRequest, thrown: unknown): Record<string, unknown> {
  const identity =
    principal.kind === 'node'
      ? { identity: 'node' }
      : {
          identity: `${principal.identity.namespace}/${principal.identity.name}`,
          clientId: shortId(principal.identity.clientId),
        }
  return { ...identity, resource, error: errorText(thrown) }
}
