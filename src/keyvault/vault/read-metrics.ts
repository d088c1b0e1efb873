import type { VaultErrorKind } from '../../azure/vault-error.ts'
import type { VaultShelf } from '../../azure/vault-objects.ts'
import type { MountFailureCode } from '../../model/mount-failures.ts'
import type { KeyVaultMetrics } from '../../telemetry/keyvault-metrics.ts'
import type { ObjectType } from '../wanted-object.ts'
import type { RequestOutcome } from './measured.ts'
import type { VaultReaderDeps } from './shared-reads.ts'

const TYPE_OF: Readonly<Record<VaultShelf, ObjectType>> = {
  secrets: 'secret',
  keys: 'key',
  certificates: 'cert',
}

const CODE_OF: Readonly<Record<VaultErrorKind, MountFailureCode>> = {
  unauthorized: 'vault-unauthorized',
  forbidden: 'vault-forbidden',
  firewall: 'vault-firewall',
  'not-found': 'object-not-found',
  disabled: 'object-disabled',
  throttled: 'vault-throttled',
  unavailable: 'vault-unavailable',
  refused: 'object-unusable',
}

/** What shared reads tell, in the words of the metrics. */
export function readMetrics(
  metrics: Pick<KeyVaultMetrics, 'vaultRequest' | 'objectRead'>,
): VaultReaderDeps['observe'] {
  return {
    request: ({ shelf, name, outcome, seconds }) =>
      metrics.vaultRequest({
        objectType: TYPE_OF[shelf],
        objectName: name,
        error: errorOf(outcome),
        seconds,
      }),
    read: ({ shelf, source }) => metrics.objectRead(source, TYPE_OF[shelf]),
  }
}

function errorOf(outcome: RequestOutcome): string {
  if (outcome === 'ok') return ''
  return outcome === 'abandoned' ? 'out-of-time' : CODE_OF[outcome]
}
