import { createHash } from 'node:crypto'
import { trimEnd } from '../base/trim-end.ts'
import { DEFAULT_NAMESPACE, GROUP_VERSION } from '../model/names.ts'

/** The object that an Event is about. */
export interface EventTarget {
  readonly kind: 'Pod' | 'AzureIdentity' | 'AzureIdentityBinding' | 'AzureAssignedIdentity'
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** What happened to it. */
export interface EventContent {
  readonly target: EventTarget
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** One Event as podid keeps it: the same cause of the same object is always the same Event. */
export interface EventDraft {
  readonly namespace: string
  readonly name: string
  readonly target: EventTarget & { readonly apiVersion: string }
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly component: string
  /** Milliseconds since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  readonly count: number
}

/** The API server refuses more (`core/v1` Event validation: 1 KiB of message, 128 characters of reason). */
const MOST_MESSAGE_BYTES = 1_000
const MOST_REASON = 128
/** With the hash it stays below the 253 characters of an object's name. */
const MOST_NAME = 200

/** The Event for a content, but for what changes from time to time. An Event lives in its object's namespace. */
export function eventDraft(
  content: EventContent,
  component: string,
  firstAt: number,
): Omit<EventDraft, 'count' | 'lastAt'> {
  const { target, type } = content
  const reason = content.reason.slice(0, MOST_REASON)
  const message = cutToBytes(content.message, MOST_MESSAGE_BYTES)
  return {
    namespace: target.namespace === '' ? DEFAULT_NAMESPACE : target.namespace,
    name: eventName({ target, type, reason, message }),
    target: { apiVersion: target.kind === 'Pod' ? 'v1' : GROUP_VERSION, ...target },
    type,
    reason,
    message,
    component,
    firstAt,
  }
}

/** `<object>.<hash of object, type, reason and message>`: the same after every restart. */
function eventName({ target, type, reason, message }: EventContent): string {
  const { kind, namespace, name, uid } = target
  const meaning = JSON.stringify([kind, namespace, name, uid, type, reason, message])
  const hash = createHash('sha256').update(meaning).digest('hex').slice(0, 16)
  return `${trimEnd(name.slice(0, MOST_NAME), '-.')}.${hash}`
}

function cutToBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  const cut = Buffer.from(text).subarray(0, most - 3)
  // A character that was cut in two decodes to a replacement character, which goes too.
  return `${trimEnd(cut.toString('utf8'), '\uFFFD')}...`
}
