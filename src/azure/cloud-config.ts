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
  /** `file` is a PKCS#12 file. */
  | {
      readonly kind: 'certificate'
      readonly tenantId: string
      readonly clientId: string
      readonly file: string
      readonly password: SecretString
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
  aadClientCertPath: loose,
  aadClientCertPassword: loose,
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
  const { cloud, userAssignedIdentityID } = read.output
  return { cloud, credential: credentialIn(read.output, name), clusterIdentity: userAssignedIdentityID }
}

/** In the order of the cloud provider: managed identity, then secret, then certificate. */
function credentialIn(file: v.InferOutput<typeof azureJson>, name: string): ArmCredential {
  const { tenantId, aadClientId: clientId, aadClientSecret, aadClientCertPath } = file
  if (file.useManagedIdentityExtension) return { kind: 'managed-identity', id: file.userAssignedIdentityID }
  if (aadClientSecret !== '' || aadClientCertPath === '') {
    return secretCredential({ tenantId, clientId, secret: aadClientSecret }, name)
  }
  refuseMissing({ tenant: tenantId, 'client id': clientId }, name)
  const password = new SecretString(file.aadClientCertPassword)
  return { kind: 'certificate', tenantId, clientId, file: aadClientCertPath, password }
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
  refuseMissing({ tenant: tenantId, 'client id': clientId, 'client secret': secret }, where)
  return { kind: 'secret', tenantId, clientId, secret: new SecretString(secret) }
}

function refuseMissing(fields: Readonly<Record<string, string>>, where: string): void {
  const missing = Object.entries(fields)
    .filter(([, value]) => value === '' || value === NO_PRINCIPAL)
    .map(([field]) => field)
  if (missing.length > 0) {
    throw new OperatorError(`no way to log in to Azure: ${missing.join(' and ')} missing in ${where}`)
  }
}

/** What was expected, without what was found: that may be a secret. */
function expectation(issue: v.BaseIssue<unknown>): string {
  return issue.expected === null ? 'not understood' : `expected ${issue.expected}`
}
