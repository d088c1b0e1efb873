import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { createKeyVaultClient, type KeyVaultClientOptions } from '../../src/azure/key-vault-client.ts'
import { VaultError } from '../../src/azure/vault-error.ts'
import type { VaultShelf } from '../../src/azure/vault-objects.ts'
import { systemClock } from '../../src/base/clock.ts'
import { errorText } from '../../src/base/errors.ts'
import { SecretString } from '../../src/base/secret.ts'
import { startConnectProxy } from '../harness/connect-proxy.ts'
import { startStub } from '../harness/stub-server.ts'
import { TENANT } from '../make/objects.ts'
import { send } from './emulator-azure-wire.ts'
import { CLIENT, SEED, withEmulator } from './emulator-azure-world.ts'

const never = new AbortController().signal
const AUDIENCE = 'https://vault.azure.net'
const ALL = { secrets: ['all'], keys: ['all'], certificates: ['all'] }
const OPEN = {
  seed: {
    ...SEED,
    vaults: [{ name: 'shopvault', secrets: { price: '42' }, access: [{ principal: CLIENT, ...ALL }] }],
  },
}

function clientOf(options: Partial<KeyVaultClientOptions>) {
  const client = createKeyVaultClient({ clock: systemClock, ...options })
  return { ...client, [Symbol.dispose]: () => client.close() }
}

async function reading(emulator: AzureEmulator, options: Partial<KeyVaultClientOptions> = {}) {
  const text = await emulator.mint({ principal: CLIENT, audience: AUDIENCE })
  const target = { origin: emulator.vaultAddress, token: new SecretString(text) }
  const client = clientOf({ ca: emulator.caPem, ...options })
  return {
    client,
    target,
    read: (shelf: VaultShelf, name: string, version = '') =>
      client.object(target, { shelf, name, version }, never),
    list: (shelf: VaultShelf, name: string) => client.versions(target, { shelf, name }, never),
    write: async (method: string, path: string, body: unknown) => {
      const answer = await send(`${emulator.vaultAddress}${path}?api-version=7.4`, {
        ca: emulator.caPem,
        method,
        headers: { authorization: `Bearer ${text}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      assert.ok(answer.status < 300, answer.text)
    },
    [Symbol.dispose]: () => client.close(),
  }
}

/** Fails unless the read does so in this way; the message is what people read. */
async function failure(read: Promise<unknown>): Promise<VaultError> {
  try {
    await read
  } catch (thrown) {
    if (thrown instanceof VaultError) return thrown
    throw thrown
  }
  return assert.fail('the read went well')
}

test('secrets, keys and certificates are read in one request each, with no violation', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    for (const kty of ['RSA', 'RSA-HSM', 'EC', 'EC-HSM'])
      await vault.write('POST', `/keys/${kty.toLowerCase()}/create`, { kty })
    const policy = { issuer: { name: 'Self' }, x509_props: { subject: 'CN=shop' } }
    await vault.write('POST', '/certificates/web/create', { policy })
    const before = emulator.journal.requests.length
    const plain = await vault.read('secrets', 'price')
    assert.ok(plain.shelf === 'secrets' && plain.value.reveal() === '42' && plain.keyId === undefined)
    const pinned = await vault.read('secrets', 'PRICE', plain.version)
    assert.equal(pinned.version, plain.version)
    const backing = await vault.read('secrets', 'web')
    assert.ok(backing.shelf === 'secrets' && backing.contentType === 'application/x-pkcs12')
    assert.match(backing.keyId ?? '', /\/keys\/web\//)
    const certificate = await vault.read('certificates', 'web')
    assert.ok(certificate.shelf === 'certificates')
    assert.equal(new X509Certificate(certificate.der).subject, 'CN=shop')
    for (const kty of ['RSA', 'RSA-HSM', 'EC', 'EC-HSM']) {
      const key = await vault.read('keys', kty.toLowerCase())
      assert.ok(key.shelf === 'keys' && key.jwk.kty === kty)
      createPublicKey({ key: { ...key.jwk, kty: kty.replace('-HSM', '') }, format: 'jwk' })
    }
    assert.equal(emulator.journal.requests.length - before, 8)
    assert.deepEqual(emulator.journal.violations, [])
  }, OPEN)
})

test("all versions come over several pages, in the vault's order, with their state", async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    for (let n = 0; n < 60; n += 1)
      await vault.write('PUT', '/secrets/price', { value: `${n}`, attributes: { enabled: n % 2 === 0 } })
    const versions = await vault.list('secrets', 'price')
    assert.equal(versions.length, 61)
    assert.equal(new Set(versions.map(({ version }) => version)).size, 61)
    assert.equal(versions.filter(({ enabled }) => enabled).length, 31)
    assert.ok(versions.every(({ created }) => created > 1_600_000_000))
    const pages = emulator.journal.requests.filter(({ route }) => route === 'vault.secret.versions')
    assert.equal(pages.length, 3)
    assert.deepEqual(emulator.journal.violations, [])
  }, OPEN)
})

test('of more than a thousand versions the newest are kept', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    const value = Array.from({ length: 1_200 }, (_, n) => ({
      id: `${vault.target.origin}/secrets/price/${n.toString(16).padStart(32, '0')}`,
      attributes: { enabled: true, created: n },
    }))
    emulator.faults.add({ service: 'vault', effect: { kind: 'error', status: 200, body: { value } } })
    const versions = await vault.list('secrets', 'price')
    assert.deepEqual([versions.length, versions[0]?.created, versions.at(-1)?.created], [1_000, 200, 1_199])
  }, OPEN)
})

test('JSON that is not the object, or no list, is a failure of that object and not of the vault', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    const id = `${vault.target.origin}/secrets/price/${'0'.repeat(32)}`
    for (const body of [{ id }, { id, value: null }, { value: 'x' }, { value: 'x', id: `${id}1/more` }]) {
      emulator.faults.clear()
      emulator.faults.add({ service: 'vault', effect: { kind: 'error', status: 200, body } })
      const error = await failure(vault.read('secrets', 'price'))
      assert.deepEqual([error.kind, error.status], ['refused', 200])
      assert.match(error.message, /answered 200 with something that is not the secret that was asked for$/)
      assert.equal((await failure(vault.read('certificates', 'price'))).kind, 'refused')
    }
    emulator.faults.clear()
    emulator.faults.add({ service: 'vault', effect: { kind: 'garbage', what: 'wrong-json' } })
    const error = await failure(vault.list('secrets', 'price'))
    assert.equal(error.kind, 'refused')
    assert.match(error.message, /not a list of versions of the secret$/)
    const elsewhere = { value: [], nextLink: 'https://evil.example/secrets/price/versions' }
    emulator.faults.clear()
    emulator.faults.add({ service: 'vault', effect: { kind: 'error', status: 200, body: elsewhere } })
    assert.equal((await failure(vault.list('secrets', 'price'))).kind, 'refused')
  }, OPEN)
})

test("each refusal has its kind, Key Vault's code and a text that stays the same", async () => {
  await withEmulator(async (emulator) => {
    emulator.change({ vaultRefusesByDate: true })
    using vault = await reading(emulator)
    await vault.write('PUT', '/secrets/off', { value: 'x', attributes: { enabled: false } })
    await vault.write('PUT', '/secrets/old', { value: 'x', attributes: { exp: 1 } })
    const told = async (read: () => Promise<unknown>) => {
      const [one, two] = [await failure(read()), await failure(read())]
      assert.equal(one.message, two.message)
      return [one.kind, one.vaultCode, one.status]
    }
    assert.deepEqual(await told(() => vault.read('secrets', 'off')), ['disabled', 'SecretDisabled', 403])
    assert.deepEqual(await told(() => vault.read('secrets', 'old')), ['disabled', 'SecretExpired', 403])
    for (const [shelf, code] of [
      ['secrets', 'SecretNotFound'],
      ['keys', 'KeyNotFound'],
      ['certificates', 'CertificateNotFound'],
    ] as const) {
      assert.deepEqual(await told(() => vault.read(shelf, 'none')), ['not-found', code, 404])
      assert.deepEqual(await told(() => vault.list(shelf, 'none')), ['not-found', code, 404])
    }
    assert.deepEqual(await told(() => vault.read('secrets', 'price', '0'.repeat(32))), [
      'not-found',
      'SecretNotFound',
      404,
    ])
    for (const [network, code] of [
      ['firewall', 'ForbiddenByFirewall'],
      ['private', 'ForbiddenByConnection'],
    ] as const) {
      emulator.control.setVaultNetwork('shopvault', network)
      assert.deepEqual(await told(() => vault.read('secrets', 'price')), ['firewall', code, 403])
    }
  }, OPEN)
})

test('a caller without rights is told by policies and by roles', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    assert.equal((await failure(vault.read('secrets', 'price'))).vaultCode, 'ForbiddenByPolicy')
    emulator.state.vaults.clear()
    emulator.plant({ vaults: [{ name: 'roles', rbac: true, secrets: { price: '1' } }] })
    const token = await emulator.mint({ principal: 'shop', audience: AUDIENCE })
    const target = { ...vault.target, token: new SecretString(token) }
    const wanted = { shelf: 'secrets', name: 'price', version: '' } as const
    const error = await failure(vault.client.object(target, wanted, never))
    assert.deepEqual([error.kind, error.vaultCode], ['forbidden', 'ForbiddenByRbac'])
    assert.equal(error.message, 'Forbidden: Caller is not authorized to perform action on resource')
  })
})

test('a token for another audience or of another tenant is told with both, and never shown', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator)
    const wanted = { shelf: 'secrets', name: 'price', version: '' } as const
    const refusedFor = async (text: string) => {
      const target = { ...vault.target, token: new SecretString(text) }
      const error = await failure(vault.client.object(target, wanted, never))
      assert.equal(error.kind, 'unauthorized')
      assert.ok(!errorText(error).includes(text))
      return error
    }
    const arm = await emulator.mint({ principal: CLIENT, audience: 'https://management.azure.com' })
    const audience = await refusedFor(arm)
    assert.equal(audience.vaultCode, 'AKV10022')
    assert.equal(
      audience.message,
      'the token is for https://management.azure.com, the vault takes tokens for https://vault.azure.net',
    )
    const [head, , signature] = arm.split('.')
    const foreign = { tid: TENANT.replaceAll(/^./g, 'f'), aud: AUDIENCE }
    const other = `${head}.${Buffer.from(JSON.stringify(foreign)).toString('base64url')}.${signature}`
    assert.match((await refusedFor(other)).message, new RegExp(`belongs to tenant ${TENANT}$`))
    assert.equal((await refusedFor('nonsense')).vaultCode, 'AKV10001')
  }, OPEN)
})

test('throttling is told with its Retry-After', async () => {
  await withEmulator(async (emulator) => {
    emulator.change({ vaultTransactionsPer10s: 1, vaultRetryAfter: true })
    using vault = await reading(emulator)
    await vault.read('secrets', 'price')
    const error = await failure(vault.read('secrets', 'price'))
    assert.deepEqual([error.kind, error.status, error.retryAfterSeconds], ['throttled', 429, 10])
  }, OPEN)
})

test('faults, garbage, cut and slow answers are unavailable, each with its text', async () => {
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator, { totalMs: 200 })
    const host = new URL(emulator.vaultAddress).host
    const cases = [
      [{ kind: 'error', status: 500 }, /^InternalServerError: put in by a fault rule$/],
      [
        { kind: 'error', status: 503, body: 'down' },
        `${host} answered 503 with text/plain that is no error of Key Vault`,
      ],
      [
        { kind: 'error', status: 403, body: 'proxy' },
        /answered 403 with text\/plain that is no error of Key Vault$/,
      ],
      [
        { kind: 'error', status: 200, body: '<html>' },
        `${host} answered 200 with text/plain instead of JSON`,
      ],
      [{ kind: 'garbage', what: 'html' }, /answered 502 with text\/html/],
      [{ kind: 'garbage', what: 'bytes' }, /not the secret that was asked for$/],
      [{ kind: 'garbage', what: 'empty' }, /not the secret that was asked for$/],
      [{ kind: 'garbage', what: 'cut-json' }, /not the secret that was asked for$/],
      [{ kind: 'reset', when: 'mid-body' }, /did not answer: /],
      [{ kind: 'reset', when: 'before' }, /did not answer: /],
      [{ kind: 'hang' }, `${host} did not answer: the answer of ${host} took longer than 200 ms`],
      [{ kind: 'slow-body', chunkBytes: 1, everyMs: 1_000 }, /took longer than 200 ms$/],
    ] as const
    for (const [effect, text] of cases) {
      emulator.faults.clear()
      emulator.faults.add({ service: 'vault', effect })
      const error = await failure(vault.read('secrets', 'price'))
      assert.equal(error.kind, 'unavailable', JSON.stringify(effect))
      if (typeof text === 'string') assert.equal(error.message, text)
      else assert.match(error.message, text, JSON.stringify(effect))
    }
  }, OPEN)
})

test('a huge answer is not taken', async () => {
  await using stub = await startStub(() => ({ body: 'x'.repeat(1024 * 1024 + 1) }), { tls: true })
  using client = clientOf({ ca: stub.ca })
  const target = { origin: stub.origin, token: new SecretString('t') }
  const error = await failure(client.object(target, { shelf: 'secrets', name: 'x', version: '' }, never))
  assert.deepEqual([error.kind, error.status], ['unavailable', 0])
  assert.match(error.message, /larger than 1048576 bytes$/)
})

test('the token follows no link to another host or path, and no redirect', async () => {
  const links = [
    'https://evil.example/secrets/x/versions?api-version=7.4',
    'http://localhost/secrets/x/versions',
    '/secrets/x/versions?$skiptoken=1',
    'ORIGIN/secrets/y/versions?$skiptoken=1',
    'ORIGIN/secrets/x/versions/../../../keys?$skiptoken=1',
  ]
  for (const link of links) {
    await using stub = await startStub(
      () => ({ body: { value: [], nextLink: link.replace('ORIGIN', stub.origin) } }),
      { tls: true },
    )
    using client = clientOf({ ca: stub.ca })
    const target = { origin: stub.origin, token: new SecretString('t') }
    const error = await failure(client.versions(target, { shelf: 'secrets', name: 'x' }, never))
    assert.match(error.message, /its link leads to another address$/)
    assert.equal(stub.requests.length, 1)
  }
  await using redirect = await startStub(
    () => ({ status: 302, headers: { location: 'https://evil.example/' } }),
    { tls: true },
  )
  using client = clientOf({ ca: redirect.ca })
  const target = { origin: redirect.origin, token: new SecretString('t') }
  const error = await failure(client.object(target, { shelf: 'secrets', name: 'x', version: '' }, never))
  assert.deepEqual([error.kind, error.status], ['unavailable', 302])
})

test('a list that never ends, ends', async () => {
  await using stub = await startStub(
    ({ target }) => ({ body: { value: [], nextLink: `${stub.origin}${target}` } }),
    { tls: true },
  )
  using client = clientOf({ ca: stub.ca })
  const target = { origin: stub.origin, token: new SecretString('t') }
  const error = await failure(client.versions(target, { shelf: 'secrets', name: 'x' }, never))
  assert.equal(error.kind, 'refused')
  assert.equal(error.message, 'the list of versions of the secret has more than 400 pages')
  assert.equal(stub.requests.length, 400)
})

test('names, versions and addresses that would lead elsewhere are never sent', async () => {
  await using stub = await startStub(() => ({}), { tls: true })
  using client = clientOf({ ca: stub.ca })
  const token = new SecretString('t')
  for (const name of ['', '..', '.', 'a/b', 'a?b', 'a%2e', 'a b', 'ä', 'a'.repeat(128)]) {
    const wanted = { shelf: 'secrets', name, version: '' } as const
    assert.equal(
      (await failure(client.object({ origin: stub.origin, token }, wanted, never))).kind,
      'refused',
    )
    assert.equal(
      (await failure(client.versions({ origin: stub.origin, token }, wanted, never))).kind,
      'refused',
    )
  }
  for (const version of ['..', 'versions', 'a/b', '?']) {
    const wanted = { shelf: 'secrets', name: 'x', version } as const
    assert.equal(
      (await failure(client.object({ origin: stub.origin, token }, wanted, never))).kind,
      'refused',
    )
  }
  for (const origin of ['http://127.0.0.1', `${stub.origin}/`, `${stub.origin}/x`, 'nonsense']) {
    const wanted = { shelf: 'secrets', name: 'x', version: '' } as const
    assert.equal((await failure(client.object({ origin, token }, wanted, never))).kind, 'refused')
  }
  assert.equal(stub.requests.length, 0)
})

test('a vault whose name does not resolve is told so, with what may be wrong', async () => {
  using client = clientOf({})
  const target = { origin: 'https://no-such-vault.vault.invalid', token: new SecretString('t') }
  const error = await failure(client.object(target, { shelf: 'secrets', name: 'x', version: '' }, never))
  assert.equal(error.kind, 'unavailable')
  assert.match(error.message, /no-such-vault\.vault\.invalid/)
})

test('a vault is reached through a proxy when there is one', async () => {
  await using proxy = await startConnectProxy()
  await withEmulator(async (emulator) => {
    using vault = await reading(emulator, { proxies: { https: proxy.address } })
    assert.equal((await vault.read('secrets', 'price')).shelf, 'secrets')
    assert.deepEqual(proxy.asked, [`CONNECT ${new URL(emulator.vaultAddress).host}`])
  }, OPEN)
})

test('a caller who leaves ends the read with his own reason', async () => {
  await withEmulator(async (emulator) => {
    emulator.faults.add({ service: 'vault', effect: { kind: 'hang' } })
    using vault = await reading(emulator)
    const controller = new AbortController()
    const reason = new Error('left')
    const wanted = { shelf: 'secrets', name: 'price', version: '' } as const
    const read = vault.client.object(vault.target, wanted, controller.signal)
    controller.abort(reason)
    await assert.rejects(read, (thrown) => thrown === reason)
  }, OPEN)
})
