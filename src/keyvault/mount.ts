import { VaultError } from '../azure/vault-error.ts'
import type { Clock } from '../base/clock.ts'
import { DeadlineError } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import type { Fields } from '../telemetry/log.ts'
import type { VaultToken, VaultTokens } from './identity/vault-login.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder, MountResult } from './mount-order.ts'
import type { MountedVolumes } from './mounted-volumes.ts'
import { type ReadObject, readObjects } from './object-reads.ts'
import type { MountMessage } from './request/mount-request.ts'
import type { VaultReader } from './vault/vault-reader.ts'
import { renderVolume, type VolumeDeps } from './volume.ts'

export interface MounterDeps extends VolumeDeps {
  /** @throws MountFailure */
  readonly readOrder: (message: MountMessage, signal: AbortSignal) => Promise<MountOrder>
  readonly tokens: VaultTokens
  readonly reader: VaultReader
  readonly volumes: MountedVolumes
  /** An object that is marked optional was left out of a volume. */
  readonly leftOut: () => void
  readonly clock: Clock
}

export type Mounter = (message: MountMessage, signal: AbortSignal) => Promise<MountResult>

/** How far a mount has come: for the failure of one whose time runs out, and for the log. */
interface Progress {
  step: string
  fields: Fields
}

/**
 * One mount in one straight line: request -> order -> token -> reads -> files. All or nothing: a failure gives no
 * file, so the driver leaves what is there as it is.
 */
export function createMounter(deps: MounterDeps): Mounter {
  const { readOrder, tokens, volumes, log, clock } = deps

  async function mount(message: MountMessage, signal: AbortSignal, progress: Progress): Promise<MountResult> {
    const startedAt = clock.monotonic()
    const order = await readOrder(message, signal)
    const { pod, vault, objects, login, targetPath } = order
    progress.fields = { pod: `${pod.namespace}/${pod.name}`, vault: vault.name, objects: objects.length }
    const { token, reads } = await readWithToken(order, signal, progress)
    progress.step = 'the files are made'
    const result = await renderVolume(order, reads, deps, signal)
    const first = !volumes.has(targetPath, token.reader)
    const { length: files } = result.files
    // The driver takes an answer without files for one whose files the provider wrote itself.
    if (files === 0 && volumes.filesOf(targetPath) > 0)
      log.warn(
        progress.fields,
        'all objects are optional and gone; the CSI driver leaves the files of before',
      )
    volumes.filled(targetPath, token.reader, files)
    const line = { ...progress.fields, login: login.kind, ms: Math.round(clock.monotonic() - startedAt) }
    if (first) log.info(line, 'mounted')
    else log.debug(line, 'looked after')
    return result
  }

  /** A token that the vault refuses may have been revoked since: one more, if another one is to be had. */
  async function readWithToken(
    order: MountOrder,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<{ token: VaultToken; reads: readonly ReadObject[] }> {
    progress.step = 'a token for Key Vault is asked for'
    const token = await tokens.token(order.login, signal)
    try {
      return { token, reads: await read(order, token, signal, progress) }
    } catch (thrown) {
      if (!(thrown instanceof MountFailure) || thrown.code !== 'vault-unauthorized') throw thrown
      tokens.refused(order.login, token)
      progress.step = 'a new token for Key Vault is asked for'
      const next = await tokens.token(order.login, signal)
      if (next.value.reveal() === token.value.reveal()) throw thrown
      return { token: next, reads: await read(order, next, signal, progress) }
    }
  }

  function read(
    order: MountOrder,
    token: VaultToken,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<readonly ReadObject[]> {
    progress.step = `vault ${order.vault.name} is read`
    const freshness = volumes.has(order.targetPath, token.reader) ? 'poll' : 'now'
    return readObjects({ order, token, freshness, reader: deps.reader, leftOut: deps.leftOut }, signal)
  }

  return async (message, signal) => {
    const progress: Progress = { step: 'the request is read', fields: { targetPath: message.targetPath } }
    try {
      return await mount(message, signal, progress)
    } catch (thrown) {
      const failure = inWords(thrown, signal, progress.step)
      log.warn({ ...progress.fields, code: failure.code, error: errorText(failure) }, 'not mounted')
      throw failure
    }
  }
}

/** Whatever ended the mount, as one of the closed list. */
function inWords(thrown: unknown, signal: AbortSignal, step: string): MountFailure {
  if (thrown instanceof MountFailure) return thrown
  if (signal.aborted) {
    // The driver left or podid stops: then it was not the time, and whoever reads the log looks elsewhere.
    const how =
      signal.reason instanceof DeadlineError ? 'the time of the mount ran out' : 'the mount was ended'
    return new MountFailure('out-of-time', `${how} while ${step}`, { cause: thrown })
  }
  const what = thrown instanceof VaultError ? thrown.message : 'a fault in podid'
  return new MountFailure('internal-error', what, { cause: thrown })
}
