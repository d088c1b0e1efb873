import type { X509Certificate } from 'node:crypto'

/** Who issued whom among a handful of certificates, whatever order they came in. */
export interface CertificateLinks {
  /** From the given certificate upward as far as it goes; each certificate at most once. */
  chainFrom(leaf: X509Certificate): X509Certificate[]
  /** True when another one of them was issued by it. */
  isIssuer(certificate: X509Certificate): boolean
}

/**
 * Links certificates by names and key identifiers (authority of the child, subject of the issuer, where both have
 * them; RFC 5280), confirmed by the signature. Where names and identifiers lead nowhere, the signature alone decides.
 * The work grows with the square of the number: callers bound it.
 */
export function linkCertificates(all: readonly X509Certificate[]): CertificateLinks {
  const issuers = new Map(all.map((each) => [each, issuersOf(each, all)]))
  const parents = new Set([...issuers.values()].flat())
  return {
    chainFrom(leaf) {
      const chain = [leaf]
      const seen = new Set(chain)
      for (let at: X509Certificate | undefined = leaf; at !== undefined; ) {
        // Of a root and its cross-signed twin the twin leads on, and the root can still follow.
        at = preferred(issuers.get(at)?.filter((issuer) => !seen.has(issuer)) ?? [])
        if (at === undefined) break
        seen.add(at)
        chain.push(at)
      }
      return chain
    },
    isIssuer: (certificate) => parents.has(certificate),
  }
}

function preferred(candidates: readonly X509Certificate[]): X509Certificate | undefined {
  return candidates.find((each) => !each.checkIssued(each)) ?? candidates[0]
}

function issuersOf(child: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  if (child.checkIssued(child) && signed(child, child) !== false) return []
  const others = all.filter((other) => !other.raw.equals(child.raw))
  const named = others.filter((other) => child.checkIssued(other) && signed(child, other) !== false)
  return named.length > 0 ? named : others.filter((other) => signed(child, other) === true)
}

/** Undefined when it cannot be told: an algorithm that is not known here. */
function signed(child: X509Certificate, issuer: X509Certificate): boolean | undefined {
  try {
    return child.verify(issuer.publicKey)
  } catch {
    return undefined
  }
}
