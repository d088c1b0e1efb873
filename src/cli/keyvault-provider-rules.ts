import { systemClock } from '../base/clock.ts'
import type { OrderRules } from '../keyvault/request/read-order.ts'
import { cloudNamed, environmentFileOf } from './cloud.ts'
import type { ValuesOf } from './flag.ts'
import type { Environment } from './flag-command.ts'
import type { KEYVAULT_PROVIDER_FLAGS } from './keyvault-provider-flags.ts'

type Flags = Pick<
  ValuesOf<typeof KEYVAULT_PROVIDER_FLAGS>,
  'cloud-name' | 'cloud-env-folder' | 'vm-managed-identity'
>

const STACK = 'AzureStackCloud'

/** Vaults are read, and Resource Manager is never asked. */
const NEEDS = { arm: false }

/** What the operator decides about all orders. @throws OperatorError */
export async function rulesOf(flags: Flags, environment: Environment): Promise<OrderRules> {
  const name = flags['cloud-name']
  const stackCloud =
    environmentFileOf(environment) === undefined ? undefined : await cloudNamed(STACK, environment, NEEDS)
  const isStack = name.toLowerCase() === STACK.toLowerCase()
  const defaultCloud = isStack && stackCloud ? stackCloud : await cloudNamed(name, environment, NEEDS)
  return {
    defaultCloud,
    ...(stackCloud === undefined ? {} : { stackCloud }),
    environmentFolder: flags['cloud-env-folder'],
    clock: systemClock,
    vmManagedIdentity: flags['vm-managed-identity'],
  }
}
