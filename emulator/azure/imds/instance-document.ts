import type { Reply } from '../http/exchange.ts'
import { asObject } from '../http/json.ts'
import type { Compute, Instance } from '../state/compute.ts'
import { imdsReplies } from './imds-replies.ts'

/** The VM, or the instance of a scale set, behind one IMDS. */
export interface Asker {
  readonly compute: Compute
  readonly instance?: Instance | undefined
}

function instanceDocument({ compute, instance }: Asker): Record<string, unknown> {
  const member = compute.memberOf?.split('/').at(-1) ?? ''
  const resource =
    instance === undefined ? compute.id : `${compute.id}/virtualMachines/${instance.instanceId}`
  return {
    compute: {
      azEnvironment: 'AzurePublicCloud',
      location: compute.location,
      name: instance === undefined ? compute.name : `${compute.name}_${instance.instanceId}`,
      osType: 'Linux',
      provider: 'Microsoft.Compute',
      resourceGroupName: compute.group,
      resourceId: resource,
      subscriptionId: compute.subscription,
      tags: Object.entries(compute.tags)
        .map(([name, value]) => `${name}:${value}`)
        .join(';'),
      vmId: instance?.vmId ?? compute.vmId,
      vmScaleSetName: compute.kind === 'vmss' ? compute.name : member,
      vmSize: 'Standard_D2s_v5',
      zone: '',
      osProfile: { computerName: instance?.computerName ?? compute.computerName, adminUsername: 'azureuser' },
    },
    network: {
      interface: [
        {
          ipv4: {
            ipAddress: (instance?.addresses ?? compute.addresses).map((address) => ({
              privateIpAddress: address,
              publicIpAddress: '',
            })),
            subnet: [{ address: '10.0.0.0', prefix: '16' }],
          },
          ipv6: { ipAddress: [] },
          macAddress: '000D3A000001',
        },
      ],
    },
  }
}

/** `/metadata/instance` and below. Leaves need `format=text`, as in Azure. */
export function answerInstance(asker: Asker, segments: readonly string[], format: string): Reply {
  const node = descend(instanceDocument(asker), segments)
  if (node === undefined) return imdsReplies.notFound(false)
  const wantsText = format.toLowerCase() === 'text'
  if (typeof node === 'string')
    return wantsText
      ? { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: node }
      : {
          status: 400,
          body: {
            error:
              'Bad request. The requested element is a leaf; use format=text. For more information refer to aka.ms/azureimds',
          },
        }
  if (!wantsText) return { status: 200, body: node }
  const names = Array.isArray(node)
    ? node.map((_, position) => `${position}/`)
    : Object.entries(asObject(node) ?? {}).map(([name, value]) =>
        typeof value === 'string' ? name : `${name}/`,
      )
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: names.join('\n') }
}

function descend(root: unknown, segments: readonly string[]): unknown {
  let node: unknown = root
  for (const segment of segments) {
    if (Array.isArray(node)) {
      node = /^\d+$/.test(segment) ? (node[Number(segment)] as unknown) : undefined
      continue
    }
    const found = Object.entries(asObject(node) ?? {}).find(
      ([name]) => name.toLowerCase() === segment.toLowerCase(),
    )
    node = found?.[1]
  }
  return node
}
