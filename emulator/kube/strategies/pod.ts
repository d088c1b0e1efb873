import type { Fields } from '../json.ts'
import { fieldsAt, isFields, isList, listAt, sameJson, textAt, valueAt, withValue } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { Strategy } from '../resources/resource-definition.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from '../validation/field-problem.ts'
import { nameProblems } from '../validation/names.ts'
import { tolerationProblems, withDefaultTolerations } from './pod-tolerations.ts'

const SPEC_DEFAULTS: Fields = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
  enableServiceLinks: true,
}

const PROBE_DEFAULTS: Fields = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
}
const FILE_MODE = 0o644

/** Volume sources whose files get a default mode. */
const MODED: readonly string[] = ['secret', 'configMap', 'downwardAPI', 'projected']

function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = /:([^:/]+)$/.exec(image)?.[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

function withContainerDefaults(container: unknown): unknown {
  if (!isFields(container)) return container
  const filled: Fields = {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(textAt(container, 'image')),
    ...container,
  }
  const ports = listAt(container, 'ports')
  if (ports.length > 0) filled['ports'] = ports.map((each) => ({ protocol: 'TCP', ...(each as Fields) }))
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const value = container[probe]
    if (isFields(value)) filled[probe] = withProbeDefaults(value)
  }
  const env = listAt(container, 'env')
  if (env.length > 0) filled['env'] = env.map(withFieldRefDefault)
  return filled
}

function withProbeDefaults(probe: Fields): Fields {
  const http = probe['httpGet']
  return {
    ...PROBE_DEFAULTS,
    ...probe,
    ...(isFields(http) ? { httpGet: { path: '/', scheme: 'HTTP', ...http } } : {}),
  }
}

function withFieldRefDefault(variable: unknown): unknown {
  const reference = valueAt(variable, 'valueFrom', 'fieldRef')
  if (!isFields(reference)) return variable
  return withValue(variable as Fields, ['valueFrom', 'fieldRef'], { apiVersion: 'v1', ...reference })
}

function withVolumeDefaults(volume: unknown): unknown {
  if (!isFields(volume)) return volume
  const filled = { ...volume }
  for (const source of MODED) {
    const value = filled[source]
    if (isFields(value)) filled[source] = { defaultMode: FILE_MODE, ...value }
  }
  const path = filled['hostPath']
  if (isFields(path)) filled['hostPath'] = { type: '', ...path }
  if (Object.keys(filled).length === 1) filled['emptyDir'] = {}
  return filled
}

function withPodSpecDefaults(spec: Readonly<Fields>): Fields {
  const filled: Fields = { ...SPEC_DEFAULTS, ...spec }
  for (const list of ['containers', 'initContainers']) {
    if (listAt(spec, list).length > 0) filled[list] = listAt(spec, list).map(withContainerDefaults)
  }
  if (listAt(spec, 'volumes').length > 0) filled['volumes'] = listAt(spec, 'volumes').map(withVolumeDefaults)
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount')
  if (account !== '') {
    filled['serviceAccountName'] = account
    filled['serviceAccount'] = account
  }
  return filled
}

/** BestEffort without any request or limit, Guaranteed when they are equal everywhere, else Burstable. */
function qosClass(spec: Readonly<Fields>): string {
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]
  const resources = containers.map((each) => fieldsAt(each, 'resources'))
  const named = resources.filter(
    (each) => Object.keys({ ...fieldsAt(each, 'limits'), ...fieldsAt(each, 'requests') }).length > 0,
  )
  if (named.length === 0) return 'BestEffort'
  const guaranteed = resources.every((each) => {
    const limits = fieldsAt(each, 'limits')
    const requests = fieldsAt(each, 'requests')
    const both = ['cpu', 'memory'].every((name) => limits[name] !== undefined)
    return both && Object.entries(requests).every(([name, amount]) => amount === limits[name])
  })
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function containerProblems(
  list: readonly unknown[],
  path: string,
  volumes: ReadonlySet<string>,
): FieldProblem[] {
  const seen = new Set<string>()
  return list.flatMap((container, at) => {
    const field = `${path}[${at}]`
    const name = textAt(container, 'name')
    const problems: FieldProblem[] = []
    if (name === '') problems.push(required(`${field}.name`))
    else
      problems.push(...nameProblems(name, 'label').map((each) => invalidValue(`${field}.name`, name, each)))
    if (seen.has(name)) problems.push(duplicate(`${field}.name`, name))
    seen.add(name)
    if (textAt(container, 'image') === '') problems.push(required(`${field}.image`))
    return [...problems, ...mountProblems(container, field, volumes)]
  })
}

function mountProblems(container: unknown, field: string, volumes: ReadonlySet<string>): FieldProblem[] {
  return listAt(container, 'volumeMounts').flatMap((mount, at) => {
    const place = `${field}.volumeMounts[${at}]`
    const name = textAt(mount, 'name')
    const problems: FieldProblem[] = []
    if (name === '') problems.push(required(`${place}.name`))
    else if (!volumes.has(name)) {
      problems.push({ type: 'FieldValueNotFound', field: `${place}.name`, value: name, detail: '' })
    }
    if (textAt(mount, 'mountPath') === '') problems.push(required(`${place}.mountPath`))
    return problems
  })
}

function volumeProblems(list: readonly unknown[]): FieldProblem[] {
  const seen = new Set<string>()
  return list.flatMap((volume, at) => {
    const field = `spec.volumes[${at}].name`
    const name = textAt(volume, 'name')
    const problems = name === '' ? [required(field)] : []
    if (name !== '')
      problems.push(...nameProblems(name, 'label').map((each) => invalidValue(field, name, each)))
    if (seen.has(name)) problems.push(duplicate(field, name))
    seen.add(name)
    return problems
  })
}

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']

function nodeNameProblems(name: string): FieldProblem[] {
  if (name === '') return []
  return nameProblems(name, 'subdomain').map((each) => invalidValue('spec.nodeName', name, each))
}

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']

function validatePod(pod: KubeObject): FieldProblem[] {
  const spec = fieldsAt(pod, 'spec')
  const volumes = new Set(listAt(spec, 'volumes').map((each) => textAt(each, 'name')))
  const containers = listAt(spec, 'containers')
  const policy = textAt(spec, 'restartPolicy')
  return [
    ...volumeProblems(listAt(spec, 'volumes')),
    ...(containers.length === 0 ? [required('spec.containers')] : []),
    ...containerProblems(containers, 'spec.containers', volumes),
    ...containerProblems(listAt(spec, 'initContainers'), 'spec.initContainers', volumes),
    ...nodeNameProblems(textAt(spec, 'nodeName')),
    ...(DNS_POLICIES.includes(textAt(spec, 'dnsPolicy'))
      ? []
      : [notSupported('spec.dnsPolicy', textAt(spec, 'dnsPolicy'), DNS_POLICIES)]),
    ...(RESTART_POLICIES.includes(policy)
      ? []
      : [notSupported('spec.restartPolicy', policy, RESTART_POLICIES)]),
  ]
}

const MAY_CHANGE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

function comparable(pod: KubeObject): Fields {
  const spec: Fields = { ...fieldsAt(pod, 'spec') }
  delete spec['activeDeadlineSeconds']
  delete spec['tolerations']
  delete spec['schedulingGates']
  for (const list of ['containers', 'initContainers']) {
    spec[list] = listAt(pod, 'spec', list).map((each) => ({ ...(each as Fields), image: '' }))
  }
  return spec
}

function deadlineProblems(next: KubeObject, current: KubeObject): FieldProblem[] {
  const field = 'spec.activeDeadlineSeconds'
  const [before, after] = [current, next].map((pod) => valueAt(pod, 'spec', 'activeDeadlineSeconds'))
  if (typeof before !== 'number') return []
  if (typeof after !== 'number')
    return [invalidValue(field, after, 'must not update from a positive integer to nil value')]
  return after > before ? [invalidValue(field, after, 'must be less than or equal to previous value')] : []
}

/** Go writes the times of conditions even when they are not set, and one address as both fields. */
function withStatusDefaults(pod: KubeObject): KubeObject {
  const status: Fields = { ...fieldsAt(pod, 'status') }
  if (isList(status['conditions'])) {
    status['conditions'] = status['conditions'].map((each) => ({
      lastProbeTime: null,
      lastTransitionTime: null,
      ...(each as Fields),
    }))
  }
  const [first] = listAt(status, 'podIPs')
  const address = textAt(status, 'podIP')
  if (address === '' && textAt(first, 'ip') !== '') status['podIP'] = textAt(first, 'ip')
  // The older field is believed.
  else if (address !== textAt(first, 'ip')) status['podIPs'] = [{ ip: address }]
  return { ...pod, status }
}

export const podStrategy: Strategy = {
  defaults: (pod) => ({ ...pod, spec: withPodSpecDefaults(fieldsAt(pod, 'spec')) }),
  prepareCreate: (pod) => ({
    ...pod,
    status: { phase: 'Pending', qosClass: qosClass(fieldsAt(pod, 'spec')) },
  }),
  prepareUpdate: (next, current) => {
    const tolerations = withDefaultTolerations(listAt(next, 'spec', 'tolerations'))
    const kept = withValue(next, ['status'], current['status'])
    return withValue(kept, ['spec', 'tolerations'], tolerations)
  },
  prepareStatus: (next, current) => withStatusDefaults(withValue(next, ['spec'], current['spec'])),
  validate: validatePod,
  validateUpdate(next, current) {
    for (const list of ['containers', 'initContainers']) {
      if (listAt(next, 'spec', list).length === listAt(current, 'spec', list).length) continue
      return [forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')]
    }
    const same = sameJson(comparable(next), comparable(current))
    return [
      ...deadlineProblems(next, current),
      ...tolerationProblems(next, current),
      ...(same ? [] : [forbiddenField('spec', MAY_CHANGE)]),
    ]
  },
}
