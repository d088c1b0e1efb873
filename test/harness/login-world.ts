/** All ways to a token for Key Vault over real sockets: emulated Entra and IMDS, and a real node agent. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { createEntraClient, type EntraClient } from '../../src/azure/entra-client.ts'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { SecretString } from '../../src/base/secret.ts'
import { createPodIdentity } from '../../src/keyvault/identity/pod-identity.ts'
import type { VaultTokens } from '../../src/keyvault/identity/vault-login.ts'
import { createVaultTokens } from '../../src/keyvault/identity/vault-tokens.ts'
import { ObjectStore } from '../../src/kube/store.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../../src/model/resources.ts'
import { nmiConfig } from '../../src/nmi/config.ts'
import { build, type Nmi } from '../../src/nmi/nmi.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { createTokenBroker } from '../../src/tokens/broker.ts'
import { CountingMetrics } from '../fakes/token-sources.ts'
import { clientIdOf, identityId, SUBSCRIPTION, TENANT } from '../make/objects.ts'

export const ISSUER = 'https://issuer.example/cluster'
export const AUDIENCE = 'api://AzureADTokenExchange'
const VM = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/node-0`

export const APP = 'a0a0a0a0-0000-4000-8000-000000000001'
export const APP_SECRET = 'correct horse battery staple'
export const SHOP_OBJECT = 'd0d0d0d0-0000-4000-8000-000000000001'

export interface LoginWorld extends AsyncDisposable {
  readonly azure: AzureEmulator
  /** Authority of the emulated Entra. */
  readonly loginOrigin: string
  readonly nmi: Nmi
  readonly stores: {
    readonly pods: ObjectStore<Pod>
    readonly bindings: ObjectStore<AzureIdentityBinding>
    readonly identities: ObjectStore<AzureIdentity>
    readonly assigned: ObjectStore<AzureAssignedIdentity>
    readonly exceptions: ObjectStore<AzurePodIdentityException>
  }
  /** The node agent is asked over TCP. */
  readonly byPort: VaultTokens
  /** The node agent is asked over its socket. */
  readonly bySocket: VaultTokens
  /** What was logged and audited. */
  readonly lines: string[]
  /** Tokens and assertions that must not be in any line or message. */
  readonly secrets: Set<string>
  /** A service-account token of the cluster that the identity `shop` trusts. */
  assertion(claims?: Record<string, unknown>): Promise<SecretString>
}

/**
 * @param forge answers in place of Entra for authorities that an AzureIdentity names; undefined passes it on
 */
export async function startLoginWorld(
  forge: (origin: string) => ReturnType<EntraClient['token']> | undefined = () => undefined,
): Promise<LoginWorld> {
  const owner = new Owner()
  const folder = mkdtempSync(join(tmpdir(), 'podid-login-'))
  owner.own(() => rmSync(folder, { recursive: true }))
  const lines: string[] = []
  const secrets = new Set<string>([APP_SECRET])
  const log = createLog({
    component: 'test',
    verbosity: 10,
    format: 'json',
    write: (line) => lines.push(line),
  })
  const { azure, assertion } = await startAzure(owner, secrets)
  const [door] = azure.imds.doors
  const clock = systemClock
  const imds = createImdsClient({ clock, baseUrl: `http://127.0.0.1:${door?.port ?? 0}` })
  owner.own(() => imds.close())
  const entra = createEntraClient({ clock, ca: azure.caPem })
  owner.own(() => entra.close())
  const loginOrigin = new URL(azure.entraUrl).origin
  const broker = createTokenBroker({
    clock,
    log,
    metrics: new CountingMetrics(),
    imds,
    entra: { token: (request, signal) => forge(request.origin) ?? entra.token(request, signal) },
    secrets: {
      secret: ({ namespace, name }) =>
        Promise.resolve({
          namespace,
          name,
          uid: name,
          resourceVersion: '1',
          data: { s: Buffer.from(APP_SECRET) },
        }),
      subscribe: () => () => {},
    },
    rules: { loginOrigin, forceNamespaced: false },
  })
  owner.own(() => broker.stop())
  await broker.start()
  const stores = {
    pods: new ObjectStore<Pod>(),
    bindings: new ObjectStore<AzureIdentityBinding>(),
    identities: new ObjectStore<AzureIdentity>(),
    assigned: new ObjectStore<AzureAssignedIdentity>(),
    exceptions: new ObjectStore<AzurePodIdentityException>(),
  }
  for (const store of Object.values(stores)) store.markSynced()
  const socket = join(folder, 'host.sock')
  const nmi = build(nmiConfig({ port: 0, hostDoorSocket: socket }), {
    stores,
    broker,
    imds,
    clock,
    log,
    audit: (line, done) => {
      lines.push(line)
      done()
    },
    registry: createRegistry(),
  })
  owner.own(() => nmi.stop())
  await nmi.start()
  const tokensBy = (endpoint: string): VaultTokens => {
    const podIdentity = createPodIdentity({ clock, endpoint })
    owner.own(() => podIdentity.close())
    const tokens = createVaultTokens({ clock, entra, imds, podIdentity })
    owner.own(() => tokens.stop())
    return tokens
  }
  return {
    azure,
    loginOrigin,
    nmi,
    stores,
    byPort: tokensBy(`http://127.0.0.1:${nmi.port}`),
    bySocket: tokensBy(`unix://${socket}`),
    lines,
    secrets,
    assertion,
    [Symbol.asyncDispose]: () => owner.close(),
  }
}

async function startAzure(owner: Owner, secrets: Set<string>) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const subject = 'system:serviceaccount:default:shop'
  const credential = { name: 'shop', issuer: ISSUER, subject, audiences: [AUDIENCE] }
  const azure = await startAzureEmulator({
    seed: {
      tenant: TENANT,
      subscriptions: [SUBSCRIPTION],
      identities: [
        {
          id: identityId('shop'),
          clientId: clientIdOf('shop'),
          principalId: SHOP_OBJECT,
          federatedCredentials: [credential],
        },
        { id: identityId('other'), clientId: clientIdOf('other') },
      ],
      vms: [{ id: VM, identities: [identityId('shop')], systemAssigned: true }],
      apps: [{ clientId: APP, secret: APP_SECRET }],
    },
    imds: [{ compute: VM }],
    trustedIssuers: [{ issuer: ISSUER, jwks: { keys: [jwk] } }],
  })
  owner.own(() => azure.close())
  return {
    azure,
    assertion: async (claims: Record<string, unknown> = {}) => {
      const exp = Math.floor(Date.now() / 1_000) + 600
      const jwt = await new SignJWT({ iss: ISSUER, sub: subject, aud: [AUDIENCE], exp, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .sign(privateKey)
      secrets.add(jwt)
      return new SecretString(jwt)
    },
  }
}
