import * as v from 'valibot'
import { OperatorError } from '../base/errors.ts'
import { SecretString } from '../base/secret.ts'
import { parseJson } from './json-body.ts'

/** How MIC logs in to Azure Resource Manager. */
export type ArmCredential =
  /** `id` is a client id or the resource id of a user-assigned identity; empty: the system-assigned one. */
  | { readonly kind: 'managed-identity'; readonly id: string }
  | {
      readonly kind: 'secret'
      readonly tenantId: string
      readonly clientId: string
      readonly secret: SecretString
    }

/** What MIC needs of the cluster's `azure.json`, or of the old chart's environment variables. */
export interface CloudConfig {
  /** Name as go-autorest has it; empty means public. */
  readonly cloud: string
  readonly credential: ArmCredential
  /** `userAssignedIdentityID`: the cluster's own identity, which never leaves a node. */
  readonly clusterIdentity: string
}

const loose = v.optional(v.string(), '')

const azureJson = v.object({
  cloud: loose,
  tenantId: loose,
  aadClientId: loose,
  aadClientSecret: loose,
  useManagedIdentityExtension: v.optional(v.boolean(), false),
  userAssignedIdentityID: loose,
})

/** What AKS writes in place of a service principal when the cluster has a managed identity. */
const NO_PRINCIPAL = 'msi'

/**
 * Reads the file that AKS puts at /etc/kubernetes/azure.json.
 * @throws OperatorError that names the field which is missing or wrong, never its value.
 */
export function parseCloudConfig(file: Buffer, name: string): CloudConfig {
  const read = v.safeParse(azureJson, parseJson(file))
  if (!read.success) {
    const issue = read.issues[0]
    throw new OperatorError(
      `${name} cannot be used: ${v.getDotPath(issue) ?? 'the whole file'}: ${expectation(issue)}`,
    )
  }
  const {
    cloud,
    tenantId,
    aadClientId,
    aadClientSecret,
    useManagedIdentityExtension,
    userAssignedIdentityID,
  } = read.output
  const credential = useManagedIdentityExtension
    ? ({ kind: 'managed-identity', id: userAssignedIdentityID } as const)
    : secretCredential({ tenantId, clientId: aadClientId, secret: aadClientSecret }, name)
  return { cloud, credential, clusterIdentity: userAssignedIdentityID }
}

/** The environment variables that the old chart's `adminsecret` filled. */
export interface CloudEnvironment {
  readonly CLOUD: string
  readonly TENANT_ID: string
  readonly CLIENT_ID: string
  readonly CLIENT_SECRET: string
  readonly USE_MSI: string
  readonly USER_ASSIGNED_MSI_CLIENT_ID: string
}

/** @throws OperatorError that names the variables which are missing. */
export function cloudConfigOf(environment: CloudEnvironment): CloudConfig {
  const identity = environment.USER_ASSIGNED_MSI_CLIENT_ID
  const credential =
    environment.USE_MSI.toLowerCase() === 'true'
      ? ({ kind: 'managed-identity', id: identity } as const)
      : secretCredential(
          {
            tenantId: environment.TENANT_ID,
            clientId: environment.CLIENT_ID,
            secret: environment.CLIENT_SECRET,
          },
          'the environment (TENANT_ID, CLIENT_ID, CLIENT_SECRET; or USE_MSI=true)',
        )
  return { cloud: environment.CLOUD, credential, clusterIdentity: identity }
}

function secretCredential(
  { tenantId, clientId, secret }: { tenantId: string; clientId: string; secret: string },
  where: string,
): ArmCredential {
  const missing = Object.entries({ tenant: tenantId, 'client id': clientId, 'client secret': secret })
    .filter(([, value]) => value === '' || value === NO_PRINCIPAL)
    .map(([field]) => field)
  if (missing.length > 0) {
    throw new OperatorError(`no way to log in to Azure: ${missing.join(' and ')} missing in ${where}`)
  }
  return { kind: 'secret', tenantId, clientId, secret: new SecretString(secret) }
}

/** What was expected, without what was found: that may be a secret. */
function expectation(issue: v.BaseIssue<unknown>): string {
  return issue.expected === null ? 'not understood' : `expected ${issue.expected}`
}
