import { refuse } from '../model/refusal.ts'
import type { Answers } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { breaksRule } from './request-rules.ts'
import { type MetadataTarget, rememberTargets, type TokenTarget } from './request-target.ts'

/**
 * What a request goes through, in this order: connection, target, rules, door. A path whose door is absent is
 * unknown here.
 */
export function createFront(deps: {
  readonly answers: Answers
  readonly metadataHeaderRequired: boolean
  readonly synced: () => boolean
  readonly tokenDoor?: (exchange: Exchange, target: TokenTarget) => void
  readonly hostDoor?: (exchange: Exchange, target: TokenTarget) => void
  readonly metadataDoor?: (exchange: Exchange, target: MetadataTarget) => void
}): (exchange: Exchange) => void {
  const { answers, metadataHeaderRequired, synced } = deps
  const doors = { metadata: deps.metadataDoor, 'host-token': deps.hostDoor, token: deps.tokenDoor }
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
    if (doors[target.kind] === undefined) {
      answers.refused(exchange, target, refuse('path-unknown', 'the path is not one that is answered here'))
      return
    }
    const broken = breaksRule(exchange, { target, metadataHeaderRequired, synced })
    if (broken !== undefined) {
      answers.refused(exchange, target, broken)
      return
    }
    if (target.kind === 'metadata') doors.metadata?.(exchange, target)
    else doors[target.kind]?.(exchange, target)
  }
}
