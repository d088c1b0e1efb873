import { randomBytes } from 'node:crypto'
import type { DemoWorld } from '../world.ts'
import { type CertificateChain, makeCertificateChain } from './certificate-chain.ts'
import type { LogWatch } from './log-watch.ts'
import { type PublicJwk, vaultOwner } from './vault-owner.ts'

/** Names in the vault and in examples/keyvault-volume/class.yaml. */
export const FILES = {
  secret: 'database-password',
  certificate: 'tls/server.pem',
  key: 'receipts.pem',
} as const
const CERTIFICATE_NAME = 'storefront'
const KEY_NAME = 'receipts'

/** What the files of a volume must hold. */
export interface VaultContents {
  readonly password: string
  /** What the password is changed to. */
  readonly nextPassword: string
  readonly chain: CertificateChain
  readonly key: PublicJwk
}

/** The owner of the vault puts in what its secret does not hold already; none of it may come up in a log. */
export async function fillVault(
  { azure, place, clock, password }: DemoWorld,
  logs: LogWatch,
): Promise<VaultContents> {
  const owner = vaultOwner(azure, place.hostAddress)
  const nextPassword = randomBytes(18).toString('base64url')
  const chain = await makeCertificateChain(clock.now())
  logs.forbid('the password', password)
  logs.forbid('the new password', nextPassword)
  logs.forbid('the private key', chain.key)
  await owner.importCertificate(CERTIFICATE_NAME, chain)
  return { password, nextPassword, chain, key: await owner.createKey(KEY_NAME) }
}
