/** Exchanges a federated assertion again and again, to watch how a fresh credential becomes known. */
import { exportJWK, SignJWT } from 'jose'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { selfSigned } from '../../emulator/azure/tls/certificate-authority.ts'
import type { Clock } from '../../src/base/clock.ts'
import { identityId, TENANT } from '../make/objects.ts'
import { send } from './emulator-azure-wire.ts'
import { CLIENT, clientIdIn } from './emulator-azure-world.ts'

const ISSUER = 'https://issuer.example/'

/** Writes the credential by ARM; each call of the result is one exchange: 200 or the AADSTS number. */
export async function createLagProbe(emulator: AzureEmulator, clock: Clock): Promise<() => Promise<number>> {
  const { keys } = await selfSigned('issuer')
  emulator.trust({ issuer: ISSUER, jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'RS256' }] } })
  emulator.change({ federatedWriteMs: 0 })
  const arm = await emulator.mint({ principal: CLIENT, audience: 'https://management.azure.com' })
  await send(
    `${emulator.armUrl}${identityId('shop')}/federatedIdentityCredentials/shop?api-version=2024-11-30`,
    {
      method: 'PUT',
      ca: emulator.caPem,
      headers: { authorization: `Bearer ${arm}` },
      body: JSON.stringify({ properties: { issuer: ISSUER, subject: 'shop', audiences: ['exchange'] } }),
    },
  )
  return async () => {
    const exp = Math.floor(clock.now() / 1_000) + 600
    const assertion = await new SignJWT({ iss: ISSUER, sub: 'shop', aud: 'exchange', exp })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(keys.privateKey)
    const answer = await send(`${emulator.entraUrl}/${TENANT}/oauth2/v2.0/token`, {
      method: 'POST',
      ca: emulator.caPem,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientIdIn(emulator, 'shop'),
        scope: 'https://vault.azure.net/.default',
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      }).toString(),
    })
    return answer.json.error_codes?.[0] ?? answer.status
  }
}
