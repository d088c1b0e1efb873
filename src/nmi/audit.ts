import type { Clock, Timer } from '../base/clock.ts'
import { objectKey } from '../model/names.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import { shortId } from '../tokens/token-key.ts'

/** Takes whole lines of JSON; calls `done` when it can take more. Must not throw. */
export type LineSink = (lines: string, done: () => void) => void

/** One token decision. */
export interface AuditEntry {
  readonly door: 'token' | 'host-token'
  readonly pod?: Pod | undefined
  readonly address: string
  /** Absent for the node's own identity and while none is known. */
  readonly identity?: AzureIdentity | undefined
  readonly resource: string
  /** `granted`, or the code of the refusal. */
  readonly outcome: string
  readonly cached: boolean
  /** Text of a refusal. */
  readonly message?: string | undefined
  readonly requestId: string
  readonly durationMs: number
}

export interface Audit {
  record(entry: AuditEntry): void
  /** Writes what is buffered. */
  flush(): void
  close(): void
}

const FLUSH_MS = 200
const FLUSH_BYTES = 16_384
const MAX_BUFFER = 1_048_576
/** Lines per second of one kind (same pod, identity, resource, outcome); what is beyond is counted. */
const LINES_PER_SECOND = 50
const MAX_KINDS = 4_096

/** Lines of one kind within one second. */
interface Kind {
  readonly head: string
  windowMs: number
  lines: number
  folded: number
}

/**
 * The record of who took which token, on by default: Azure itself logs no read of a token from a node.
 * One line for each decision, up to 50 equal ones a second; more of the same within that second end as
 * one line with their number, so a busy loop in a pod cannot fill the disk. Never a token.
 */
export function createAudit(deps: {
  readonly clock: Clock
  readonly write: LineSink
  readonly onDrop?: () => void
}): Audit {
  const { clock, write, onDrop } = deps
  const kinds = new Map<string, Kind>()
  let buffer = ''
  let writing = false
  let timer: Timer | undefined
  let unreported = 0

  function kindOf(entry: AuditEntry): Kind {
    const { pod, identity, outcome } = entry
    // A refused resource is whatever the pod sends: it must not make a new kind each time.
    const resource = outcome === 'granted' ? entry.resource : ''
    const key = `${pod?.uid ?? entry.address}\n${identity?.uid ?? ''}\n${resource}\n${outcome}\n${entry.cached}`
    const known = kinds.get(key)
    if (known !== undefined) return known
    if (kinds.size >= MAX_KINDS) closeWindows(true)
    const made: Kind = { head: headOf(entry), windowMs: clock.monotonic(), lines: 0, folded: 0 }
    kinds.set(key, made)
    return made
  }

  function append(line: string): void {
    if (buffer.length + line.length > MAX_BUFFER) {
      unreported += 1
      onDrop?.()
      return
    }
    buffer += line
    if (buffer.length >= FLUSH_BYTES) flush()
    else timer ??= clock.after(FLUSH_MS, tick)
  }

  function tick(): void {
    timer = undefined
    closeWindows(false)
    flush()
    if (kinds.size > 0) timer ??= clock.after(FLUSH_MS, tick)
  }

  function closeWindows(all: boolean): void {
    const now = clock.monotonic()
    for (const [key, kind] of kinds) {
      if (!all && now - kind.windowMs < 1000) continue
      kinds.delete(key)
      if (kind.folded > 0) append(`${kind.head},"time":"${timeText(clock)}","folded":${kind.folded}}\n`)
    }
  }

  function flush(): void {
    if (writing || buffer === '') return
    if (unreported > 0) {
      buffer += `{"level":"warn","component":"nmi","message":"audit lines dropped","dropped":${unreported}}\n`
      unreported = 0
    }
    const lines = buffer
    buffer = ''
    writing = true
    write(lines, () => {
      writing = false
      flush()
    })
  }

  return {
    record(entry) {
      const kind = kindOf(entry)
      if (kind.lines >= LINES_PER_SECOND) {
        kind.folded += 1
        return
      }
      kind.lines += 1
      append(kind.head + tailOf(entry, timeText(clock)))
    },
    flush,
    close() {
      timer?.cancel()
      timer = undefined
      closeWindows(true)
      flush()
    },
  }
}

function timeText(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}

/** What is equal in all lines of one kind, without the closing brace. */
function headOf(entry: AuditEntry): string {
  const { pod, identity, door, outcome, cached } = entry
  const fields = {
    level: 'info',
    component: 'nmi',
    message: 'token decision',
    door,
    pod: pod === undefined ? undefined : objectKey(pod.namespace, pod.name),
    podUid: pod?.uid,
    serviceAccount: pod?.serviceAccount,
    address: entry.address,
    identity: identity === undefined ? undefined : objectKey(identity.namespace, identity.name),
    clientId: identity === undefined ? undefined : shortId(identity.clientId),
    resource: outcome === 'granted' ? entry.resource : undefined,
    outcome,
    cacheHit: cached,
  }
  return JSON.stringify(fields).slice(0, -1)
}

function tailOf(entry: AuditEntry, time: string): string {
  const rest =
    entry.outcome === 'granted'
      ? ''
      : `,"resource":${JSON.stringify(entry.resource)},"text":${JSON.stringify(shortenIds(entry.message ?? ''))}`
  return `${rest},"durationMs":${entry.durationMs.toFixed(3)},"requestId":"${entry.requestId}","time":"${time}"}\n`
}

/** Every GUID in a text, shortened. */
export function shortenIds(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, shortId)
}
