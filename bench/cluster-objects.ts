/** Raw Kubernetes objects as an API server would hold them, by number, for clusters of any size. */
import { assignedIdentityManifest } from '../src/model/assigned.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, SUBSCRIPTION } from '../test/make/objects.ts'

type Raw = Record<string, unknown>

export const NODE_GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes`

export function scaleSetId(set: number): string {
  return `${NODE_GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/pool-${set}`
}

export function nodeName(set: number, instance: number): string {
  return `pool-${set}-${instance}`
}

export function rawNode(set: number, instance: number): Raw {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName(set, instance) },
    spec: { providerID: `azure://${scaleSetId(set)}/virtualMachines/${instance}` },
  }
}

export function identityName(index: number): string {
  // Short: clientIdOf keeps six letters of it.
  return `i${String(index).padStart(4, '0')}`
}

export { clientIdOf, identityId }

/** The AzureIdentity and a binding whose selector is its name. */
export function rawIdentity(index: number): Raw[] {
  const name = identityName(index)
  const apiVersion = 'aadpodidentity.k8s.io/v1'
  const metadata = { name, namespace: 'default' }
  return [
    {
      apiVersion,
      kind: 'AzureIdentity',
      metadata,
      spec: { type: 0, resourceID: identityId(name), clientID: clientIdOf(name) },
    },
    {
      apiVersion,
      kind: 'AzureIdentityBinding',
      metadata,
      spec: { azureIdentity: name, selector: name },
    },
  ]
}

/** A pod with what real ones carry, so that its size in lists is not flattering. */
export function rawPod(fields: { name: string; selector: string; node: string; address: string }): Raw {
  const { name, selector, node, address } = fields
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      labels: { app: selector, 'pod-template-hash': '7c5ddbdf54', aadpodidbinding: selector },
      annotations: { 'example.com/checksum': 'c'.repeat(64) },
    },
    spec: {
      nodeName: node,
      serviceAccountName: 'default',
      containers: [
        {
          name: 'app',
          image: 'example/app:1.0',
          env: Array.from({ length: 10 }, (_, at) => ({ name: `SETTING_${at}`, value: 'v'.repeat(40) })),
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
      containerStatuses: [
        { name: 'app', image: 'example/app:1.0', imageID: `sha256:${'0'.repeat(64)}`, ready: true },
      ],
    },
  }
}

/** The AzureAssignedIdentity of such a pod, as MIC leaves it behind. */
export function rawAssigned(fields: { pod: string; identity: string; node: string }): Raw {
  const { pod, identity, node } = fields
  return assignedIdentityManifest({
    namespace: 'default',
    name: `${pod}-default-${identity}`,
    pod,
    podNamespace: 'default',
    nodeName: node,
    identity: makeIdentity({ name: identity }),
    binding: makeBinding({ name: identity, azureIdentity: identity, selector: identity }),
    status: { state: 'Assigned', reason: '', message: '' },
  })
}
