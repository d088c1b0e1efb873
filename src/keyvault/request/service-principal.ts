import { SecretString } from '../../base/secret.ts'

/** Client id and secret of nodePublishSecretRef. */
export interface ServicePrincipal {
  readonly clientId: string
  readonly secret: SecretString
}

/** What of the credentials is there: all, or what is missing in the old provider's words. */
export type ServicePrincipalRead =
  | { readonly found: true; readonly credentials: ServicePrincipal }
  | { readonly found: false; readonly missing: string }

/**
 * The keys `clientid` and `clientsecret` of the Secret, in any case; the exact spelling goes first. The client id is
 * trimmed, the secret is taken as it is.
 */
export function servicePrincipal(secrets: ReadonlyMap<string, SecretString>): ServicePrincipalRead {
  if (secrets.size === 0)
    return { found: false, missing: 'failed to get credentials, nodePublishSecretRef secret is not set' }
  const clientId = valueOf(secrets, 'clientid').reveal().trim()
  if (clientId === '') return { found: false, missing: 'could not find clientid in secrets' }
  const secret = valueOf(secrets, 'clientsecret')
  if (secret.length === 0) return { found: false, missing: 'could not find clientsecret in secrets' }
  return { found: true, credentials: { clientId, secret } }
}

function valueOf(secrets: ReadonlyMap<string, SecretString>, wanted: string): SecretString {
  const exact = secrets.get(wanted)
  if (exact !== undefined) return exact
  for (const [key, value] of secrets) if (key.toLowerCase() === wanted) return value
  return new SecretString('')
}
