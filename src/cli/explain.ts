import { systemClock } from '../base/clock.ts'
import { OperatorError } from '../base/errors.ts'
import { isApiStatus } from '../kube/connection.ts'
import { kubeconfigConnection } from '../kube/kubeconfig.ts'
import { listInPages } from '../kube/paged-list.ts'
import { objectPath, type ResourceSpec } from '../kube/resource-spec.ts'
import { azureAssignedIdentities } from '../kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../kube/resources/azure-identity-bindings.ts'
import { agentPods } from '../kube/resources/pods.ts'
import { createRest, type Rest } from '../kube/rest.ts'
import type { BindingLookup } from '../model/match.ts'
import type { AzureIdentity, AzureIdentityBinding, Pod } from '../model/resources.ts'
import { chainOf, type Link } from './explain/chain.ts'
import { flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { EXPLAIN_FLAGS } from './tool-flags.ts'

/** `podid explain <namespace/pod>`: exit code 0 when every link holds, 1 when one is broken. */
export async function runExplain({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, EXPLAIN_FLAGS, environment)
  const [namespace, name] = podNameOf(command.args[0] ?? '')
  const connection = await kubeconfigConnection(flags.kubeconfig === '' ? undefined : flags.kubeconfig)
  try {
    const managed = flags['operation-mode'] === 'managed'
    const { forceNamespaced } = flags
    const rest = createRest(connection, systemClock)
    const links = await explainPod(rest, { namespace, name, managed, forceNamespaced }, stop)
    for (const link of links) {
      console.log(`${link.ok ? '[ok]' : '[--]'} ${link.name.padEnd(12)} ${link.text}`)
      if (link.remedy !== undefined) console.log(`     ${' '.repeat(12)} -> ${link.remedy}`)
    }
    return links.every((link) => link.ok) ? 0 : 1
  } finally {
    connection.close()
  }
}

/** @throws OperatorError when there is no such pod */
export async function explainPod(
  rest: Rest,
  asked: { namespace: string; name: string; managed: boolean; forceNamespaced: boolean },
  signal: AbortSignal,
): Promise<readonly Link[]> {
  const { namespace, name, managed, forceNamespaced } = asked
  const pod = await readPod(rest, namespace, name, signal)
  return chainOf(pod, {
    lookup: lookupOver(
      await listAll(rest, azureIdentityBindings(), signal),
      await listAll(rest, azureIdentities(), signal),
    ),
    assigned: managed ? undefined : await listAll(rest, azureAssignedIdentities(), signal),
    // As NMI has it.
    rules: { forceNamespaced: forceNamespaced || managed },
  })
}

function podNameOf(text: string): [namespace: string, name: string] {
  const parts = text.split('/')
  const [first, second] = parts
  if (parts.length === 1 && first !== undefined && first !== '') return ['default', first]
  if (parts.length !== 2 || !first || !second) {
    throw new OperatorError(`${JSON.stringify(text)} is no pod: write namespace/name`)
  }
  return [first, second]
}

async function readPod(rest: Rest, namespace: string, name: string, signal: AbortSignal): Promise<Pod> {
  const spec = agentPods()
  try {
    const pod = spec.project(await rest.getJson(objectPath(spec, namespace, name), { signal }))
    if (pod !== undefined) return pod
  } catch (thrown) {
    if (!isApiStatus(thrown, 404)) throw thrown
  }
  throw new OperatorError(`there is no pod ${namespace}/${name}`)
}

async function listAll<T>(rest: Rest, spec: ResourceSpec<T>, signal: AbortSignal): Promise<T[]> {
  let objects: T[] = []
  const sink = {
    begin() {
      objects = []
    },
    item(raw: unknown) {
      const object = spec.project(raw)
      if (object !== undefined) objects.push(object)
    },
  }
  await listInPages(rest, { path: spec.path, query: {} }, sink, signal)
  return objects
}

function lookupOver(
  bindings: readonly AzureIdentityBinding[],
  identities: readonly AzureIdentity[],
): BindingLookup {
  return {
    bindingsBySelector: (selector) => bindings.filter((each) => each.selector === selector),
    selectors: () => bindings.map((each) => each.selector),
    identity: (namespace, name) =>
      identities.find((each) => each.namespace === namespace && each.name === name),
  }
}
