import type { Exchange } from '../http/exchange.ts'
import { callerText, type VaultCaller } from './vault-caller.ts'
import { refuseVault } from './vault-errors.ts'
import type { Vault } from './vault-state.ts'

/** @throws Refused 403 when the vault's network rules keep the caller out; who it is was established by then */
export function requireNetwork(exchange: Exchange, caller: VaultCaller, vault: Vault): void {
  const who = `Caller: ${callerText(caller)}\r\nVault: ${vault.name};location=${vault.location}`
  if (vault.network === 'firewall')
    refuseVault(
      403,
      'Forbidden',
      `Client address is not authorized and caller is not a trusted service.\r\nClient address: ${exchange.remoteAddress}\r\n${who}`,
      { inner: 'ForbiddenByFirewall' },
    )
  if (vault.network === 'private')
    refuseVault(
      403,
      'Forbidden',
      `Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\n${who}`,
      { inner: 'ForbiddenByConnection' },
    )
}
