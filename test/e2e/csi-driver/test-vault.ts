/** A vault of the emulated Azure, filled and changed over its own REST interface as its owner would. */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { clientIdOf } from '../../make/objects.ts'
import type { World } from '../world.ts'

const OWNER = clientIdOf('keeper')
const API_VERSION = '7.4'
const DEADLINE_MS = 10_000
const HTTPS = 443

type Shelf = 'secrets' | 'keys' | 'certificates'

export interface VaultRights {
  readonly secrets?: readonly string[]
  readonly keys?: readonly string[]
  readonly certificates?: readonly string[]
}

const READ_ALL: VaultRights = {
  secrets: ['get', 'list'],
  keys: ['get', 'list'],
  certificates: ['get', 'list'],
}

export class TestVault {
  readonly name: string
  readonly #world: World

  /** Makes it, with access policies, or roles, that let in only its owner. */
  constructor(world: World, name: string, { rbac = false }: { readonly rbac?: boolean } = {}) {
    this.name = name
    this.#world = world
    world.azure.plant({
      apps: [{ clientId: OWNER, name: 'keeper of vaults' }],
      vaults: [
        {
          name,
          rbac,
          access: [{ principal: OWNER, secrets: ['all'], keys: ['all'], certificates: ['all'] }],
        },
      ],
    })
  }

  /** An access policy for a client id. */
  allow(clientId: string, { secrets = [], keys = [], certificates = [] }: VaultRights = READ_ALL): void {
    const vault = this.#world.azure.state.vaults.get(this.name)
    if (vault === undefined) throw new Error(`there is no vault ${this.name}`)
    vault.access.push({ principal: clientId, permissions: { secrets, keys, certificates } })
  }

  /** @returns the version */
  async setSecret(name: string, value: string, contentType?: string): Promise<string> {
    return versionOf(await this.#ask('PUT', `secrets/${name}`, { value, contentType }))
  }

  /** @returns the version */
  async createKey(name: string, kind: { kty: string; crv?: string }): Promise<string> {
    return versionOf(await this.#ask('POST', `keys/${name}/create`, kind))
  }

  /** A certificate that signs itself. @returns the version */
  async createCertificate(
    name: string,
    { kty = 'RSA', contentType = 'application/x-pkcs12' } = {},
  ): Promise<string> {
    const policy = {
      key_props: { kty, exportable: true, ...(kty === 'RSA' ? { key_size: 2048 } : { crv: 'P-256' }) },
      secret_props: { contentType },
      x509_props: { subject: `CN=${name}`, validity_months: 12 },
      issuer: { name: 'Self' },
    }
    await this.#ask('POST', `certificates/${name}/create`, { policy })
    return versionOf(await this.#ask('GET', `certificates/${name}/`))
  }

  /** A certificate with its key and chain, PEM; kept as PKCS#12 or PEM. @returns the version */
  async importCertificate(name: string, value: string, contentType: string): Promise<string> {
    const policy = { secret_props: { contentType } }
    return versionOf(await this.#ask('POST', `certificates/${name}/import`, { value, policy }))
  }

  async enable(shelf: Shelf, name: string, enabled: boolean): Promise<void> {
    await this.#ask('PATCH', `${shelf}/${name}`, { attributes: { enabled } })
  }

  async remove(shelf: Shelf, name: string): Promise<void> {
    await this.#ask('DELETE', `${shelf}/${name}`)
  }

  /** What the vault itself answers to a read of the newest version. */
  async read(shelf: Shelf, name: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask('GET', `${shelf}/${name}/`)
  }

  async #ask(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const { azure, cluster } = this.#world
    const host = `${this.name}.vault.azure.net`
    const token = await azure.mint({ principal: OWNER, audience: 'https://vault.azure.net' })
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const outgoing = request({
      host: cluster.addresses.machine,
      port: HTTPS,
      servername: host,
      ca: azure.caPem,
      method,
      path: `/${path}?api-version=${API_VERSION}`,
      headers: { host, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      timeout: DEADLINE_MS,
    })
    outgoing.on('response', resolve)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${host} did not answer`)))
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    const { statusCode = 0 } = await promise
    const answer = await text(await promise)
    if (statusCode >= 300) throw new Error(`${method} ${path} of ${this.name}: ${statusCode} ${answer}`)
    return answer === '' ? {} : (JSON.parse(answer) as Record<string, unknown>)
  }
}

/** Last part of the id of a secret, key or certificate. */
function versionOf(answer: Readonly<Record<string, unknown>>): string {
  const { kid } = (answer['key'] ?? {}) as { kid?: string }
  const id = kid ?? answer['id']
  const version = typeof id === 'string' ? id.split('/').at(-1) : undefined
  if (version === undefined || !/^[0-9a-f]{32}$/.test(version))
    throw new Error(`no version in ${JSON.stringify(answer)}`)
  return version
}
