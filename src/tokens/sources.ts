import type { IdentityType } from '../model/resources.ts'
import type { Principal, TokenSource } from './token-source.ts'

/** Where requests go upstream; each has its own limits. */
export type Upstream = 'imds' | 'entra'

export interface SourceTable {
  readonly imds: TokenSource
  readonly secret: TokenSource
  readonly certificate: TokenSource
}

/** The whole table: type of the AzureIdentity -> credential source. */
const SOURCE_OF_TYPE = {
  0: 'imds',
  1: 'secret',
  2: 'certificate',
} as const satisfies Record<IdentityType, keyof SourceTable>

function sourceNameOf(principal: Principal): keyof SourceTable {
  return principal.kind === 'node' ? 'imds' : SOURCE_OF_TYPE[principal.identity.type]
}

export function upstreamOf(principal: Principal): Upstream {
  return sourceNameOf(principal) === 'imds' ? 'imds' : 'entra'
}

/** Hands each request to the source of its principal. */
export function routed(table: SourceTable): TokenSource {
  return {
    token: (request, signal) => table[sourceNameOf(request.principal)].token(request, signal),
  }
}
