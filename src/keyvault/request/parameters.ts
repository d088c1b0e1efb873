import { parseGoDuration } from '../../base/duration.ts'
import { MountFailure } from '../mount-failure.ts'
import { quoted } from '../shown.ts'
import { GoBoolError, parseGoBool } from './go-bool.ts'
import { nearMissesOf, spellingHint } from './spelling.ts'

/** Parameters of a SecretProviderClass that podid knows; `tenantId` is the old spelling of `tenantID`. */
const KNOWN = [
  'keyvaultName',
  'tenantID',
  'tenantId',
  'objects',
  'usePodIdentity',
  'useVMManagedIdentity',
  'userAssignedIdentityID',
  'clientID',
  'useAzureTokenProxy',
  'cloudName',
  'cloudEnvFileName',
  'lastKnownGoodMaxAge',
] as const

export type ParameterName = (typeof KNOWN)[number]

/** What the class switches on; `none` leaves workload identity and service principal. */
export type IdentityFlag = 'none' | 'usePodIdentity' | 'useVMManagedIdentity' | 'useAzureTokenProxy'

export interface ClassParameters {
  readonly identityFlag: IdentityFlag
  readonly keyvaultName: string
  readonly tenantId: string
  readonly clientId: string
  readonly userAssignedIdentityId: string
  readonly cloudName: string
  readonly cloudEnvFileName: string
  /** YAML; empty when there is none. */
  readonly objects: string
  /** 0: off. Milliseconds. */
  readonly lastKnownGoodMs: number
  /** Known names to what was given instead, where it looks like a typing error. */
  readonly misspelled: ReadonlyMap<string, string>
}

const LONGEST_LAST_KNOWN_GOOD = '24h'

/**
 * The parameters, in the order in which the old provider looked at them and with its texts, which people search for.
 * What is unknown is ignored, as before; a near miss is named when the parameter it resembles is missing.
 * @param given trimmed values
 * @throws MountFailure `parameter-invalid`, `identity-mode-conflict`
 */
export function readParameters(given: ReadonlyMap<string, string>): ClassParameters {
  const text = (name: ParameterName): string => given.get(name) ?? ''
  const misspelled = nearMisses(given)
  const flags = (['usePodIdentity', 'useVMManagedIdentity', 'useAzureTokenProxy'] as const).filter((name) =>
    flagOf(name, text(name)),
  )
  if (flags.length > 1)
    throw new MountFailure(
      'identity-mode-conflict',
      `only one identity mode can be enabled at a time: usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy (${flags.join(' and ')} are true)`,
    )
  const required = (value: string, name: string, old: string): string => {
    if (value !== '') return value
    throw new MountFailure('parameter-invalid', `${old} is not provided${spellingHint(misspelled, name)}`)
  }
  return {
    identityFlag: flags[0] ?? 'none',
    keyvaultName: required(text('keyvaultName'), 'keyvaultName', 'keyvaultName'),
    tenantId: required(text('tenantID') || text('tenantId'), 'tenantID', 'tenantId'),
    clientId: text('clientID'),
    userAssignedIdentityId: text('userAssignedIdentityID'),
    cloudName: text('cloudName'),
    cloudEnvFileName: text('cloudEnvFileName'),
    objects: text('objects'),
    lastKnownGoodMs: lastKnownGood(text('lastKnownGoodMaxAge')),
    misspelled,
  }
}

function nearMisses(given: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return nearMissesOf(
    given.keys(),
    KNOWN.filter((name) => name !== 'tenantId'),
  )
}

function flagOf(name: ParameterName, text: string): boolean {
  try {
    return parseGoBool(text)
  } catch (thrown) {
    if (!(thrown instanceof GoBoolError)) throw thrown
    throw new MountFailure('parameter-invalid', `failed to parse ${name} flag, error: ${thrown.message}`)
  }
}

function lastKnownGood(text: string): number {
  if (text === '') return 0
  const ms = text.length > 64 ? undefined : parseGoDuration(text)
  const longest = parseGoDuration(LONGEST_LAST_KNOWN_GOOD) ?? 0
  if (ms !== undefined && ms >= 0 && ms <= longest) return Math.round(ms)
  throw new MountFailure(
    'parameter-invalid',
    `lastKnownGoodMaxAge ${quoted(text)} is not a duration from 0s to ${LONGEST_LAST_KNOWN_GOOD}, such as 1h30m`,
  )
}
