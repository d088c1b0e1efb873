// An application as a team would write it: the Azure SDK, no secret, and nothing that knows of podid.
//   1. a token by ManagedIdentityCredential        2. a token by DefaultAzureCredential
//   3. a secret out of Key Vault with that credential: the way to services without managed identity support
// It prints one line of JSON a step, so that whoever starts it can follow; exit code 1 when a step fails.
import { createHash } from 'node:crypto'
import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'

const vaultUrl = process.env.VAULT_URL ?? 'https://shop.vault.azure.net'
const scope = 'https://vault.azure.net/.default'
// Only where the vault's address is no *.vault.azure.net, as over loopback.
const vaultOptions = { disableChallengeResourceVerification: process.env.VAULT_CHECK === 'off' }

await step('ManagedIdentityCredential', async () => describe(await new ManagedIdentityCredential().getToken(scope)))
await step('DefaultAzureCredential', async () => describe(await new DefaultAzureCredential().getToken(scope)))
await step('Key Vault secret', async () => {
  const client = new SecretClient(vaultUrl, new DefaultAzureCredential(), vaultOptions)
  const { value } = await client.getSecret('database-password')
  return { sha256: createHash('sha256').update(value).digest('hex') }
})

async function step(name, work) {
  const started = performance.now()
  try {
    const detail = await work()
    say({ step: name, ok: true, ms: Math.round(performance.now() - started), ...detail })
  } catch (error) {
    say({ step: name, ok: false, ms: Math.round(performance.now() - started), error: error.name, message: error.message })
    process.exit(1)
  }
}

function describe({ token, expiresOnTimestamp }) {
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
  return { audience: claims.aud, identity: claims.xms_mirid, expires: new Date(expiresOnTimestamp).toISOString() }
}

function say(line) {
  console.log(JSON.stringify(line))
}
