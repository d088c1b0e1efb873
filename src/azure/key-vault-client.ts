import type { Clock } from '../base/clock.ts'
import { codeOf, errorText } from '../base/errors.ts'
import type { SecretString } from '../base/secret.ts'
import { trimEnd } from '../base/trim-end.ts'
import { httpsOrigin } from './clouds.ts'
import { createHttpClient, type HttpAnswer } from './http-client.ts'
import { parseJson } from './json-body.ts'
import type { Proxies } from './proxies.ts'
import { parseVaultObject, parseVaultVersions, type VaultAddress } from './vault-answers.ts'
import { VaultError, type VaultErrorKind } from './vault-error.ts'
import type { VaultObject, VaultVersion } from './vault-objects.ts'
import { mediaType, vaultRefusal } from './vault-refusal.ts'
import { newestOf } from './vault-versions.ts'

export interface VaultTarget {
  /** https origin of the vault. */
  readonly origin: string
  /** Sent with the first request: the resource of a cloud's vaults is known, so no challenge is waited for. */
  readonly token: SecretString
}

/** Reads of Key Vault's data plane, one try each. */
export interface KeyVaultClient {
  /** @throws VaultError; the signal's reason when it aborts */
  object(target: VaultTarget, wanted: VaultAddress, signal: AbortSignal): Promise<VaultObject>
  /**
   * The versions in the vault's order, page by page; of more than MOST_VERSIONS those that are enabled and newest.
   * @throws VaultError; the signal's reason when it aborts
   */
  versions(
    target: VaultTarget,
    of: Omit<VaultAddress, 'version'>,
    signal: AbortSignal,
  ): Promise<readonly VaultVersion[]>
  close(): void
}

export interface KeyVaultClientOptions {
  readonly clock: Clock
  /** PEM of a CA to trust instead of the built-in ones, for custom clouds. */
  readonly ca?: string
  readonly userAgent?: string
  /** None unless told. */
  readonly proxies?: Proxies | undefined
  /** Time for one exchange, milliseconds. */
  readonly totalMs?: number
}

const DEFAULTS = {
  connectMs: 5_000,
  totalMs: 10_000,
  // Idle ones to one vault must not keep another waiting; the reader's turns bound what is asked of each.
  maxSockets: Number.POSITIVE_INFINITY,
  maxSocketsPerOrigin: 32,
  // A secret is 25 KB at most, a page 25 lines.
  maxBytes: 1024 * 1024,
  maxRetryAfterSeconds: 300,
}

const API_VERSION = '7.4'

/** 10,000 versions, as Key Vault gives 25 at a time; the time of whoever asked ends it earlier. */
const MOST_PAGES = 400

export function createKeyVaultClient(options: KeyVaultClientOptions): KeyVaultClient {
  const http = createHttpClient({ ...DEFAULTS, ...options })

  async function get(url: URL, token: SecretString, signal: AbortSignal): Promise<Buffer> {
    const headers = { accept: 'application/json', authorization: `Bearer ${token.reveal()}` }
    let answer: HttpAnswer
    try {
      answer = await http.send({ method: 'GET', url, headers }, signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      throw new VaultError('unavailable', unanswered(thrown, url), { cause: thrown })
    }
    if (answer.status !== 200) throw vaultRefusal(answer, url.host, token)
    if (/\bjson\b/i.test(answer.contentType)) return answer.body
    const text = `${url.host} answered 200 with ${mediaType(answer)} instead of JSON`
    throw new VaultError('unavailable', text, { status: 200 })
  }

  return {
    async object({ origin, token }, wanted, signal) {
      if (wanted.version.toLowerCase() === 'versions')
        throw new VaultError('refused', 'versions is not a version')
      const url = addressOf(origin, [wanted.shelf, wanted.name, wanted.version])
      const body = await get(url, token, signal)
      const object = parseVaultObject(body, wanted)
      if (object !== undefined) return object
      throw unreadable(url, body, `the ${NOUN[wanted.shelf]} that was asked for`)
    },

    async versions({ origin, token }, of, signal) {
      const first = addressOf(origin, [of.shelf, of.name, 'versions'])
      let versions: readonly VaultVersion[] = []
      let url = first
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const body = await get(url, token, signal)
        const page = parseVaultVersions(body, of)
        if (page === undefined) throw unreadable(url, body, `a list of versions of the ${NOUN[of.shelf]}`)
        versions = newestOf([...versions, ...page.versions])
        if (page.nextLink === '') return versions
        url = nextPage(page.nextLink, first)
      }
      const text = `the list of versions of the ${NOUN[of.shelf]} has more than ${MOST_PAGES} pages`
      throw new VaultError('refused', text, { status: 200 })
    },

    close: () => http.close(),
  }
}

const NOUN = { secrets: 'secret', keys: 'key', certificates: 'certificate' } as const

/** Names and versions that Key Vault can have; anything else could lead to another path. */
const SEGMENT = /^[\dA-Za-z-]{1,127}$/

/** @throws VaultError `refused` when origin, name or version would lead somewhere else */
function addressOf(origin: string, [shelf, name, rest]: readonly [string, string, string]): URL {
  if (httpsOrigin(origin) !== origin)
    throw new VaultError('refused', 'the address of the vault is no https origin')
  if (!SEGMENT.test(name))
    throw new VaultError('refused', 'the name has more than letters, digits and hyphens, or is too long')
  if (rest !== '' && !SEGMENT.test(rest))
    throw new VaultError('refused', 'the version has more than letters, digits and hyphens')
  return new URL(`/${shelf}/${name}/${rest}?api-version=${API_VERSION}`, origin)
}

/** The query of the link on the path that was asked: a token goes nowhere else. @throws VaultError */
function nextPage(link: string, first: URL): URL {
  const next = URL.canParse(link) ? new URL(link) : undefined
  const bare = (url: URL): string => trimEnd(url.pathname.toLowerCase(), '/')
  if (next === undefined || next.origin !== first.origin || bare(next) !== bare(first))
    throw notWanted('refused', first, 'a list of versions: its link leads to another address')
  const url = new URL(first)
  url.search = next.search
  return url
}

/** JSON of the vault that is not what was asked for is the fault of that object; anything else, of what answers there. */
function unreadable(url: URL, body: Buffer, wanted: string): VaultError {
  const kind = parseJson(body) === undefined ? 'unavailable' : 'refused'
  return notWanted(kind, url, wanted)
}

function notWanted(kind: VaultErrorKind, url: URL, wanted: string): VaultError {
  return new VaultError(kind, `${url.host} answered 200 with something that is not ${wanted}`, {
    status: 200,
  })
}

const LONGEST_TEXT = 300

function unanswered(thrown: unknown, url: URL): string {
  if (codeOf(thrown) === 'ENOTFOUND' && errorText(thrown).includes(url.hostname))
    return `there is no host ${url.hostname}: the name of the vault is wrong, or DNS or its private endpoint lacks it`
  return `${url.host} did not answer: ${errorText(thrown)}`.slice(0, LONGEST_TEXT)
}
