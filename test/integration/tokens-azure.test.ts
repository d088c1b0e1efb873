import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { createEntraClient } from '../../src/azure/entra-client.ts'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { AzureIdentity, Secret, SecretReference } from '../../src/model/resources.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createTokenBroker } from '../../src/tokens/broker.ts'
import { TokenError, type TokenErrorCode, type TokenRequest } from '../../src/tokens/token-source.ts'
import { CountingMetrics, makeRequest, never } from '../fakes/token-sources.ts'
import { makeCertificate, makePkcs12 } from '../make/certificates.ts'
import { identityId, makeIdentity, SUBSCRIPTION, TENANT } from '../make/objects.ts'

const VM = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/node-0`
const APP = 'a0a0a0a0-0000-4000-8000-000000000001'
const ON_NODE = 'c0c0c0c0-0000-4000-8000-000000000001'
const ELSEWHERE = 'c0c0c0c0-0000-4000-8000-000000000002'
const OBJECT = 'd0d0d0d0-0000-4000-8000-000000000001'

const leaf = makeCertificate({ name: 'app' })

/** The whole engine over real sockets: IMDS by http, Entra by https, Secrets from a map. */
async function start() {
  const azure = await startAzureEmulator({
    seed: {
      tenant: TENANT,
      subscriptions: [SUBSCRIPTION],
      identities: [
        { id: identityId('shop'), clientId: ON_NODE, principalId: OBJECT },
        { id: identityId('other'), clientId: ELSEWHERE },
      ],
      vms: [{ id: VM, identities: [identityId('shop')], systemAssigned: true }],
      apps: [{ clientId: APP, secret: 'right', certificate: leaf.certificatePem }],
    },
    imds: [{ compute: VM }],
  })
  const [door] = azure.imds.doors
  assert.ok(door !== undefined)
  const imds = createImdsClient({ clock: systemClock, baseUrl: `http://127.0.0.1:${door.port}` })
  const entra = createEntraClient({ clock: systemClock, ca: azure.caPem })
  const secrets = new Map<string, Record<string, Uint8Array>>()
  const listeners = new Set<(reference: SecretReference) => void>()
  const metrics = new CountingMetrics()
  const broker = createTokenBroker({
    clock: systemClock,
    log: silentLog,
    metrics,
    imds,
    entra,
    secrets: {
      secret({ namespace, name }): Promise<Secret | undefined> {
        const data = secrets.get(name)
        const uid = `uid-${name}`
        return Promise.resolve(data && { namespace, name, uid, resourceVersion: String(version), data })
      },
      subscribe(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    rules: { loginOrigin: new URL(azure.entraUrl).origin, forceNamespaced: false },
  })
  await broker.start()
  let version = 0
  return {
    azure,
    broker,
    metrics,
    setSecret(name: string, data: Record<string, Uint8Array>) {
      version += 1
      secrets.set(name, data)
      for (const listener of listeners) listener({ namespace: 'default', name })
    },
    async [Symbol.asyncDispose]() {
      await broker.stop()
      imds.close()
      entra.close()
      await azure.close()
    },
  }
}

const of = (fields: Partial<AzureIdentity>, changed: Partial<TokenRequest> = {}): TokenRequest =>
  makeRequest({ principal: { kind: 'identity', identity: makeIdentity(fields) }, ...changed })

function claims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

const code = (wanted: TokenErrorCode) => (thrown: unknown) => {
  assert.ok(thrown instanceof TokenError, String(thrown))
  assert.equal(thrown.code, wanted, thrown.message)
  return true
}

test('an identity of the node gets its token from IMDS, once for all who ask', async () => {
  await using world = await start()
  const request = of({ clientId: ON_NODE })
  const tokens = await Promise.all(
    Array.from({ length: 50 }, (_, n) => world.broker.token({ ...request, caller: `pod-${n}` }, never)),
  )
  const [token] = tokens
  assert.ok(token !== undefined)
  assert.ok(tokens.every((each) => each === token))
  const content = claims(token.value.reveal())
  assert.equal(content['appid'], ON_NODE)
  assert.equal(content['aud'], request.resource)
  assert.equal(world.metrics.of('upstream:imds:adal_token_msi_userassignedid:ok'), 1)
  assert.equal(world.broker.objectIdOf(ON_NODE), OBJECT)
  assert.equal(world.broker.peek(request), token)
})

test('an identity is found by its resource id when it has no client id, and the node by no id at all', async () => {
  await using world = await start()
  const token = await world.broker.token(
    of({ clientId: '', resourceId: identityId('shop').toUpperCase() }),
    never,
  )
  assert.equal(claims(token.value.reveal())['appid'], ON_NODE)
  const node = await world.broker.token(makeRequest({ principal: { kind: 'node' } }), never)
  assert.notEqual(claims(node.value.reveal())['appid'], ON_NODE)
})

test('an identity that is not on the node is told apart from a refusal', async () => {
  await using world = await start()
  await assert.rejects(
    world.broker.token(of({ clientId: ELSEWHERE }), never),
    code('identity-unknown-to-imds'),
  )
})

test('a service principal gets its token with a secret, and a mended Secret works at once', async () => {
  await using world = await start()
  const request = of({
    type: 1,
    clientId: APP,
    tenantId: TENANT,
    clientPassword: { namespace: 'default', name: 'sp' },
  })
  await assert.rejects(world.broker.token(request, never), code('secret-unusable'))
  world.setSecret('sp', { value: Buffer.from('wrong') })
  await assert.rejects(world.broker.token(request, never), (thrown) => {
    assert.ok(thrown instanceof TokenError)
    assert.match(thrown.message, /AADSTS7000215/)
    assert.doesNotMatch(thrown.message, /Trace|Timestamp|wrong/)
    return code('token-denied')(thrown)
  })
  world.setSecret('sp', { value: Buffer.from('right') })
  const token = await world.broker.token(request, never)
  assert.equal(claims(token.value.reveal())['appid'], APP)
})

test('a service principal gets its token with a certificate that Entra verifies', async () => {
  await using world = await start()
  const request = of({
    type: 2,
    clientId: APP,
    tenantId: TENANT,
    clientPassword: { namespace: 'default', name: 'cert' },
  })
  const foreign = makeCertificate({ name: 'foreign' })
  const file = (made: typeof leaf) => Buffer.from(makePkcs12({ key: made, certificates: [made] }, 'pw'))
  world.setSecret('cert', { certificate: file(foreign), password: Buffer.from('pw') })
  await assert.rejects(world.broker.token(request, never), code('token-denied'))
  world.setSecret('cert', { certificate: file(leaf), password: Buffer.from('pw') })
  const token = await world.broker.token(request, never)
  assert.equal(claims(token.value.reveal())['appid'], APP)
})

test('forty tokens at once stay below the limits that IMDS enforces', async () => {
  await using world = await start()
  const asked = Array.from({ length: 40 }, (_, n) =>
    world.broker.token(
      of({ clientId: ON_NODE }, { resource: `https://r${n}.example`, caller: `pod-${n % 8}` }),
      never,
    ),
  )
  await Promise.all(asked)
  assert.equal(world.metrics.of('upstream:imds:adal_token_msi_userassignedid:ok'), 40)
  assert.equal(world.metrics.of('upstream:imds:adal_token_msi_userassignedid:throttled'), 0)
})
