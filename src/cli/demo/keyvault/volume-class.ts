import * as v from 'valibot'
import { readManifests } from '../manifests.ts'

/** A SecretProviderClass, as far as the driver hands it on. */
export interface VolumeClass {
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
}

const CLASS = v.object({
  kind: v.literal('SecretProviderClass'),
  metadata: v.object({ name: v.string() }),
  spec: v.object({ provider: v.literal('azure'), parameters: v.record(v.string(), v.string()) }),
})

/** @throws ValiError when the file holds another object, or a class of another provider */
export async function readVolumeClass(file: string): Promise<VolumeClass> {
  const [first] = await readManifests(file)
  const { metadata, spec } = v.parse(CLASS, first)
  return { name: metadata.name, parameters: spec.parameters }
}

const POD = v.object({
  metadata: v.object({ name: v.string(), namespace: v.string(), uid: v.string() }),
  spec: v.object({
    serviceAccountName: v.optional(v.string(), 'default'),
    volumes: v.array(
      v.object({
        name: v.string(),
        csi: v.optional(
          v.object({
            driver: v.literal('secrets-store.csi.k8s.io'),
            volumeAttributes: v.record(v.string(), v.string()),
          }),
        ),
      }),
    ),
  }),
})

export interface VolumeOrder {
  readonly attributes: Readonly<Record<string, string>>
  /** Path of the volume below kubelet's folder. */
  readonly path: string
}

/**
 * What the driver makes of a pod and its class: the parameters, over them the attributes of the volume, and what
 * kubelet tells by `podInfoOnMount`.
 * @throws ValiError for what is no pod; Error when it has no volume of the class
 */
export function volumeOrder(pod: unknown, { name, parameters }: VolumeClass): VolumeOrder {
  const { metadata, spec } = v.parse(POD, pod)
  const volume = spec.volumes.find((each) => each.csi?.volumeAttributes['secretProviderClass'] === name)
  if (volume === undefined) throw new Error(`pod ${metadata.name} has no volume of class ${name}`)
  return {
    attributes: {
      ...parameters,
      ...volume.csi?.volumeAttributes,
      'csi.storage.k8s.io/pod.name': metadata.name,
      'csi.storage.k8s.io/pod.namespace': metadata.namespace,
      'csi.storage.k8s.io/pod.uid': metadata.uid,
      'csi.storage.k8s.io/serviceAccount.name': spec.serviceAccountName,
      'csi.storage.k8s.io/ephemeral': 'true',
    },
    path: `pods/${metadata.uid}/volumes/kubernetes.io~csi/${volume.name}/mount`,
  }
}
