import type { ArmDeps } from './arm/arm-route.ts'
import { createArmService } from './arm/arm-service.ts'
import { createEntraService, type EntraDeps } from './entra/entra-service.ts'
import { hostName, type ServiceName } from './http/exchange.ts'
import type { RequestHead } from './http/request-reading.ts'
import type { Service } from './http/service.ts'
import { createVaultService, type VaultDeps } from './vault/vault-service.ts'

export interface ServicesDeps {
  readonly entra: EntraDeps
  readonly arm: ArmDeps
  readonly vault: VaultDeps
}

/** The table of the HTTPS services. IMDS is not in it: it has listeners of its own, one for each VM. */
export function createServices(deps: ServicesDeps): readonly Service[] {
  return [createEntraService(deps.entra), createArmService(deps.arm), createVaultService(deps.vault)]
}

/** By host name; under a name or address that belongs to no service, by the path. */
export function chooseService(services: readonly Service[], head: RequestHead): Service | undefined {
  const name = hostName(head.host)
  return services.find((each) => each.ownsHost(name)) ?? services.find((each) => each.ownsHead(head))
}

export function serviceNamed(services: readonly Service[], name: ServiceName): Service {
  const found = services.find((each) => each.name === name)
  if (found === undefined) throw new RangeError(`no service ${name}`)
  return found
}
