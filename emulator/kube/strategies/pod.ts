import type { Fields } from '../json.ts'
import { fieldsAt, isFields, listAt, sameJson, textAt, valueAt, withValue } from '../json.ts'
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

export const podStrategy: Strategy = {
  defaults: (pod) => ({ ...pod, spec: withPodSpecDefaults(fieldsAt(pod, 'spec')) }),
  prepareCreate: (pod) => ({
    ...pod,
    status: { phase: 'Pending', qosClass: qosClass(fieldsAt(pod, 'spec')) },
  }),
  prepareUpdate: (next, current) => withValue(next, ['status'], current['status']),
  prepareStatus: (next, current) => withValue(next, ['spec'], current['spec']),
  validate: validatePod,
  validateUpdate(next, current) {
    return sameJson(comparable(next), comparable(current)) ? [] : [forbiddenField('spec', MAY_CHANGE)]
  },
}
