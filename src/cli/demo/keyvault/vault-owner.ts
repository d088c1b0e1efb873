import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import type { AzureEmulator } from '../../../../emulator/azure/emulator.ts'
import { VAULT, VAULT_OWNER } from '../azure-seed.ts'
import type { CertificateChain } from './certificate-chain.ts'

/** Whoever fills the vault: over its own REST interface, as `az keyvault` does. */
export interface VaultOwner {
  importCertificate(name: string, chain: CertificateChain): Promise<void>
  /** @returns the public half that the vault shows */
  createKey(name: string): Promise<PublicJwk>
}

export type PublicJwk = v.InferOutput<typeof PUBLIC_JWK>

const PUBLIC_JWK = v.object({ kty: v.string(), crv: v.string(), x: v.string(), y: v.string() })
const KEY_ANSWER = v.object({ key: PUBLIC_JWK })

const API_VERSION = '7.4'
const DEADLINE_MS = 10_000

export function vaultOwner(azure: AzureEmulator, host: string): VaultOwner {
  async function ask(method: string, path: string, body: object): Promise<unknown> {
    const name = `${VAULT}.vault.azure.net`
    const token = await azure.mint({ principal: VAULT_OWNER, audience: 'https://vault.azure.net' })
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const outgoing = request({
      host,
      port: Number(new URL(azure.armUrl).port || 443),
      servername: name,
      ca: azure.caPem,
      method,
      path: `/${path}?api-version=${API_VERSION}`,
      headers: { host: name, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(JSON.stringify(body))
    const response = await promise
    const answer = await text(response)
    if (response.statusCode !== 200)
      throw new Error(`${method} ${path}: ${response.statusCode ?? 0} ${answer}`)
    return JSON.parse(answer) as unknown
  }

  return {
    async importCertificate(name, { key, certificates }) {
      // Root first: the order in the vault is not the order that servers need.
      const value = [key, ...certificates.toReversed()].join('')
      const policy = { secret_props: { contentType: 'application/x-pkcs12' } }
      await ask('POST', `certificates/${name}/import`, { value, policy })
    },
    async createKey(name) {
      return v.parse(KEY_ANSWER, await ask('POST', `keys/${name}/create`, { kty: 'EC', crv: 'P-256' })).key
    },
  }
}
