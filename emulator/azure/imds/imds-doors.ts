import { type Door, openDoor } from '../http/door.ts'
import { createPipeline, type PipelineDeps } from '../http/pipeline.ts'
import type { AzureState } from '../state/azure-state.ts'
import { type AskerFinder, createImdsService, type ImdsDeps } from './imds-service.ts'
import type { Asker } from './instance-document.ts'

export interface ImdsListenOptions {
  /** ARM id of a VM, or of an instance of a uniform scale set (`.../virtualMachines/<n>`). Absent: by source address. */
  readonly compute?: string
  readonly host?: string
  /** 0: any free port. */
  readonly port?: number
}

/** Opens an IMDS listener. @throws Error when the compute resource is not known */
export async function openImdsDoor(
  options: ImdsListenOptions,
  deps: ImdsDeps,
  pipeline: PipelineDeps,
): Promise<Door> {
  const { compute } = options
  if (compute !== undefined && findAsker(deps.state, compute) === undefined)
    throw new Error(`no emulated VM or instance has the id ${compute}`)
  const find: AskerFinder =
    compute === undefined
      ? (exchange) => askerByAddress(deps.state, exchange.remoteAddress)
      : () => findAsker(deps.state, compute)
  const service = createImdsService(deps, find)
  return openDoor({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    lenient: true,
    handle: createPipeline(pipeline, () => service),
  })
}

/** The VM or instance with an ARM id, in any case. */
function findAsker(state: AzureState, id: string): Asker | undefined {
  const key = id.toLowerCase()
  const compute = state.computes.get(key)
  if (compute !== undefined) return compute.kind === 'vm' ? { compute } : undefined
  const match = /^(.+\/virtualmachinescalesets\/[^/]+)\/virtualmachines\/([^/]+)$/.exec(key)
  const set = state.computes.get(match?.[1] ?? '')
  const instance = set?.instances.get(match?.[2] ?? '')
  return set === undefined || instance === undefined ? undefined : { compute: set, instance }
}

function askerByAddress(state: AzureState, address: string): Asker | undefined {
  for (const compute of state.computes.values()) {
    if (compute.addresses.includes(address)) return { compute }
    for (const instance of compute.instances.values())
      if (instance.addresses.includes(address)) return { compute, instance }
  }
  return undefined
}
