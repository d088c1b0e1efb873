/**
 * A program that knows nothing of the emulator: it uses the Azure SDKs as anyone would. The tests run it as
 * a child process, since MSAL keeps the first IMDS endpoint for the life of a process and Node reads
 * NODE_EXTRA_CA_CERTS at its start only.
 *
 * `node emulator-azure-judge.ts <steps as JSON>` prints what each step returned, or its error, as JSON.
 */
import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { ComputeManagementClient } from '@azure/arm-compute'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
  type TokenCredential,
} from '@azure/identity'
import { CertificateClient } from '@azure/keyvault-certificates'
import { KeyClient } from '@azure/keyvault-keys'
import { SecretClient } from '@azure/keyvault-secrets'

export interface Login {
  readonly authorityHost: string
  readonly tenantId: string
  readonly clientId: string
  readonly secret?: string
  readonly certificatePath?: string
  readonly assertion?: string
  /** For the discovery of an unknown authority; false lets MSAL ask login.microsoftonline.com. */
  readonly discovery?: boolean
}

export type Step =
  | { readonly do: 'login'; readonly login: Login; readonly scope: string }
  | { readonly do: 'imds'; readonly clientId?: string; readonly resourceId?: string; readonly scope: string }
  | { readonly do: 'vm.get' | 'vmss.get'; readonly arm: ArmTarget }
  | { readonly do: 'vm.patch' | 'vmss.patch'; readonly arm: ArmTarget; readonly identity: object }
  | { readonly do: 'vmss.instances'; readonly arm: ArmTarget }
  | { readonly do: 'identity.put' | 'identity.get' | 'identity.delete'; readonly arm: ArmTarget }
  | {
      readonly do: 'federated.put'
      readonly arm: ArmTarget
      readonly credential: string
      readonly issuer: string
      readonly subject: string
      readonly audiences: string[]
    }
  | { readonly do: 'federated.list'; readonly arm: ArmTarget }
  | { readonly do: 'federated.delete'; readonly arm: ArmTarget; readonly credential: string }
  | {
      readonly do: VaultVerb
      readonly vault: VaultTarget
      readonly name: string
      readonly value?: string
      readonly version?: string
    }

type VaultVerb =
  | 'secret.get'
  | 'secret.set'
  | 'secret.list'
  | 'secret.versions'
  | 'secret.disable'
  | 'secret.delete'
  | 'key.create'
  | 'key.create-ec'
  | 'key.get'
  | 'key.list'
  | 'certificate.create'
  | 'certificate.get'
  | 'certificate.list'
  | 'certificate.import'

export interface ArmTarget {
  readonly login: Login
  readonly endpoint: string
  readonly subscription: string
  readonly group: string
  readonly name: string
}

export interface VaultTarget {
  readonly url: string
  readonly login?: Login
  /** Use the managed identity of the machine. */
  readonly imdsClientId?: string
}

export interface Judged {
  readonly ok?: unknown
  readonly error?: {
    readonly name: string
    readonly message: string
    readonly code?: string
    readonly statusCode?: number
  }
}

const credentials = new Map<string, TokenCredential>()

function credentialOf(login: Login): TokenCredential {
  const key = JSON.stringify(login)
  const known = credentials.get(key) ?? newCredential(login)
  credentials.set(key, known)
  return known
}

function newCredential(login: Login): TokenCredential {
  const { tenantId, clientId, authorityHost } = login
  const options = { authorityHost, disableInstanceDiscovery: login.discovery !== true }
  if (login.secret !== undefined) return new ClientSecretCredential(tenantId, clientId, login.secret, options)
  if (login.certificatePath !== undefined)
    return new ClientCertificateCredential(tenantId, clientId, login.certificatePath, options)
  const assertion = login.assertion ?? ''
  return new ClientAssertionCredential(tenantId, clientId, () => Promise.resolve(assertion), options)
}

type Holding<Each, Verb> = Each extends { do: infer Verbs } ? (Verb extends Verbs ? Each : never) : never
type StepOf<Verb> = Holding<Step, Verb>

function login(step: StepOf<'login'>): Promise<unknown> {
  return credentialOf(step.login).getToken(step.scope)
}

function imds(step: StepOf<'imds'>): Promise<unknown> {
  const { clientId, resourceId } = step
  const credential =
    resourceId === undefined
      ? new ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
      : new ManagedIdentityCredential({ resourceId })
  return credential.getToken(step.scope)
}

function compute(target: ArmTarget): ComputeManagementClient {
  const { endpoint, subscription } = target
  return new ComputeManagementClient(credentialOf(target.login), subscription, { endpoint })
}

function msi(target: ArmTarget): ManagedServiceIdentityClient {
  const { endpoint, subscription } = target
  return new ManagedServiceIdentityClient(credentialOf(target.login), subscription, { endpoint })
}

function vaultCredential(target: VaultTarget): TokenCredential {
  return target.login === undefined
    ? new ManagedIdentityCredential({ clientId: target.imdsClientId ?? '' })
    : credentialOf(target.login)
}
const secrets = ({ vault }: VaultStep): SecretClient => new SecretClient(vault.url, vaultCredential(vault))
const keys = ({ vault }: VaultStep): KeyClient => new KeyClient(vault.url, vaultCredential(vault))
const certificates = ({ vault }: VaultStep): CertificateClient =>
  new CertificateClient(vault.url, vaultCredential(vault))

type VaultStep = Extract<Step, { vault: VaultTarget }>
const PEM_POLICY = { issuerName: 'Self', contentType: 'application/x-pem-file' as const }

const VERBS: { readonly [Verb in Step['do']]: (step: StepOf<Verb>) => Promise<unknown> } = {
  login,
  imds,
  'vm.get': ({ arm }) => compute(arm).virtualMachines.get(arm.group, arm.name),
  'vmss.get': ({ arm }) => compute(arm).virtualMachineScaleSets.get(arm.group, arm.name),
  'vm.patch': ({ arm, identity }) => compute(arm).virtualMachines.update(arm.group, arm.name, { identity }),
  'vmss.patch': ({ arm, identity }) =>
    compute(arm).virtualMachineScaleSets.update(arm.group, arm.name, { identity }),
  'vmss.instances': ({ arm }) => collect(compute(arm).virtualMachineScaleSetVMs.list(arm.group, arm.name)),
  'identity.put': ({ arm }) =>
    msi(arm).userAssignedIdentities.createOrUpdate(arm.group, arm.name, { location: 'westeurope' }),
  'identity.get': ({ arm }) => msi(arm).userAssignedIdentities.get(arm.group, arm.name),
  'identity.delete': ({ arm }) => msi(arm).userAssignedIdentities.delete(arm.group, arm.name),
  'federated.put': ({ arm, credential, issuer, subject, audiences }) =>
    msi(arm).federatedIdentityCredentials.createOrUpdate(arm.group, arm.name, credential, {
      issuer,
      subject,
      audiences,
    }),
  'federated.delete': ({ arm, credential }) =>
    msi(arm).federatedIdentityCredentials.delete(arm.group, arm.name, credential),
  'federated.list': ({ arm }) => collect(msi(arm).federatedIdentityCredentials.list(arm.group, arm.name)),
  'secret.get': (step) =>
    secrets(step).getSecret(step.name, step.version === undefined ? {} : { version: step.version }),
  'secret.set': (step) =>
    secrets(step).setSecret(step.name, step.value ?? '', {
      contentType: 'text/plain',
      tags: { made: 'here' },
    }),
  'secret.list': (step) => collect(secrets(step).listPropertiesOfSecrets()),
  'secret.versions': (step) => collect(secrets(step).listPropertiesOfSecretVersions(step.name)),
  async 'secret.disable'(step) {
    const client = secrets(step)
    const { properties } = await client.getSecret(step.name)
    return client.updateSecretProperties(step.name, properties.version ?? '', { enabled: false })
  },
  async 'secret.delete'(step) {
    const poller = await secrets(step).beginDeleteSecret(step.name, { intervalInMs: 10 })
    return poller.pollUntilDone()
  },
  'key.create': (step) => keys(step).createRsaKey(step.name, { keySize: 2_048 }),
  'key.create-ec': (step) => keys(step).createEcKey(step.name, { curve: 'P-256' }),
  'key.get': (step) => keys(step).getKey(step.name),
  'key.list': (step) => collect(keys(step).listPropertiesOfKeys()),
  async 'certificate.create'(step) {
    const policy = { ...PEM_POLICY, subject: `CN=${step.name}` }
    const poller = await certificates(step).beginCreateCertificate(step.name, policy, { intervalInMs: 10 })
    return poller.pollUntilDone()
  },
  'certificate.import': (step) =>
    certificates(step).importCertificate(step.name, Buffer.from(step.value ?? ''), {
      policy: { ...PEM_POLICY, subject: 'CN=imported' },
    }),
  'certificate.get': (step) => certificates(step).getCertificate(step.name),
  'certificate.list': (step) => collect(certificates(step).listPropertiesOfCertificates()),
}

function run(step: Step): Promise<unknown> {
  const verb = VERBS[step.do] as (step: Step) => Promise<unknown>
  return verb(step)
}

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Does what a hosts file would: these names are this machine. */
function mapHosts(): void {
  const lookup = dns.lookup
  const mapped = (host: string): string =>
    /\.(azure\.net|microsoftonline\.com|azure\.com)$/.test(host) ? '127.0.0.1' : host
  Object.assign(dns, {
    lookup: (host: string, ...rest: unknown[]) =>
      Reflect.apply(lookup, dns, [mapped(host), ...rest]) as unknown,
  })
}

async function main(stepsPath: string): Promise<void> {
  mapHosts()
  const results: Judged[] = []
  for (const step of JSON.parse(readFileSync(stepsPath, 'utf8')) as Step[]) {
    try {
      results.push({ ok: await run(step) })
    } catch (thrown) {
      const { name, message, code, statusCode } = thrown as Error & { code?: string; statusCode?: number }
      results.push({
        error: {
          name,
          message,
          ...(code === undefined ? {} : { code }),
          ...(statusCode === undefined ? {} : { statusCode }),
        },
      })
    }
  }
  process.stdout.write(JSON.stringify(results))
}

const [, script = '', stepsPath] = process.argv
if (script.endsWith('emulator-azure-judge.ts') && stepsPath !== undefined) await main(stepsPath)
