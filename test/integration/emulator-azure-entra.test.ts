import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLocalJWKSet, decodeJwt, exportJWK, jwtVerify, SignJWT } from 'jose'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { openDoor } from '../../emulator/azure/http/door.ts'
import { privateKeyPem, selfSigned } from '../../emulator/azure/tls/certificate-authority.ts'
import { identityId, TENANT } from '../make/objects.ts'
import { failed, judge, worked } from './emulator-azure-judging.ts'
import { send } from './emulator-azure-wire.ts'
import { CLIENT, clientIdIn, SECRET, withEmulator } from './emulator-azure-world.ts'

const SCOPE = 'https://vault.azure.net/.default'
const AUDIENCE = 'api://AzureADTokenExchange'
const SUBJECT = 'system:serviceaccount:default:shop'

function ask(emulator: AzureEmulator, form: Record<string, string>, path = `/${TENANT}/oauth2/v2.0/token`) {
  return send(`${emulator.entraUrl}${path}`, {
    method: 'POST',
    ca: emulator.caPem,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, ...form }).toString(),
  })
}

test('the JavaScript SDK logs in with a secret, and shows the AADSTS number of a wrong one', async () => {
  await withEmulator(async (emulator) => {
    const login = { authorityHost: emulator.entraUrl, tenantId: TENANT, clientId: CLIENT }
    const [right, wrong, unknown] = await judge(emulator, [
      { do: 'login', scope: SCOPE, login: { ...login, secret: SECRET } },
      { do: 'login', scope: SCOPE, login: { ...login, secret: 'wrong' } },
      { do: 'login', scope: SCOPE, login: { ...login, clientId: `${CLIENT.slice(0, -1)}3`, secret: SECRET } },
    ])
    const claims = decodeJwt(worked<{ token: string }>(right).token)
    assert.equal(claims['appid'], CLIENT)
    assert.equal(claims['appidacr'], '1')
    assert.match(
      failed(wrong).message,
      /invalid_client.*7000215.*AADSTS7000215: Invalid client secret provided/s,
    )
    assert.match(failed(unknown).message, /AADSTS700016: Application with identifier/)
  })
})

test('the JavaScript SDK logs in with a certificate (PS256, SHA-256 thumbprint); an unregistered one is refused', async () => {
  const own = await selfSigned('app')
  const foreign = await selfSigned('app')
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  try {
    const paths = [join(folder, 'own.pem'), join(folder, 'foreign.pem')]
    for (const [position, each] of [own, foreign].entries())
      await writeFile(
        paths[position] ?? '',
        `${await privateKeyPem(each.keys.privateKey)}${each.certificatePem}`,
      )
    await withEmulator(async (emulator) => {
      emulator.plant({ apps: [{ clientId: CLIENT, certificate: own.certificatePem }] })
      const login = { authorityHost: emulator.entraUrl, tenantId: TENANT, clientId: CLIENT }
      const [right, wrong] = await judge(
        emulator,
        paths.map((certificatePath) => ({
          do: 'login' as const,
          scope: SCOPE,
          login: { ...login, certificatePath },
        })),
      )
      assert.equal(decodeJwt(worked<{ token: string }>(right).token)['appidacr'], '2')
      assert.match(failed(wrong).message, /AADSTS700027: The certificate with identifier/)
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('assertions of other SDKs are understood: RS256, SHA-1 or SHA-256 thumbprints, any base64, fractional times', async () => {
  const own = await selfSigned('app')
  const certificate = new X509Certificate(own.certificatePem)
  const bytes = (fingerprint: string) => Buffer.from(fingerprint.replaceAll(':', ''), 'hex')
  const [sha1, sha256] = [bytes(certificate.fingerprint), bytes(certificate.fingerprint256)]
  await withEmulator(async (emulator) => {
    emulator.plant({ apps: [{ clientId: CLIENT, certificate: own.certificatePem }] })
    const now = Date.now() / 1_000
    const attempt = async (header: Record<string, string>, claims: Record<string, unknown> = {}) => {
      const assertion = await new SignJWT({
        aud: `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
        iss: CLIENT,
        sub: CLIENT,
        exp: now + 599.25,
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', ...header })
        .sign(own.keys.privateKey)
      const answer = await ask(emulator, {
        client_id: CLIENT,
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      })
      return answer.json.error_codes?.[0] ?? answer.status
    }
    assert.equal(await attempt({ x5t: sha1.toString('base64url') }), 200)
    assert.equal(await attempt({ x5t: `${sha1.toString('base64url')}=` }), 200)
    assert.equal(await attempt({ 'x5t#S256': sha256.toString('base64') }), 200)
    assert.equal(await attempt({ 'x5t#S256': sha256.toString('base64url') }), 200)
    assert.equal(await attempt({ x5t: sha256.toString('base64url') }), 700_027)
    assert.equal(await attempt({ x5t: sha1.toString('base64url') }, { exp: now - 10 }), 700_024)
    assert.equal(
      await attempt({ x5t: sha1.toString('base64url') }, { aud: 'https://elsewhere.example' }),
      700_023,
    )
    assert.equal(await attempt({ x5t: sha1.toString('base64url') }, { sub: 'someone' }), 700_021)
  })
})

async function externalIssuer(issuer: string) {
  const { keys } = await selfSigned('issuer')
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const sign = (claims: Record<string, unknown> = {}, kid = 'one') =>
    new SignJWT({
      iss: issuer,
      sub: SUBJECT,
      aud: [AUDIENCE],
      exp: Math.floor(Date.now() / 1_000) + 600,
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(keys.privateKey)
  return { jwk, sign }
}

test('a federated assertion is verified for real: issuer document and keys are fetched, each part must match', async () => {
  const issuer = 'https://issuer.example/cluster'
  const { jwk, sign } = await externalIssuer(issuer)
  let broken = false
  const documents: Record<string, unknown> = {
    '/cluster/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
    '/cluster/keys': { keys: [jwk] },
  }
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    handle: (request, response) =>
      response.writeHead(broken ? 500 : 200).end(JSON.stringify(documents[request.url ?? ''] ?? {})),
  })
  try {
    await withEmulator(
      async (emulator) => {
        const credential = { name: 'shop', issuer, subject: SUBJECT, audiences: [AUDIENCE] }
        emulator.plant({ identities: [{ id: identityId('shop'), federatedCredentials: [credential] }] })
        const clientId = clientIdIn(emulator, 'shop')
        const login = { authorityHost: emulator.entraUrl, tenantId: TENANT, clientId }
        broken = true
        const attempt = async (assertion: string) => {
          const answer = await ask(emulator, {
            client_id: clientId,
            client_assertion: assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          })
          return answer.json.error_codes?.[0] ?? answer.status
        }
        assert.equal(await attempt(await sign()), 90_061)
        broken = false
        const [right] = await judge(emulator, [
          { do: 'login', scope: SCOPE, login: { ...login, assertion: await sign() } },
        ])
        const claims = decodeJwt(worked<{ token: string }>(right).token)
        assert.equal(claims['appid'], clientId)
        assert.equal(claims['xms_mirid'], identityId('shop').replace('resourceGroups', 'resourcegroups'))
        assert.equal(await attempt(await sign({ iss: 'https://other.example' })), 700_211)
        assert.equal(await attempt(await sign({ sub: `${SUBJECT}s` })), 700_213)
        assert.equal(await attempt(await sign({ sub: SUBJECT.toUpperCase() })), 7_002_138)
        assert.equal(await attempt(await sign({ aud: 'api://other' })), 700_212)
        assert.equal(await attempt(await sign({ exp: 1 })), 700_024)
        assert.equal(await attempt(await sign({}, 'two')), 50_013)
        const stranger = await externalIssuer(issuer)
        assert.equal(await attempt(await stranger.sign()), 50_013)
        assert.equal(await attempt('not.a.jwt'), 50_027)
        assert.equal(await attempt(await emulator.mint({ principal: CLIENT, audience: AUDIENCE })), 700_222)
      },
      { trustedIssuers: [{ issuer, address: door.url }] },
    )
  } finally {
    await door.close()
  }
})

test('an issuer that is not on the list is never contacted', async () => {
  const issuer = 'https://127.0.0.1:9/'
  const { sign } = await externalIssuer(issuer)
  await withEmulator(async (emulator) => {
    const credential = { name: 'shop', issuer, subject: SUBJECT, audiences: [AUDIENCE] }
    emulator.plant({ identities: [{ id: identityId('shop'), federatedCredentials: [credential] }] })
    const answer = await ask(emulator, {
      client_id: clientIdIn(emulator, 'shop'),
      client_assertion: await sign(),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    assert.deepEqual(answer.json.error_codes, [90_061])
  })
})

test('the OpenID documents are on the origin that was asked, and their keys verify the tokens', async () => {
  await withEmulator(async (emulator) => {
    const answer = await send(`${emulator.entraUrl}/${TENANT}/v2.0/.well-known/openid-configuration`, {
      ca: emulator.caPem,
    })
    assert.equal(new URL(answer.json.issuer).origin, emulator.entraUrl)
    assert.equal(answer.json.token_endpoint, `${emulator.entraUrl}/${TENANT}/oauth2/v2.0/token`)
    const keys = await send(answer.json.jwks_uri, { ca: emulator.caPem })
    const token = await emulator.mint({ principal: 'shop', audience: 'x' })
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: keys.json.keys }))
    assert.equal(payload.aud, 'x')
  })
})

test('instance discovery answers for its own host and refuses unknown ones', async () => {
  await withEmulator(async (emulator) => {
    const discover = (host: string) =>
      send(
        `${emulator.entraUrl}/common/discovery/instance?api-version=1.1&authorization_endpoint=https://${host}/${TENANT}/oauth2/v2.0/authorize`,
        {
          ca: emulator.caPem,
        },
      )
    const own = await discover(new URL(emulator.entraUrl).host)
    assert.equal(
      own.json.tenant_discovery_endpoint,
      `${emulator.entraUrl}/${TENANT}/v2.0/.well-known/openid-configuration`,
    )
    assert.equal((await discover('login.microsoftonline.com')).status, 200)
    const unknown = await discover('evil.example')
    assert.equal(unknown.status, 400)
    assert.equal(unknown.json.error, 'invalid_instance')
  })
})

test('the old endpoint answers with strings, the new one with numbers', async () => {
  await withEmulator(async (emulator) => {
    const form = { client_id: CLIENT, client_secret: SECRET }
    const old = await ask(
      emulator,
      { ...form, resource: 'https://graph.windows.net' },
      `/${TENANT}/oauth2/token`,
    )
    assert.equal(typeof old.json.expires_on, 'string')
    assert.equal(old.json.resource, 'https://graph.windows.net')
    const now = await ask(emulator, form)
    assert.equal(typeof now.json.expires_in, 'number')
    assert.ok(Number(now.json.expires_in) >= 3_599 && Number(now.json.expires_in) <= 5_399)
  })
})

const MISTAKES: {
  title: string
  form: Record<string, string>
  path?: string
  code: number
  status: number
}[] = [
  {
    title: 'an unknown tenant',
    form: { client_secret: SECRET },
    path: '/nowhere/oauth2/v2.0/token',
    code: 90_002,
    status: 400,
  },
  { title: 'no credential', form: {}, code: 7_000_218, status: 401 },
  { title: 'another grant', form: { grant_type: 'password' }, code: 70_003, status: 400 },
  {
    title: 'a scope without /.default',
    form: { client_secret: SECRET, scope: 'openid' },
    code: 70_011,
    status: 400,
  },
  {
    title: 'two scopes',
    form: { client_secret: SECRET, scope: `${SCOPE} x/.default` },
    code: 70_011,
    status: 400,
  },
]

for (const { title, form, path, code, status } of MISTAKES) {
  test(`Entra refuses ${title} with AADSTS${code}`, async () => {
    await withEmulator(async (emulator) => {
      const answer = await ask(emulator, { client_id: CLIENT, ...form }, path)
      assert.equal(answer.status, status)
      assert.deepEqual(answer.json.error_codes, [code])
      assert.match(
        answer.json.error_description,
        /^AADSTS\d+: .+ Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36} Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/,
      )
    })
  })
}

test('an expired secret is refused as such', async () => {
  await withEmulator(async (emulator) => {
    emulator.plant({ apps: [{ clientId: CLIENT, secrets: [{ value: 'old', expires: 1 }, 'new'] }] })
    const code = async (secret: string) => {
      const answer = await ask(emulator, { client_id: CLIENT, client_secret: secret })
      return answer.json.error_codes?.[0] ?? answer.status
    }
    assert.equal(await code('old'), 7_000_222)
    assert.equal(await code('new'), 200)
  })
})
