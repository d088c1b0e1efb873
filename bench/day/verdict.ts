import { canonicalResourceId } from '../../src/model/resource-id.ts'
import type { MicWorld } from '../../test/make/mic-world.ts'
import { identityId } from '../../test/make/objects.ts'

export interface Verdict {
  /** Identities on a scale set, or on its record, that no pod there wants. */
  readonly leaked: readonly string[]
  /** What a pod wants and nobody made. */
  readonly missing: readonly string[]
  /** Objects of no pod, or not Assigned. */
  readonly stranded: readonly string[]
}

interface WantingPod {
  readonly identity: string
  readonly node: string
}

/** Compares ARM and the objects with what the pods want, by name of the pod. */
export function judge(
  { arm, cluster }: MicWorld,
  pods: ReadonlyMap<string, WantingPod>,
  groups: readonly string[],
): Verdict {
  const leaked: string[] = []
  const missing: string[] = []
  for (const group of groups) {
    const set = group.split('/').at(-1) ?? ''
    const here = [...pods.values()].filter((pod) => pod.node.startsWith(`${set}-`))
    const wanted = new Set(here.map((pod) => canonicalResourceId(identityId(pod.identity))))
    const held = new Set(arm.identitiesOf(group))
    const owned = Object.keys(cluster.ownership.get(group)?.identities ?? {})
    for (const id of new Set([...held, ...owned])) if (!wanted.has(id)) leaked.push(`${id} on ${group}`)
    for (const id of wanted) if (!held.has(id)) missing.push(`${id} on ${group}`)
  }
  const objects = cluster.all('assigned')
  const stranded = objects
    .filter((object) => !pods.has(object.pod) || object.state !== 'Assigned' || object.deleting)
    .map((object) => `${object.name} ${object.state}`)
  const has = new Set(objects.map((object) => object.pod))
  for (const name of pods.keys()) if (!has.has(name)) missing.push(`object of ${name}`)
  return { leaked, missing, stranded }
}
