import { httpsOrigin } from '../azure/clouds.ts'
import type { Clock } from '../base/clock.ts'
import { objectKey } from '../model/names.ts'
import { refuse } from '../model/refusal.ts'
import { type AzureIdentity, isLive } from '../model/resources.ts'
import { upstreamOf } from '../tokens/sources.ts'
import type { Answers } from './answers.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Exchange } from './exchange.ts'
import type { TokenTarget } from './request-target.ts'
import type { Asker, AskerFound } from './standing.ts'
import type { TokenBodies } from './token-body.ts'
import type { Render, TokenService } from './token-door.ts'
import { podWaitKey, type Waiters } from './waiters.ts'

/** Pod traffic is redirected to the agent with its own source address; only the node itself has these. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1'])

/** A Kubernetes object name. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/

/**
 * `/host/token`, for node components such as the Secrets Store CSI provider: they name the pod in the
 * headers `podns` and `podname`, and get what that pod would get. It answers
 * `{"token":{...},"clientid":"...","authority":"..."}`; its consumer reads every number strictly.
 */
export function createHostDoor(deps: {
  readonly service: TokenService
  readonly answers: Answers
  readonly view: ClusterView
  readonly waiters: Waiters
  readonly bodies: TokenBodies
  readonly clock: Clock
  /** How long a pod that the watch has not told yet is waited for, milliseconds. */
  readonly waitMs: number
  /** `loopback`: only the node's own addresses are let in. `anybody`: the way to the door lets nobody else in. */
  readonly admits: 'loopback' | 'anybody'
}): (exchange: Exchange, target: TokenTarget) => void {
  const { service, answers, view, waiters, bodies, clock, waitMs, admits } = deps

  function askerOf(key: string): Asker {
    const now = (): AskerFound => {
      const pod = view.pod(key)
      if (pod !== undefined && isLive(pod)) return { pod }
      return { refusal: refuse('pod-unknown', `no live pod ${key} is on this node`), settles: true }
    }
    return {
      now,
      async settle(signal) {
        const endsAt = clock.monotonic() + waitMs
        while (now().pod === undefined && clock.monotonic() < endsAt) {
          await waiters.wait(podWaitKey(key), endsAt - clock.monotonic(), signal)
        }
      },
    }
  }

  const render: Render = ({ tokens, identity }, { resource }) => {
    const clientId = identity?.clientId ?? tokens[0].clientId
    const token = bodies.of([tokens[0]], { resource, clientId }, clock.now())
    const [id, authority] = [clientId, authorityOf(identity)].map((each) => JSON.stringify(each))
    return `{"token":${token},"clientid":${id},"authority":${authority}}`
  }

  return (exchange, target) => {
    const { remoteAddress } = exchange.connection.ends
    if (admits === 'loopback' && !LOOPBACK.has(remoteAddress)) {
      answers.tokenRefused(exchange, target, {
        kind: 'refused',
        refusal: refuse('host-only', 'request remote address is not from a host'),
      })
      return
    }
    const { podns, podname } = exchange.request.headers
    if (!isName(podns) || !isName(podname)) {
      answers.tokenRefused(exchange, target, {
        kind: 'refused',
        refusal: refuse('host-headers-missing', "missing 'podname' and 'podns' from request header"),
      })
      return
    }
    service(exchange, target, askerOf(objectKey(podns, podname)), render)
  }
}

/**
 * Who made the token: `imds`, `entra` (of the agent's own cloud), or the origin that the AzureIdentity names.
 * Whoever may write an AzureIdentity may name any origin, and that one writes into its tokens what it likes; so a
 * component that goes by claims has to know.
 */
function authorityOf(identity: AzureIdentity | undefined): string {
  if (identity === undefined) return 'imds'
  const upstream = upstreamOf({ kind: 'identity', identity })
  if (upstream === 'imds' || identity.adEndpoint.trim() === '') return upstream
  return httpsOrigin(identity.adEndpoint) ?? ''
}

function isName(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && NAME.test(value)
}
