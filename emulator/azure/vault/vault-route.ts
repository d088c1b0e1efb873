import type { Reply } from '../http/exchange.ts'
import { type JsonObject, parseObject } from '../http/json.ts'
import type { Call, Route } from '../http/router.ts'
import { refuseVault } from './vault-errors.ts'
import type { Kind, Vault } from './vault-state.ts'

/** A request to one vault whose sender has the permission. */
export interface VaultCall extends Call {
  readonly vault: Vault
  /** Origin under which the vault was asked: the start of all ids in answers. */
  readonly base: string
  /** Seconds. */
  readonly now: number
  readonly pageSize: number
  /** Whether secrets outside of their dates are refused. */
  readonly refusesByDate: boolean
  /** A part of the path, or the empty text when the route has none of that name. */
  optional(name: string): string
}

export interface VaultRoute extends Omit<Route, 'handle'> {
  readonly kind: Kind
  readonly permission: string
  readonly work: (call: VaultCall) => Reply | Promise<Reply>
}

/** @throws Refused 400 when the body is no JSON object */
export function bodyOf(call: VaultCall): JsonObject {
  const body = call.body.length === 0 ? {} : parseObject(call.body)
  return body ?? refuseVault(400, 'BadParameter', 'The request body is not a JSON object.')
}
