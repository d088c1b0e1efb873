import { refuse } from '../model/refusal.ts'
import type { Answers } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { breaksRule } from './request-rules.ts'
import { type MetadataTarget, rememberTargets, type TokenTarget } from './request-target.ts'

/** What a request goes through, in this order: connection, target, rules, door. */
export function createFront(deps: {
  readonly answers: Answers
  readonly metadataHeaderRequired: boolean
  readonly synced: () => boolean
  readonly tokenDoor: (exchange: Exchange, target: TokenTarget) => void
  readonly hostDoor: (exchange: Exchange, target: TokenTarget) => void
  readonly metadataDoor: (exchange: Exchange, target: MetadataTarget) => void
}): (exchange: Exchange) => void {
  const { answers, metadataHeaderRequired, synced } = deps
  const readTarget = rememberTargets()
  return (exchange) => {
    if (exchange.connection.excess) {
      const refusal = refuse('too-many-connections', 'this pod holds more connections than allowed')
      answers.refused(exchange, undefined, refusal)
      return
    }
    const { target, refusal } = readTarget(exchange.request.url ?? '')
    if (target === undefined) {
      answers.refused(exchange, undefined, refusal)
      return
    }
    const broken = breaksRule(exchange, { target, metadataHeaderRequired, synced })
    if (broken !== undefined) {
      answers.refused(exchange, target, broken)
      return
    }
    if (target.kind === 'metadata') deps.metadataDoor(exchange, target)
    else if (target.kind === 'host-token') deps.hostDoor(exchange, target)
    else deps.tokenDoor(exchange, target)
  }
}
