/**
 * The client of the end-to-end suite in JavaScript: prints facts as JSON lines, judges nothing.
 *
 *   client.mjs token|secret|both [credential=managed|default] [client-id= | resource-id= | object-id=]
 *              [scope=] [vault=] [secret=] [times=1] [pause-ms=0] [parallel=1]
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'

const PACKAGES = ['@azure/identity', '@azure/keyvault-secrets', '@azure/core-rest-pipeline', '@azure/msal-node']

const say = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`)

/** Does the work and prints what came of it and how long it took. */
async function timed(kind, work) {
  const startedMs = Date.now()
  let facts
  try {
    facts = { ok: true, ...(await work()) }
  } catch (error) {
    facts = { ok: false, type: error.name, error: error.message }
  }
  say({ kind, startedMs, ms: Date.now() - startedMs, ...facts })
}

function credentialOf(asked) {
  const clientId = asked['client-id']
  if (asked.credential === 'default') {
    return clientId === undefined
      ? new DefaultAzureCredential()
      : new DefaultAzureCredential({ managedIdentityClientId: clientId })
  }
  if (clientId !== undefined) return new ManagedIdentityCredential({ clientId })
  if (asked['resource-id'] !== undefined)
    return new ManagedIdentityCredential({ resourceId: asked['resource-id'] })
  if (asked['object-id'] !== undefined) return new ManagedIdentityCredential({ objectId: asked['object-id'] })
  return new ManagedIdentityCredential()
}

function versions() {
  const of = (name) =>
    JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
  return { node: process.versions.node, ...Object.fromEntries(PACKAGES.map((name) => [name, of(name)])) }
}

const [operation, ...pairs] = process.argv.slice(2)
const asked = Object.fromEntries(
  pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
)
const number = (name, otherwise) => Number(asked[name] ?? otherwise)

say({ kind: 'start', client: 'node', versions: versions() })
const credential = credentialOf(asked)
const vault = asked.vault === undefined ? undefined : new SecretClient(asked.vault, credential)

async function once() {
  if (operation !== 'secret') {
    await timed('token', async () => {
      const got = await credential.getToken(asked.scope)
      return { token: got.token, expiresOn: Math.floor(got.expiresOnTimestamp / 1000) }
    })
  }
  if (operation !== 'token') {
    await timed('secret', async () => ({ value: (await vault.getSecret(asked.secret)).value }))
  }
}

for (let round = 0; round < number('times', 1); round += 1) {
  if (round > 0) await sleep(number('pause-ms', 0))
  await Promise.all(Array.from({ length: number('parallel', 1) }, once))
}
say({ kind: 'end' })
