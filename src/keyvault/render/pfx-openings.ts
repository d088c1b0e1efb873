import type { VaultSecret } from '../../azure/vault-objects.ts'
import { type CertificateTexts, openPfx } from './certificate-texts.ts'
import { Unusable } from './unusable.ts'

/** @throws Unusable */
export type PfxOpener = (secret: VaultSecret) => Promise<CertificateTexts>

export interface PfxOpenings {
  /** The opener of one mount: what its files cost together is bounded. */
  ofMount(): PfxOpener
}

/**
 * Rounds of key derivation of one mount, on the only thread: about 25 seconds of a slow node, cut in pieces between
 * which others have their turn. 160 files as a vault writes them.
 */
const MOST_ROUNDS = 1_000_000

/**
 * Opens PKCS#12 files, each once as long as the vault's answer is in memory: a secret under many aliases, or of many
 * pods that share the answer, costs as much as one.
 * @param leafFirst as of `openPfx`
 * @param mostRounds of one mount
 */
export function createPfxOpenings(leafFirst: boolean, mostRounds = MOST_ROUNDS): PfxOpenings {
  const opened = new WeakMap<VaultSecret, CertificateTexts>()
  return {
    ofMount() {
      let spent = 0
      return async (secret) => {
        const known = opened.get(secret)
        if (known !== undefined) return known
        if (spent >= mostRounds)
          throw new Unusable(
            `the PKCS#12 of the objects before it took ${mostRounds} rounds of key derivation, all that one volume may have: split the objects over several volumes`,
          )
        const { texts, rounds } = await openPfx(secret.value.reveal(), leafFirst)
        spent += rounds
        opened.set(secret, texts)
        return texts
      }
    },
  }
}
