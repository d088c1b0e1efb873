import type { KeyObject, X509Certificate } from 'node:crypto'
import { type CertificateLinks, linkCertificates } from '../../tokens/certificate-chain.ts'
import { Unusable } from './unusable.ts'

/**
 * Leaf, intermediates, root; then what does not belong to that chain, in the order it came. The leaf is the
 * certificate of the private key; without a key, one that issued no other.
 * @throws Unusable when there is no leaf
 */
export function orderChain(
  certificates: readonly X509Certificate[],
  keys: readonly KeyObject[],
): readonly X509Certificate[] {
  const links = linkCertificates(certificates)
  const chain = longest(leavesOf(certificates, keys, links).map((leaf) => links.chainFrom(leaf)))
  if (chain === undefined) throw new Unusable('no leaf found among its certificates')
  return [...chain, ...certificates.filter((each) => !chain.includes(each))]
}

/**
 * A server that is given a key and the certificate of another one does not start, and does not say why.
 * @throws Unusable when a private key fits none of the certificates
 */
export function checkKeysFit(keys: readonly KeyObject[], certificates: readonly X509Certificate[]): void {
  if (certificates.length === 0) return
  if (keys.every((key) => certificates.some((certificate) => certificate.checkPrivateKey(key)))) return
  throw new Unusable('its private key does not fit its certificate: none has the public key of it')
}

function leavesOf(
  certificates: readonly X509Certificate[],
  [key]: readonly KeyObject[],
  links: CertificateLinks,
): readonly X509Certificate[] {
  if (key !== undefined) return certificates.filter((each) => each.checkPrivateKey(key))
  return certificates.filter((each) => !links.isIssuer(each))
}

/** Of several that are equally long the first, so that the order they came in decides. */
function longest<T>(lists: readonly (readonly T[])[]): readonly T[] | undefined {
  return lists.reduce<readonly T[] | undefined>(
    (best, each) => (best === undefined || each.length > best.length ? each : best),
    undefined,
  )
}
