import type { ArmLogin, PresentIdentity } from '../azure/arm.ts'
import { parseManagedIdentityId } from '../model/resource-id.ts'

export interface ProtectionOptions {
  /** `--immutable-user-msis`: client ids; a resource id is understood too. */
  readonly immutable: readonly string[]
  /** `userAssignedIdentityID` of azure.json: the kubelet's own identity, by client id (or resource id). */
  readonly clusterIdentity: () => string
  readonly login: () => ArmLogin
}

/** Says which identities are never taken off a node, whoever put them there. */
export interface Protection {
  /** `unknown` when only the client id could tell and ARM did not give it: ask for it, and until then keep. */
  of(id: string, present: PresentIdentity): 'protected' | 'free' | 'unknown'
}

export function createProtection(options: ProtectionOptions): Protection {
  const immutable = new Set(options.immutable.map(canonicalName).filter((name) => name !== ''))
  return {
    of(id, present) {
      const login = options.login()
      const cluster = canonicalName(options.clusterIdentity())
      const isNamed = (name: string): boolean =>
        name !== '' &&
        (immutable.has(name) ||
          name === cluster ||
          name === login.clientId.toLowerCase() ||
          name === login.resourceId)
      if (isNamed(id) || isNamed(present.clientId.toLowerCase())) return 'protected'
      if (present.principalId !== '' && present.principalId.toLowerCase() === login.objectId.toLowerCase()) {
        return 'protected'
      }
      const byClientId = immutable.size > 0 || cluster !== '' || login.clientId !== ''
      return present.clientId === '' && byClientId ? 'unknown' : 'free'
    },
  }
}

/** A client id in lower case, or a resource id in its canonical form. */
function canonicalName(text: string): string {
  return parseManagedIdentityId(text)?.canonical ?? text.trim().toLowerCase()
}
