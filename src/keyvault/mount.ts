import { VaultError } from '../azure/vault-error.ts'
import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { VaultToken, VaultTokens } from './identity/vault-login.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder, MountResult } from './mount-order.ts'
import type { MountedVolumes } from './mounted-volumes.ts'
import { type ReadObject, readObjects } from './object-reads.ts'
import type { RenderSettings } from './render/rendered-part.ts'
import type { VaultReader } from './vault/vault-reader.ts'
import { renderVolume } from './volume.ts'

export interface MounterDeps<Message> {
  /** @throws MountFailure */
  readonly readOrder: (message: Message, signal: AbortSignal) => Promise<MountOrder>
  readonly tokens: VaultTokens
  readonly reader: VaultReader
  readonly settings: RenderSettings
  readonly volumes: MountedVolumes
  /** An object that is marked optional was left out of a volume. */
  readonly leftOut: () => void
  readonly log: Log
  readonly clock: Clock
}

export type Mounter<Message> = (message: Message, signal: AbortSignal) => Promise<MountResult>

/** What is under way, for the failure of a mount whose time runs out. */
interface Step {
  now: string
}

/**
 * One mount in one straight line: request -> order -> token -> reads -> files. All or nothing: a failure gives no
 * file, so the driver leaves what is there as it is.
 */
export function createMounter<Message>(deps: MounterDeps<Message>): Mounter<Message> {
  const { readOrder, tokens, volumes, log, clock } = deps

  async function mount(message: Message, signal: AbortSignal, step: Step): Promise<MountResult> {
    const startedAt = clock.monotonic()
    const order = await readOrder(message, signal)
    const pod = `${order.pod.namespace}/${order.pod.name}`
    const fields = { pod, vault: order.vault.name, objects: order.objects.length }
    try {
      const { token, reads } = await readWithToken(order, signal, step)
      step.now = 'the files are made'
      const result = await renderVolume(order, reads, deps)
      const first = !volumes.has(order.targetPath, token.reader)
      volumes.filled(order.targetPath, token.reader)
      const line = { ...fields, login: order.login.kind, ms: Math.round(clock.monotonic() - startedAt) }
      if (first) log.info(line, 'mounted')
      else log.debug(line, 'looked after')
      return result
    } catch (thrown) {
      const failure = inWords(thrown, signal, step)
      log.warn({ ...fields, code: failure.code, error: errorText(failure) }, 'not mounted')
      throw failure
    }
  }

  /** A token that the vault refuses may have been revoked since: one more, if another one is to be had. */
  async function readWithToken(
    order: MountOrder,
    signal: AbortSignal,
    step: Step,
  ): Promise<{ token: VaultToken; reads: readonly ReadObject[] }> {
    step.now = 'a token for Key Vault is asked for'
    const token = await tokens.token(order.login, signal)
    try {
      return { token, reads: await read(order, token, signal, step) }
    } catch (thrown) {
      if (!(thrown instanceof MountFailure) || thrown.code !== 'vault-unauthorized') throw thrown
      tokens.refused(order.login, token)
      step.now = 'a new token for Key Vault is asked for'
      const next = await tokens.token(order.login, signal)
      if (next.value.reveal() === token.value.reveal()) throw thrown
      return { token: next, reads: await read(order, next, signal, step) }
    }
  }

  function read(
    order: MountOrder,
    token: VaultToken,
    signal: AbortSignal,
    step: Step,
  ): Promise<readonly ReadObject[]> {
    step.now = `vault ${order.vault.name} is read`
    const freshness = volumes.has(order.targetPath, token.reader) ? 'poll' : 'now'
    return readObjects({ order, token, freshness, reader: deps.reader, leftOut: deps.leftOut }, signal)
  }

  return async (message, signal) => {
    const step: Step = { now: 'the request is read' }
    try {
      return await mount(message, signal, step)
    } catch (thrown) {
      throw inWords(thrown, signal, step)
    }
  }
}

/** Whatever ended the mount, as one of the closed list. */
function inWords(thrown: unknown, signal: AbortSignal, step: Step): MountFailure {
  if (thrown instanceof MountFailure) return thrown
  if (signal.aborted)
    return new MountFailure('out-of-time', `the time of the mount ran out while ${step.now}`, {
      cause: thrown,
    })
  const what = thrown instanceof VaultError ? thrown.message : 'a fault in podid'
  return new MountFailure('internal-error', what, { cause: thrown })
}
