import type { IdentitySelector } from '../model/match.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import { readPath } from './target-path.ts'
import { readQuery } from './target-query.ts'

export interface TokenTarget {
  readonly kind: 'token' | 'host-token'
  /** Exactly as sent, after URL decoding; empty when it is missing. */
  readonly resource: string
  readonly selector: IdentitySelector
  /** Lower-case hex SHA-256 of a token that the caller saw refused (`token_sha256_to_refresh`). */
  readonly refusedTokenSha256?: string
}

/** What is read from IMDS for a pod; a token or credential is never among it. */
export interface MetadataTarget {
  readonly kind: 'metadata'
  readonly topic: MetadataTopic
  /** Segments below `/metadata/instance`; letters, digits, `-` and `_` only. Empty for other topics. */
  readonly leaf: readonly string[]
  readonly apiVersion?: string
  readonly format?: string
  readonly nonce?: string
}

type MetadataTopic =
  | 'instance'
  | 'versions'
  | 'identity/info'
  | 'attested/document'
  | 'scheduledevents'
  | 'loadbalancer'

export type Target = TokenTarget | MetadataTarget

export type TargetReading =
  | { readonly target: Target; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly target?: undefined }

const MAX_LENGTH = 8192

/** Some clients send the absolute form to an origin server; only the metadata address itself is understood. */
const ABSOLUTE = /^http:\/\/169\.254\.169\.254(?::80)?(?=[/?]|$)/i

const TOKEN_NAMES: ReadonlySet<string> = new Set([
  'resource',
  'client_id',
  'msi_res_id',
  'mi_res_id',
  'object_id',
  'principal_id',
  'token_sha256_to_refresh',
])
const METADATA_NAMES: ReadonlySet<string> = new Set(['api-version', 'format', 'nonce'])

const TOPICS: ReadonlySet<string> = new Set<MetadataTopic>([
  'versions',
  'identity/info',
  'attested/document',
  'scheduledevents',
  'loadbalancer',
])

/**
 * Reads a request target (the second word of the request line) into one of the few things that are
 * answered. Pure. What goes on to IMDS is built anew from the result (imds-request.ts), so no spelling
 * of a pod ever reaches it.
 */
export function parseTarget(raw: string): TargetReading {
  if (raw.length > MAX_LENGTH)
    return refused('bad-target', `the request target is longer than ${MAX_LENGTH} bytes`)
  // Anything but printable ASCII; a fragment is never sent by a client.
  if (!/^[!"$-~]+$/.test(raw))
    return refused('bad-target', 'the request target holds a character that may not stand there')
  const local = raw.replace(ABSOLUTE, '')
  const question = local.indexOf('?')
  const path = readPath(question === -1 ? local : local.slice(0, question))
  if (path.problem !== undefined) return refused('bad-target', path.problem)
  return route(path.segments, question === -1 ? '' : local.slice(question + 1))
}

function route(segments: readonly string[], query: string): TargetReading {
  const words = segments.map((segment) => segment.toLowerCase())
  const path = words.join('/')
  if (path === 'metadata/identity/oauth2/token') return tokenTarget('token', query)
  if (path === 'host/token') return tokenTarget('host-token', query)
  if (words[0] === 'metadata' && words[1] === 'instance')
    return metadataTarget('instance', segments.slice(2), query)
  if (words[0] === 'metadata') {
    const topic = words.slice(1).join('/')
    if (TOPICS.has(topic)) return metadataTarget(topic as MetadataTopic, [], query)
  }
  if (holdsInOrder(path, TOKEN_WORDS)) {
    return refused('bad-target', 'the path looks like the token path and is not')
  }
  return refused('path-unknown', 'the path is not one that podid answers')
}

const TOKEN_WORDS = ['metadata', 'identity', 'oauth2', 'token']

/** In one pass: a pattern with gaps would try every place of every word. */
function holdsInOrder(text: string, words: readonly string[]): boolean {
  let from = 0
  for (const word of words) {
    const at = text.indexOf(word, from)
    if (at === -1) return false
    from = at + word.length
  }
  return true
}

function tokenTarget(kind: TokenTarget['kind'], query: string): TargetReading {
  const { values, problem } = readQuery(query, TOKEN_NAMES)
  if (problem !== undefined) return refused('request-invalid', problem)
  const selectors = selectorsOf(values)
  const [selector, ...others] = selectors
  if (others.length > 0)
    return refused('request-invalid', 'the request holds more than one identity selector')
  const hash = values.get('token_sha256_to_refresh')?.toLowerCase() ?? ''
  const target: TokenTarget = { kind, resource: values.get('resource') ?? '', selector: selector ?? {} }
  return { target: /^[0-9a-f]{64}$/.test(hash) ? { ...target, refusedTokenSha256: hash } : target }
}

/** Selectors that hold something; the old NMI took an empty one as absent. */
function selectorsOf(values: ReadonlyMap<string, string>): IdentitySelector[] {
  const found: IdentitySelector[] = []
  for (const [name, raw] of values) {
    const value = raw.trim()
    if (value === '') continue
    if (name === 'client_id') found.push({ clientId: value })
    if (name === 'msi_res_id' || name === 'mi_res_id') found.push({ resourceId: value })
    if (name === 'object_id' || name === 'principal_id') found.push({ objectId: value })
  }
  return found
}

function metadataTarget(topic: MetadataTopic, leaf: readonly string[], query: string): TargetReading {
  if (!leaf.every((segment) => /^[A-Za-z0-9_-]+$/.test(segment))) {
    return refused('path-unknown', 'the path is not one that podid answers')
  }
  const { values, problem } = readQuery(query, METADATA_NAMES)
  if (problem !== undefined) return refused('request-invalid', problem)
  const apiVersion = values.get('api-version')
  const format = values.get('format')
  const nonce = values.get('nonce')
  if (apiVersion !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(apiVersion)) {
    return refused('request-invalid', 'parameter api-version is not a date')
  }
  if (format !== undefined && !/^[A-Za-z]{1,16}$/.test(format)) {
    return refused('request-invalid', 'parameter format is not a word')
  }
  if (nonce !== undefined && !/^[A-Za-z0-9]{1,64}$/.test(nonce)) {
    return refused('request-invalid', 'parameter nonce is not made of letters and digits')
  }
  return {
    target: {
      kind: 'metadata',
      topic,
      leaf,
      ...(apiVersion === undefined ? {} : { apiVersion }),
      ...(format === undefined ? {} : { format }),
      ...(nonce === undefined ? {} : { nonce }),
    },
  }
}

function refused(code: 'bad-target' | 'path-unknown' | 'request-invalid', message: string): TargetReading {
  return { refusal: refuse(code, message) }
}

const REMEMBERED = 256
const REMEMBERED_LENGTH = 1024

/**
 * `parseTarget` with a memory of the last short targets: SDKs repeat theirs byte for byte. The reading is
 * a pure function of the text, so a memory cannot be wrong; it is bounded and starts anew when full.
 */
export function rememberTargets(): (raw: string) => TargetReading {
  const known = new Map<string, TargetReading>()
  return (raw) => {
    const before = known.get(raw)
    if (before !== undefined) return before
    const reading = parseTarget(raw)
    if (raw.length > REMEMBERED_LENGTH) return reading
    if (known.size >= REMEMBERED) known.clear()
    known.set(raw, reading)
    return reading
  }
}
