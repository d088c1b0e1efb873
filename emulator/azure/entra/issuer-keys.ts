import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { Clock } from '../../../src/base/clock.ts'
import { asObject, textField } from '../http/json.ts'
import { fetchJson } from '../http/outbound.ts'

/** Where the documents of one trusted issuer really are. */
export interface TrustedIssuer {
  /** As in the token's `iss` and in the federated credential. */
  readonly issuer: string
  /** Fetched from this origin instead of the issuer's own: `https://127.0.0.1:6443`. */
  readonly address?: string | undefined
  /** PEM of the CA of `address`. */
  readonly ca?: string | undefined
  /** Sent with each GET, for an API server that does not serve the documents to everyone. */
  readonly authorization?: string | undefined
  /** The key set itself; nothing is fetched then. */
  readonly jwks?: JSONWebKeySet | undefined
}

export type KeyFinder = ReturnType<typeof createLocalJWKSet>

/** Keys of external issuers. Only issuers on the list are ever contacted. */
export interface IssuerKeys {
  /** Adds an issuer or replaces the one of the same name. */
  trust(issuer: TrustedIssuer): void
  /** @throws Error when the issuer is not trusted here, or its documents cannot be had or do not fit. */
  find(issuer: string, refresh: boolean): Promise<KeyFinder>
}

const MOST_ISSUERS = 1_000

export function createIssuerKeys(deps: {
  clock: Clock
  closing: AbortSignal
  trusted: readonly TrustedIssuer[]
}): IssuerKeys {
  const trusted = new Map(deps.trusted.map((each) => [each.issuer, each]))
  const cached = new Map<string, KeyFinder>()
  const load = async (entry: TrustedIssuer): Promise<KeyFinder> => {
    if (entry.jwks !== undefined) return createLocalJWKSet(entry.jwks)
    const options = {
      clock: deps.clock,
      parent: deps.closing,
      ca: entry.ca,
      headers: entry.authorization === undefined ? {} : { authorization: entry.authorization },
    }
    const base = entry.issuer.replace(/\/+$/, '')
    const document = asObject(
      await fetchJson(placed(`${base}/.well-known/openid-configuration`, entry), options),
    )
    if (textField(document, 'issuer') !== entry.issuer)
      throw new Error(`the document of ${entry.issuer} names another issuer`)
    const jwksUri = textField(document, 'jwks_uri')
    if (jwksUri === undefined) throw new Error(`the document of ${entry.issuer} has no jwks_uri`)
    return createLocalJWKSet((await fetchJson(placed(jwksUri, entry), options)) as JSONWebKeySet)
  }
  return {
    trust(issuer) {
      if (trusted.size >= MOST_ISSUERS) throw new RangeError(`more than ${MOST_ISSUERS} issuers`)
      trusted.set(issuer.issuer, issuer)
      cached.delete(issuer.issuer)
    },
    async find(issuer, refresh) {
      const entry = trusted.get(issuer)
      if (entry === undefined) throw new Error(`${issuer} is not on the list of issuers to contact`)
      const known = refresh ? undefined : cached.get(issuer)
      if (known !== undefined) return known
      const loaded = await load(entry)
      cached.set(issuer, loaded)
      return loaded
    },
  }
}

/** The same path and query at the issuer's real address. */
function placed(url: string, entry: TrustedIssuer): string {
  if (entry.address === undefined) return url
  const { pathname, search } = new URL(url)
  return `${entry.address.replace(/\/+$/, '')}${pathname}${search}`
}
