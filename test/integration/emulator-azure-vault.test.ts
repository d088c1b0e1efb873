import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import forge from 'node-forge'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { privateKeyPem, selfSigned } from '../../emulator/azure/tls/certificate-authority.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { SUBSCRIPTION, TENANT } from '../make/objects.ts'
import { failed, judge, worked } from './emulator-azure-judging.ts'
import { send } from './emulator-azure-wire.ts'
import { CLIENT, SECRET, SEED, withEmulator } from './emulator-azure-world.ts'

const ALL = { secrets: ['all'], keys: ['all'], certificates: ['all'] }
const OPEN = {
  seed: {
    ...SEED,
    vaults: [{ name: 'shopvault', secrets: { price: '42' }, access: [{ principal: CLIENT, ...ALL }] }],
  },
}

function vaultOf(emulator: AzureEmulator) {
  const login = { authorityHost: emulator.entraUrl, tenantId: TENANT, clientId: CLIENT, secret: SECRET }
  return { url: emulator.vaultUrl('shopvault'), login }
}

async function ask(
  emulator: AzureEmulator,
  path: string,
  options: { principal?: string; method?: string; body?: unknown } = {},
) {
  const token = await emulator.mint({
    principal: options.principal ?? CLIENT,
    audience: 'https://vault.azure.net',
  })
  return send(`${emulator.vaultAddress}${path}`, {
    ca: emulator.caPem,
    method: options.method ?? 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
}

/** Key Vault's PEM text has the private key first. */
function certificateIn(pem: string): X509Certificate {
  return new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')))
}

test('the JavaScript SDK sets, reads, lists, disables and deletes secrets and their versions', async () => {
  await withEmulator(async (emulator) => {
    const vault = vaultOf(emulator)
    const results = await judge(emulator, [
      { do: 'secret.set', vault, name: 'price', value: '43' },
      { do: 'secret.get', vault, name: 'price' },
      { do: 'secret.versions', vault, name: 'price' },
      { do: 'secret.list', vault, name: '' },
      { do: 'secret.get', vault, name: 'nothing' },
      { do: 'secret.get', vault, name: 'bad_name' },
      { do: 'secret.disable', vault, name: 'price' },
      { do: 'secret.get', vault, name: 'price' },
      { do: 'secret.delete', vault, name: 'price' },
      { do: 'secret.get', vault, name: 'price' },
      { do: 'secret.set', vault, name: 'price', value: '44' },
    ])
    type Secret = {
      value: string
      properties: { version: string; contentType: string; tags: object; enabled: boolean }
    }
    assert.equal(worked<Secret>(results[1]).value, '43')
    assert.deepEqual(worked<Secret>(results[1]).properties.tags, { made: 'here' })
    assert.equal(worked<unknown[]>(results[2]).length, 2)
    assert.deepEqual(
      worked<{ name: string }[]>(results[3]).map(({ name }) => name),
      ['price'],
    )
    assert.equal(failed(results[4]).code, 'SecretNotFound')
    assert.equal(failed(results[5]).statusCode, 400)
    assert.equal(failed(results[7]).statusCode, 403)
    assert.match(failed(results[7]).message, /not allowed on a disabled secret/)
    worked(results[8])
    assert.equal(failed(results[9]).code, 'SecretNotFound')
    assert.equal(failed(results[10]).statusCode, 409)
  }, OPEN)
})

test('the JavaScript SDK makes, reads and lists keys', async () => {
  await withEmulator(async (emulator) => {
    const vault = vaultOf(emulator)
    const results = await judge(emulator, [
      { do: 'key.create', vault, name: 'rsa' },
      { do: 'key.create-ec', vault, name: 'ec' },
      { do: 'key.get', vault, name: 'ec' },
      { do: 'key.list', vault, name: '' },
      { do: 'key.get', vault, name: 'nothing' },
    ])
    assert.equal(worked<{ keyType: string }>(results[0]).keyType, 'RSA')
    assert.equal(worked<{ key: { crv: string } }>(results[2]).key.crv, 'P-256')
    assert.equal(worked<unknown[]>(results[3]).length, 2)
    assert.equal(failed(results[4]).code, 'KeyNotFound')
  }, OPEN)
})

test('the JavaScript SDK makes and imports certificates; the secret of the same name holds key and certificate', async () => {
  const given = await selfSigned('imported')
  const pem = `${await privateKeyPem(given.keys.privateKey)}${given.certificatePem}`
  await withEmulator(async (emulator) => {
    const vault = vaultOf(emulator)
    const results = await judge(emulator, [
      { do: 'certificate.create', vault, name: 'made' },
      { do: 'certificate.get', vault, name: 'made' },
      { do: 'secret.get', vault, name: 'made' },
      { do: 'certificate.import', vault, name: 'imported', value: pem },
      { do: 'secret.get', vault, name: 'imported' },
      { do: 'certificate.list', vault, name: '' },
      { do: 'key.get', vault, name: 'made' },
      { do: 'certificate.get', vault, name: 'nothing' },
    ])
    worked(results[0])
    worked(results[1])
    const made = worked<{ value: string; properties: { contentType: string } }>(results[2])
    assert.equal(made.properties.contentType, 'application/x-pem-file')
    const certificate = certificateIn(made.value)
    assert.equal(certificate.subject, 'CN=made')
    assert.ok(certificate.checkPrivateKey(createPrivateKey(made.value)))
    worked(results[3])
    const imported = certificateIn(worked<{ value: string }>(results[4]).value)
    assert.equal(imported.fingerprint256, new X509Certificate(given.certificatePem).fingerprint256)
    assert.equal(worked<unknown[]>(results[5]).length, 2)
    worked(results[6])
    assert.equal(failed(results[7]).code, 'CertificateNotFound')
  }, OPEN)
})

test('a certificate with the default content type is a PKCS#12 file without a password, and can be imported again', async () => {
  await withEmulator(async (emulator) => {
    const policy = {
      issuer: { name: 'Self' },
      x509_props: { subject: 'CN=p12', sans: { dns_names: ['a.example'] } },
    }
    const made = await ask(emulator, '/certificates/p12/create?api-version=7.4', {
      method: 'POST',
      body: { policy },
    })
    assert.equal(made.status, 202)
    const secret = await ask(emulator, '/secrets/p12/?api%2Dversion=7.4')
    const { value } = JSON.parse(secret.text) as { value: string }
    const store = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(forge.util.decode64(value)), '')
    const bag = forge.pki.oids['certBag'] ?? ''
    const names = store.getBags({ bagType: bag })[bag]?.[0]?.cert?.subject.attributes
    assert.deepEqual(
      names?.map(({ value }) => value),
      ['p12'],
    )
    const again = await ask(emulator, '/certificates/again/import?api-version=7.4', {
      method: 'POST',
      body: { value },
    })
    assert.equal(again.status, 200)
    const bad = await ask(emulator, '/certificates/bad/import?api-version=7.4', {
      method: 'POST',
      body: { value: 'AAAA' },
    })
    assert.equal(bad.status, 400)
  }, OPEN)
})

test('a request without a token gets the challenge in the one form that every SDK parses', async () => {
  await withEmulator(async (emulator) => {
    const answer = await send(`${emulator.vaultAddress}/secrets/price?api-version=7.4`, {
      ca: emulator.caPem,
      headers: { host: 'shopvault.vault.azure.net' },
    })
    assert.equal(answer.status, 401)
    assert.equal(
      answer.headers['www-authenticate'],
      `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`,
    )
    assert.equal(answer.json.error.message, 'AKV10000: Request is missing a Bearer or PoP token.')
  })
})

test('a token for another resource, a foreign and an expired one are refused with their AKV number', async () => {
  await withEmulator(async (emulator) => {
    const attempt = async (token: string) => {
      const url = `${emulator.vaultAddress}/secrets/price?api-version=7.4`
      const answer = await send(url, { ca: emulator.caPem, headers: { authorization: `Bearer ${token}` } })
      assert.equal(answer.status, 401)
      return answer.json.error.message
    }
    const audience = 'https://vault.azure.net'
    const token = await emulator.mint({ principal: CLIENT, audience })
    assert.match(
      await attempt(await emulator.mint({ principal: CLIENT, audience: 'https://management.azure.com' })),
      /^AKV10022: Invalid audience/,
    )
    assert.match(await attempt(`${token.slice(0, -8)}AAAAAAAA`), /^AKV10046/)
    assert.match(
      await attempt(await emulator.mint({ principal: CLIENT, audience, lifetimeSeconds: 0 })),
      /^AKV10090/,
    )
    assert.match(await attempt('nonsense'), /^AKV10001/)
  })
})

test('permissions are per identity, with the texts of access policies and of roles', async () => {
  const roles = [{ role: 'Key Vault Secrets User' }]
  const shop = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop`
  const seed = {
    ...SEED,
    identities: [{ id: shop }, { id: `${shop}-two`, roles }],
    vaults: [...(SEED.vaults ?? [])],
  }
  await withEmulator(
    async (emulator) => {
      assert.equal((await ask(emulator, '/secrets/price?api-version=7.4', { principal: 'shop' })).status, 200)
      const policy = await ask(emulator, '/secrets/price?api-version=7.4', { principal: 'shop-two' })
      assert.equal(policy.json.error.innererror?.code, 'ForbiddenByPolicy')
      emulator.state.vaults.clear()
      emulator.plant({ vaults: [{ name: 'roles', rbac: true, secrets: { price: '1' } }] })
      assert.equal(
        (await ask(emulator, '/secrets/price?api-version=7.4', { principal: 'shop-two' })).status,
        200,
      )
      const role = await ask(emulator, '/secrets/price?api-version=7.4', { principal: 'shop' })
      assert.equal(role.json.error.innererror?.code, 'ForbiddenByRbac')
      assert.match(
        role.json.error.message,
        /Action: 'Microsoft\.KeyVault\/vaults\/secrets\/getSecret\/action'/,
      )
    },
    { seed },
  )
})

test('lists come in pages whose links lead through all of them once', async () => {
  const secrets = Object.fromEntries(Array.from({ length: 7 }, (_, number) => [`s${number}`, 'x']))
  const seed = { ...SEED, vaults: [{ name: 'shopvault', secrets, access: [{ principal: CLIENT, ...ALL }] }] }
  await withEmulator(
    async (emulator) => {
      const names: unknown[] = []
      let path: string | undefined = '/secrets?api-version=7.4&maxresults=3'
      let pages = 0
      while (path !== undefined) {
        const { json } = await ask(emulator, path)
        pages += 1
        names.push(...json.value.map(({ id }) => String(id).split('/').at(-1)))
        const next: URL | undefined = typeof json.nextLink === 'string' ? new URL(json.nextLink) : undefined
        path = next === undefined ? undefined : `${next.pathname}${next.search}`
      }
      assert.equal(pages, 3)
      assert.deepEqual(names, Object.keys(secrets))
    },
    { seed },
  )
})

test('expired and not yet valid secrets are given out, as Azure does, or refused when told, and doubled slashes in the path do not matter', async () => {
  const access = [{ principal: CLIENT, ...ALL }]
  const secrets = {
    old: { value: 'x', expires: 1 },
    young: { value: 'x', notBefore: 99_999_999_999 },
    good: 'x',
  }
  await withEmulator(
    async (emulator) => {
      const inner = async (name: string) =>
        (await ask(emulator, `/secrets/${name}?api-version=7.4`)).json.error?.innererror?.code
      assert.equal((await ask(emulator, '/secrets/old?api-version=7.4')).status, 200)
      emulator.change({ vaultRefusesByDate: true })
      assert.equal(await inner('old'), 'SecretExpired')
      assert.equal(await inner('young'), 'SecretNotYetValid')
      assert.equal((await ask(emulator, '//secrets//good/?api-version=7.4')).json['value'], 'x')
      assert.equal((await ask(emulator, '/secrets/good')).status, 400)
    },
    { seed: { ...SEED, vaults: [{ name: 'shopvault', secrets, access }] } },
  )
})

test('a vault behind its firewall, or with private endpoints only, refuses with the inner code of each', async () => {
  await withEmulator(async (emulator) => {
    const refused = async () => (await ask(emulator, '/secrets/price?api-version=7.4')).json.error
    emulator.control.setVaultNetwork('shopvault', 'firewall')
    const firewall = await refused()
    assert.equal(firewall.innererror?.code, 'ForbiddenByFirewall')
    assert.match(firewall.message, /Client address: 127\.0\.0\.1/)
    emulator.control.setVaultNetwork('shopvault', 'private')
    assert.equal((await refused()).innererror?.code, 'ForbiddenByConnection')
    emulator.control.setVaultNetwork('shopvault', 'open')
    assert.equal((await ask(emulator, '/secrets/price?api-version=7.4')).status, 200)
  }, OPEN)
})

test('roles open what they open in Azure, on a vault or on one object of it', async () => {
  const vaultId = `/subscriptions/${SUBSCRIPTION}/resourceGroups/vaults/providers/Microsoft.KeyVault/vaults/shopvault`
  const named = (name: string, role: string, scope: string) => ({
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`,
    roles: [{ role, scope }],
  })
  const seed = {
    ...SEED,
    vms: [],
    identities: [
      named('reads-certificates', 'Key Vault Certificate User', vaultId),
      named('reads-keys', 'Key Vault Crypto User', vaultId),
      named('reads-one', 'Key Vault Secrets User', `${vaultId}/secrets/price`),
    ],
    vaults: [{ name: 'shopvault', rbac: true, secrets: { price: '1', other: '2' } }],
  }
  await withEmulator(
    async (emulator) => {
      const may = async (principal: string, path: string) =>
        (await ask(emulator, `${path}?api-version=7.4`, { principal })).status
      // What is not there is 404 for who may read it.
      assert.equal(await may('reads-certificates', '/certificates/none'), 404)
      assert.equal(await may('reads-certificates', '/secrets/price'), 200)
      assert.equal(await may('reads-certificates', '/secrets/price/versions'), 200)
      assert.equal(await may('reads-keys', '/keys/none/versions'), 404)
      assert.equal(await may('reads-keys', '/secrets/price'), 403)
      assert.equal(await may('reads-one', '/secrets/price'), 200)
      assert.equal(await may('reads-one', '/secrets/other'), 403)
    },
    { seed },
  )
})

test('a deleted secret can be recovered or purged', async () => {
  await withEmulator(async (emulator) => {
    const at = (path: string) => `${path}?api-version=7.4`
    await ask(emulator, at('/secrets/price'), { method: 'DELETE' })
    assert.equal((await ask(emulator, at('/deletedsecrets'))).json.value.length, 1)
    assert.equal((await ask(emulator, at('/deletedsecrets/price/recover'), { method: 'POST' })).status, 200)
    assert.equal((await ask(emulator, at('/secrets/price'))).json['value'], '42')
    await ask(emulator, at('/secrets/price'), { method: 'DELETE' })
    assert.equal((await ask(emulator, at('/deletedsecrets/price'), { method: 'DELETE' })).status, 204)
    assert.equal((await ask(emulator, at('/deletedsecrets/price'))).status, 404)
  }, OPEN)
})

test('beyond its transactions a vault answers 429, without Retry-After unless told', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      emulator.change({ vaultTransactionsPer10s: 2 })
      const get = () => ask(emulator, '/secrets/price?api-version=7.4')
      assert.deepEqual([(await get()).status, (await get()).status], [200, 200])
      const refused = await get()
      assert.equal(refused.status, 429)
      assert.equal(refused.headers['retry-after'], undefined)
      emulator.change({ vaultRetryAfter: true })
      assert.equal((await get()).headers['retry-after'], '10')
      await clock.advance(10_000)
      assert.equal((await get()).status, 200)
    },
    { ...OPEN, clock },
  )
})

test('cryptographic operations are not emulated, and say so', async () => {
  await withEmulator(async (emulator) => {
    const answer = await ask(emulator, '/keys/k/1/sign?api-version=7.4', { method: 'POST', body: {} })
    assert.equal(answer.status, 404)
    assert.deepEqual(
      emulator.journal.violations.map(({ rule }) => rule),
      ['vault-unsupported'],
    )
  }, OPEN)
})
