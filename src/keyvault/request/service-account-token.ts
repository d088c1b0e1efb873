import * as v from 'valibot'
import { SecretString } from '../../base/secret.ts'
import { MountFailure } from '../mount-failure.ts'

/** valibot's records take lists as well. */
const TOKENS = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value)),
  v.record(v.string(), v.unknown()),
)
const TOKEN = v.object({ token: v.optional(v.string(), '') })

/** kubelet sends one token of 1 to 2 KiB for each audience of the CSIDriver. */
const LONGEST = 256 * 1024
const LONGEST_TOKEN = 32 * 1024

/**
 * The token for the first of the audiences that there is one for, of the JSON that kubelet hands over:
 * `{"<audience>": {"token": "<jwt>", "expirationTimestamp": "..."}}`. No text of it shows in a message.
 * @throws MountFailure `service-account-token-missing`
 */
export function serviceAccountToken(
  tokens: SecretString | undefined,
  audiences: readonly string[],
): SecretString {
  const json = tokens?.reveal().trim() ?? ''
  if (json === '') throw missing('service account tokens not found')
  if (json.length > LONGEST) throw unreadable(`longer than ${LONGEST} characters`)
  const parsed = v.safeParse(TOKENS, parse(json))
  if (!parsed.success) throw unreadable('not a JSON object')
  for (const audience of audiences) {
    // Never of the prototype: valibot copies own members alone.
    const entry = Object.hasOwn(parsed.output, audience) ? parsed.output[audience] : {}
    const read = v.safeParse(TOKEN, entry)
    if (!read.success) throw unreadable(`the entry for audience ${audience} holds no token text`)
    const token = read.output.token.trim()
    if (token.length > LONGEST_TOKEN)
      throw unreadable(`the token for audience ${audience} is longer than ${LONGEST_TOKEN} characters`)
    if (token !== '') return new SecretString(token)
  }
  throw missing(`token for audience ${audiences.join(' or ')} not found`)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    // The engine's message quotes the text: it is not even kept as a cause.
    throw unreadable('not JSON')
  }
}

function unreadable(text: string): MountFailure {
  return missing(`failed to unmarshal service account tokens, error: ${text}`)
}

function missing(text: string): MountFailure {
  return new MountFailure(
    'service-account-token-missing',
    `failed to parse workload identity tokens, error: ${text}`,
  )
}
