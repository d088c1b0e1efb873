/** The real cluster for the suite of real clients: pods with the clients' images on one of its nodes. */
import { randomBytes } from 'node:crypto'
import { createSettings } from '../../../emulator/azure/state/settings.ts'
import { firstContainer, type PodObject } from '../cluster/pod-object.ts'
import type { Manifest, Place } from '../place.ts'
import type { World } from '../world.ts'
import { claimsOf, plantClientIdentity, plantVault } from './client-azure.ts'
import type { ClientCluster, ClientIdentity, ClientPod, PodEnd } from './client-cluster.ts'
import { clientImage } from './client-image.ts'
import { CLIENTS, type ClientName, PROGRAMS, trusting } from './client-programs.ts'

/** One node is enough, and images are brought to one. */
const NODE = 'pool-0'
/**
 * For programs that ask at once. Those that compute first ask for no processor, or the others would miss time limits of
 * their own: DefaultAzureCredential gives IMDS one second.
 */
const AHEAD = { requests: { cpu: '100m' } }
const CA = { folder: '/etc/azure-ca', file: '/etc/azure-ca/ca.crt' }

export interface KubernetesClients extends ClientCluster {
  /** Azure behaves as before. */
  close(): void
}

/** Makes the images that are not there, and brings all to the node. */
export async function kubernetesClients(world: World, place: Place): Promise<KubernetesClients> {
  const { azure, cluster, clock } = world
  const say = (line: string): void => world.say(line)
  const before = createSettings(azure.settings)
  const images = new Map<ClientName, string>()
  for (const client of CLIENTS) {
    const { name, archive } = await clientImage(client, { clock, say })
    await cluster.node(NODE).importImage(archive)
    images.set(client, name)
  }
  await place.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'azure-ca' },
    data: { 'ca.crt': azure.caPem },
  })
  let lastStart: Promise<undefined> = Promise.resolve(undefined)
  const vault = plantVault(azure, randomBytes(18).toString('base64url'))

  async function bind(selector: string, names: readonly string[]): Promise<ClientIdentity[]> {
    const identities = names.map((name) => plantClientIdentity(azure, name))
    for (const { name, resourceId: id, clientId } of identities)
      await place.bind({ name, id, clientId }, { selector })
    return identities
  }

  /** One after the other: ten containers that are made at once leave no processor for those that ask already. */
  async function start(pod: ClientPod): Promise<void> {
    const before = lastStart
    const { promise, resolve } = Promise.withResolvers<undefined>()
    lastStart = promise
    await before
    try {
      await place.apply(podManifest(pod, images.get(pod.client) ?? ''))
      await whenPhase(pod, ['Running', 'Succeeded', 'Failed'])
    } finally {
      resolve(undefined)
    }
  }

  function whenPhase({ name, deadlineMs }: ClientPod, wanted: readonly string[]): Promise<PodObject> {
    const what = wanted.join(' or ')
    return place.existing(name).when(what, deadlineMs / 1_000, ({ status }) => wanted.includes(status.phase))
  }

  async function run(pod: ClientPod): Promise<PodEnd> {
    await start(pod)
    const ended = await whenPhase(pod, ['Succeeded', 'Failed'])
    const lines = (await place.existing(pod.name).logs()).split('\n')
    await place.kubectl('delete', 'pod', pod.name, '--wait=false')
    return {
      exitCode: firstContainer(ended)?.state.terminated?.exitCode,
      // The log holds both streams, and the programs say all in JSON lines.
      stdout: lines.filter((line) => line.startsWith('{')).join('\n'),
      stderr: lines.filter((line) => !line.startsWith('{')).join('\n'),
    }
  }

  return {
    place: 'Kubernetes',
    vault,
    settings: async (change) => azure.change(change),
    bind,
    unbound: async (name) => plantClientIdentity(azure, name),
    run,
    claims: (token) => claimsOf(azure, token),
    close: () => azure.change(before),
  }
}

function podManifest({ name, client, selector, args }: ClientPod, image: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { aadpodidbinding: selector } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      nodeSelector: { 'kubernetes.io/hostname': NODE },
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'client',
          image,
          imagePullPolicy: 'Never',
          args,
          ...(PROGRAMS[client].slowStart === true ? {} : { resources: AHEAD }),
          env: Object.entries(trusting(CA.file)).map(([variable, value]) => ({ name: variable, value })),
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'azure-ca', mountPath: CA.folder, readOnly: true },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        { name: 'azure-ca', configMap: { name: 'azure-ca' } },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  }
}
