import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { errorText } from '../../src/base/errors.ts'
import { SecretString } from '../../src/base/secret.ts'
import type { VaultLogin, VaultTokens } from '../../src/keyvault/identity/vault-login.ts'
import { MountFailure, mountFailureText } from '../../src/keyvault/mount-failure.ts'
import { APP, APP_SECRET, type LoginWorld, SHOP_OBJECT, startLoginWorld } from '../harness/login-world.ts'
import { put, remove } from '../harness/nmi-world.ts'
import { makeIssued, makeJwt, podLogin, secretLogin, vmLogin, workloadLogin } from '../make/logins.ts'
import { clientIdOf, makeAssigned, makeBinding, makeIdentity, makePod, TENANT } from '../make/objects.ts'

const never = new AbortController().signal
const SHOP = clientIdOf('shop')

/** The pod `default/shop-0` is bound to the identity `shop`, which is on the node. */
function bindShop({ stores }: LoginWorld): void {
  const identity = makeIdentity()
  put(stores.pods, makePod())
  put(stores.identities, identity)
  put(stores.bindings, makeBinding())
  put(stores.assigned, makeAssigned({ identity }))
}

async function failing(tokens: VaultTokens, login: VaultLogin): Promise<MountFailure> {
  const thrown: unknown = await tokens.token(login, never).catch((reason: unknown) => reason)
  assert.ok(thrown instanceof MountFailure, inspect(thrown))
  return thrown
}

function claimsOf(token: { value: SecretString }): Record<string, unknown> {
  const payload = token.value.reveal().split('.')[1] ?? ''
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}

test('a service-account token becomes a token for Key Vault, once while both live', async () => {
  await using world = await startLoginWorld()
  const { loginOrigin } = world
  const login = workloadLogin({ loginOrigin, assertion: await world.assertion() })
  const token = await world.byPort.token(login, never)
  const claims = claimsOf(token)
  assert.deepEqual([claims['appid'], claims['aud']], [SHOP, 'https://vault.azure.net'])
  assert.equal(token.who, `workload identity shop (client id ${SHOP}, object id ${SHOP_OBJECT})`)
  assert.equal(token.objectId, SHOP_OBJECT)
  assert.equal(token.reader, JSON.stringify([loginOrigin, TENANT, SHOP_OBJECT]))
  assert.equal(await world.byPort.token(login, never), token)
  const another = await world.byPort.token(
    { ...login, assertion: await world.assertion({ jti: '2' }) },
    never,
  )
  assert.notEqual(another.value.reveal(), token.value.reveal())
  assert.equal(another.reader, token.reader)
})

test('a federation that does not fit is told with what does not', async () => {
  await using world = await startLoginWorld()
  const { loginOrigin } = world
  const ids = `workload identity with client id ${SHOP} in tenant ${TENANT}: Entra refused the token: invalid_client`
  const attempt = async (
    claims: Record<string, unknown>,
    fields: Partial<ReturnType<typeof workloadLogin>> = {},
  ) =>
    failing(world.byPort, workloadLogin({ loginOrigin, assertion: await world.assertion(claims), ...fields }))
  const subject = await attempt({ sub: 'system:serviceaccount:default:other' })
  assert.equal(subject.code, 'identity-refused')
  assert.ok(subject.message.startsWith(`${ids}: AADSTS700213: `), subject.message)
  assert.match(
    subject.message,
    /must have issuer https:\/\/issuer\.example\/cluster, subject system:serviceaccount:default:other and audience api:\/\/AzureADTokenExchange$/,
  )
  assert.match((await attempt({ iss: 'https://issuer.example/cluster/' })).message, /AADSTS700211: .* issuer/)
  assert.match((await attempt({ aud: ['api://other'] })).message, /AADSTS700212: /)
  assert.match(
    (await attempt({ exp: 1 })).message,
    /AADSTS700024: Client assertion is not within its valid time/,
  )
  const unknown = await attempt({}, { clientId: '11111111-0000-4000-8000-000000000009' })
  assert.match(unknown.message, /AADSTS700016: Application with identifier/)
  assert.match(
    (await attempt({}, { tenantId: 'nobody.example' })).message,
    /AADSTS90002: Tenant 'nobody.example'/,
  )
  // What fails for one is nothing to the others.
  await world.byPort.token(workloadLogin({ loginOrigin, assertion: await world.assertion() }), never)
})

test('a service principal logs in with its secret, and a wrong one is told without it', async () => {
  await using world = await startLoginWorld()
  const { loginOrigin } = world
  const login = secretLogin({ loginOrigin, clientId: APP, secret: new SecretString(APP_SECRET) })
  const token = await world.byPort.token(login, never)
  assert.match(token.who, new RegExp(`^service principal \\(client id ${APP}, object id [0-9a-f-]{36}\\)$`))
  const wrong = await failing(world.byPort, { ...login, secret: new SecretString('wrong horse') })
  assert.equal(
    wrong.message,
    `service principal with client id ${APP} in tenant ${TENANT}: Entra refused the token: invalid_client: ` +
      'AADSTS7000215: Invalid client secret provided',
  )
})

test('the node logs in with an identity that it has, and with its own', async () => {
  await using world = await startLoginWorld()
  const shop = await world.byPort.token(vmLogin(SHOP), never)
  assert.equal(shop.who, `managed identity of the node shop (client id ${SHOP}, object id ${SHOP_OBJECT})`)
  assert.equal(shop.reader, JSON.stringify(['imds', TENANT, SHOP_OBJECT]))
  const own = await world.byPort.token(vmLogin(), never)
  assert.match(own.who, /^managed identity of the node \(client id /)
  assert.notEqual(own.reader, shop.reader)
  const missing = await failing(world.byPort, vmLogin(clientIdOf('other')))
  assert.equal(missing.code, 'identity-refused')
  assert.match(missing.message, /does not know the identity; assign it to the VM or scale set of the node/)
})

test('a pod gets the token of its identity from the node agent, over TCP and over the socket', async () => {
  await using world = await startLoginWorld()
  bindShop(world)
  const byPort = await world.byPort.token(podLogin(), never)
  const bySocket = await world.bySocket.token(podLogin(), never)
  assert.equal(byPort.value.reveal(), bySocket.value.reveal())
  assert.equal(claimsOf(byPort)['appid'], SHOP)
  for (const token of [byPort, bySocket])
    assert.equal(token.who, `pod identity shop (client id ${SHOP}, object id ${SHOP_OBJECT})`)
  assert.match(byPort.reader, /^\["token",/)
  assert.equal(bySocket.reader, JSON.stringify(['nmi imds', TENANT, SHOP_OBJECT]))
})

test('what is missing between pod and identity is told in the words of the node agent', async () => {
  await using world = await startLoginWorld()
  bindShop(world)
  put(world.stores.pods, makePod({ name: 'plain', selector: '', addresses: [] }))
  for (const tokens of [world.byPort, world.bySocket]) {
    const refused = await failing(tokens, podLogin('plain'))
    assert.equal(refused.code, 'identity-refused')
    assert.match(
      refused.message,
      /^nmi response failed with status code: 403, response body: .*default\/plain/,
    )
    assert.match(refused.message, /\(podid: no-label\)$/)
    assert.equal((await failing(tokens, podLogin('plain'))).message, refused.message)
    const unknown = await failing(tokens, podLogin('nobody'))
    assert.equal(unknown.code, 'identity-unavailable')
    assert.match(mountFailureText(unknown), /\(podid: pod-unknown\)\. Wait; kubelet tries again/)
  }
})

test('a binding that goes ends the tokens of its pod at the next mount', async () => {
  await using world = await startLoginWorld()
  bindShop(world)
  await world.bySocket.token(podLogin(), never)
  remove(world.stores.bindings, makeBinding())
  const refused = await failing(world.bySocket, podLogin())
  assert.match(refused.message, /\(podid: no-binding\)$/)
})

test('the author of an AzureIdentity cannot have the reader key of another by an authority of his own', async () => {
  const forged = makeJwt({ oid: SHOP_OBJECT, tid: TENANT, appid: SHOP })
  await using world = await startLoginWorld((origin) =>
    origin === 'https://login.evil.example'
      ? Promise.resolve(makeIssued({ text: forged, nowMs: Date.now() }))
      : undefined,
  )
  bindShop(world)
  const evil = makeIdentity({
    name: 'evil',
    type: 1,
    clientId: SHOP,
    tenantId: TENANT,
    adEndpoint: 'https://login.evil.example/',
    clientPassword: { namespace: 'default', name: 'evil' },
  })
  put(world.stores.pods, makePod({ name: 'evil', selector: 'evil', addresses: [] }))
  put(world.stores.identities, evil)
  put(world.stores.bindings, makeBinding({ name: 'evil', azureIdentity: 'evil', selector: 'evil' }))
  put(world.stores.assigned, makeAssigned({ name: 'evil', pod: 'evil', identity: evil }))
  for (const tokens of [world.byPort, world.bySocket]) {
    const victim = await tokens.token(podLogin(), never)
    const attacker = await tokens.token(podLogin('evil'), never)
    assert.equal(attacker.value.reveal(), forged)
    assert.equal(attacker.objectId, victim.objectId)
    assert.notEqual(attacker.reader, victim.reader)
  }
})

test('an agent that has stopped is told as such, and the next one is found', async () => {
  await using world = await startLoginWorld()
  bindShop(world)
  await world.bySocket.token(podLogin(), never)
  await world.byPort.token(podLogin(), never)
  await world.nmi.stop()
  for (const tokens of [world.byPort, world.bySocket]) {
    const away = await failing(tokens, podLogin())
    assert.equal(away.code, 'identity-unavailable')
    assert.match(away.message, /^NMI does not run on this node: nobody listens at (http|unix):\/\//)
  }
})

test('no token, assertion or secret is in any log line, audit line, message or printed object', async () => {
  const world = await startLoginWorld()
  const { loginOrigin, secrets } = world
  const seen: string[] = []
  const see = (value: unknown) => {
    seen.push(inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value))
    if (value instanceof Error) seen.push(errorText(value), value.stack ?? '')
    if (value instanceof MountFailure) seen.push(mountFailureText(value))
  }
  try {
    bindShop(world)
    put(world.stores.pods, makePod({ name: 'plain', selector: '', addresses: [] }))
    const app = secretLogin({ loginOrigin, clientId: APP, secret: new SecretString(APP_SECRET) })
    const logins: VaultLogin[] = [
      workloadLogin({ loginOrigin, assertion: await world.assertion() }),
      workloadLogin({ loginOrigin, assertion: await world.assertion({ sub: 'system:serviceaccount:a:b' }) }),
      workloadLogin({ loginOrigin, assertion: await world.assertion({ exp: 1 }) }),
      workloadLogin({ loginOrigin: 'https://127.0.0.1:9', assertion: await world.assertion({ jti: '3' }) }),
      app,
      { ...app, tenantId: 'nobody.example' },
      { ...app, clientId: SHOP },
      vmLogin(SHOP),
      vmLogin(clientIdOf('other')),
      podLogin(),
      podLogin('plain'),
    ]
    let granted = 0
    for (const tokens of [world.byPort, world.bySocket]) {
      for (const login of logins) {
        see(login)
        try {
          const token = await tokens.token(login, never)
          granted += 1
          secrets.add(token.value.reveal())
          see(token)
          tokens.refused(login, token)
        } catch (thrown) {
          see(thrown)
        }
      }
    }
    assert.equal(granted, 8)
  } finally {
    await world[Symbol.asyncDispose]()
  }
  const logged = world.lines.join('\n')
  for (const expected of [/token requests are answered/, /"granted"/, /"no-label"/])
    assert.match(logged, expected)
  const text = [...seen, logged].join('\n')
  for (const secret of secrets)
    for (const part of secret.includes('.') ? secret.split('.').slice(1) : [secret])
      assert.ok(!text.includes(part), 'a secret was shown')
})
