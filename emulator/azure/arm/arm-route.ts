import type { Clock } from '../../../src/base/clock.ts'
import type { TokenOffice } from '../entra/access-tokens.ts'
import type { Reply } from '../http/exchange.ts'
import type { Call, Route } from '../http/router.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { Journal } from '../state/journal.ts'
import type { Settings } from '../state/settings.ts'
import type { Caller } from './caller.ts'
import type { Operations } from './operations.ts'
import type { Limit } from './throttle.ts'

export interface ArmDeps {
  readonly state: AzureState
  readonly settings: Settings
  readonly journal: Journal
  readonly clock: Clock
  readonly office: TokenOffice
  readonly operations: Operations
  /** The emulator's wall clock as ARM sees it, milliseconds. */
  readonly now: () => number
}

/** What the work of a route has at hand: the service's parts and who calls. */
export interface ArmContext extends ArmDeps {
  readonly caller: Caller
}

export interface ArmRoute extends Omit<Route, 'handle'> {
  /** Limit per resource (the path), if there is one. */
  readonly limit?: Limit
  /** Answers without a token. */
  readonly open?: boolean
  readonly work: (call: Call, context: ArmContext) => Reply | Promise<Reply>
}
