import type { CallerProof } from '../caller.ts'
import type { BridgeGuard } from './bridge-guard.ts'
import type { LinkProof } from './link-proof.ts'

/** The proof by the link, and on a bridge not before the pod is guarded from its neighbours. */
export function guardedProof(proof: LinkProof, guard: BridgeGuard): CallerProof {
  return {
    verify(pod, address) {
      const verdict = proof.verify(pod, address)
      if (verdict !== 'proven') return verdict
      const place = proof.placeOf(pod, address)
      return place !== undefined && guard.awaits(place) ? 'unheard' : verdict
    },
    subscribe: (listener) => guard.subscribe(listener),
  }
}
