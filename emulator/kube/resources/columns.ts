import { isFields, listAt, textAt, textsAt, valueAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { ageSince } from './age.ts'
import type { TableColumn } from './resource-definition.ts'

type Cell = (object: KubeObject, now: number) => string | number | boolean | null

/** A column of text. @param priority 1 for `-o wide` only. */
function column(name: string, cell: Cell, priority = 0, type = 'string'): TableColumn {
  return { name, type, format: '', description: '', priority, cell }
}

export const NAME: TableColumn = { ...column('Name', (object) => object.metadata.name), format: 'name' }

export const AGE: TableColumn = column('Age', (object, now) =>
  ageSince(object.metadata.creationTimestamp, now),
)

export const CREATED_AT: TableColumn = {
  ...column('Created At', (object) => object.metadata.creationTimestamp),
  format: 'date-time',
}

const count =
  (path: readonly string[]): Cell =>
  (object) => {
    const value = valueAt(object, ...path)
    if (isFields(value)) return Object.keys(value).length
    return Array.isArray(value) ? value.length : 0
  }

/** What `kubectl get` shows of a pod as its status: the phase, or why it is not what it should be. */
function podStatus(pod: KubeObject): string {
  const { deletionTimestamp } = pod.metadata
  let text = textAt(pod, 'status', 'reason') || textAt(pod, 'status', 'phase')
  for (const status of listAt(pod, 'status', 'containerStatuses').toReversed()) {
    const reason =
      textAt(status, 'state', 'waiting', 'reason') || textAt(status, 'state', 'terminated', 'reason')
    if (reason !== '') text = reason
  }
  if (deletionTimestamp === undefined) return text
  return text === 'NodeLost' ? 'Unknown' : 'Terminating'
}

function containerStatuses(pod: KubeObject): readonly unknown[] {
  return listAt(pod, 'status', 'containerStatuses')
}

function restarts(pod: KubeObject): number {
  let sum = 0
  for (const status of containerStatuses(pod)) sum += Number(valueAt(status, 'restartCount') ?? 0)
  return sum
}

const orNone = (text: string): string => (text === '' ? '<none>' : text)

export const POD_COLUMNS: readonly TableColumn[] = [
  NAME,
  column('Ready', (pod) => {
    const ready = containerStatuses(pod).filter((each) => valueAt(each, 'ready') === true).length
    return `${ready}/${listAt(pod, 'spec', 'containers').length}`
  }),
  column('Status', podStatus),
  column('Restarts', (pod) => String(restarts(pod))),
  AGE,
  column('IP', (pod) => orNone(textAt(pod, 'status', 'podIP')), 1),
  column('Node', (pod) => orNone(textAt(pod, 'spec', 'nodeName')), 1),
  column('Nominated Node', (pod) => orNone(textAt(pod, 'status', 'nominatedNodeName')), 1),
  column('Readiness Gates', () => '<none>', 1),
]

function nodeStatus(node: KubeObject): string {
  const ready = listAt(node, 'status', 'conditions').find((each) => textAt(each, 'type') === 'Ready')
  const status = textAt(ready, 'status')
  const text = status === '' ? 'Unknown' : status === 'True' ? 'Ready' : 'NotReady'
  return valueAt(node, 'spec', 'unschedulable') === true ? `${text},SchedulingDisabled` : text
}

function nodeRoles(node: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/'
  const roles = Object.keys(node.metadata.labels ?? {})
    .filter((each) => each.startsWith(prefix))
    .map((each) => each.slice(prefix.length))
  return orNone(roles.sort().join(','))
}

function nodeAddress(node: KubeObject, type: string): string {
  const found = listAt(node, 'status', 'addresses').find((each) => textAt(each, 'type') === type)
  return orNone(textAt(found, 'address'))
}

export const NODE_COLUMNS: readonly TableColumn[] = [
  NAME,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  AGE,
  column('Version', (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion')),
  column('Internal-IP', (node) => nodeAddress(node, 'InternalIP'), 1),
  column('External-IP', (node) => nodeAddress(node, 'ExternalIP'), 1),
  column('OS-Image', (node) => textAt(node, 'status', 'nodeInfo', 'osImage') || '<unknown>', 1),
  column('Kernel-Version', (node) => textAt(node, 'status', 'nodeInfo', 'kernelVersion') || '<unknown>', 1),
  column(
    'Container-Runtime',
    (node) => textAt(node, 'status', 'nodeInfo', 'containerRuntimeVersion') || '<unknown>',
    1,
  ),
]

export const NAMESPACE_COLUMNS = [NAME, column('Status', (each) => textAt(each, 'status', 'phase')), AGE]

export const SECRET_COLUMNS = [
  NAME,
  column('Type', (each) => textAt(each, 'type')),
  column('Data', count(['data']), 0, 'integer'),
  AGE,
]

export const CONFIG_MAP_COLUMNS = [
  NAME,
  column(
    'Data',
    (each) => Number(count(['data'])(each, 0)) + Number(count(['binaryData'])(each, 0)),
    0,
    'string',
  ),
  AGE,
]

export const SERVICE_ACCOUNT_COLUMNS = [NAME, column('Secrets', count(['secrets']), 0, 'integer'), AGE]

export const ENDPOINTS_COLUMNS = [
  NAME,
  column('Endpoints', (each) => {
    const addresses = listAt(each, 'subsets').flatMap((subset) =>
      listAt(subset, 'addresses').flatMap((address) =>
        listAt(subset, 'ports').map((port) => `${textAt(address, 'ip')}:${String(valueAt(port, 'port'))}`),
      ),
    )
    const more = addresses.length > 3 ? ` + ${addresses.length - 3} more...` : ''
    return orNone(addresses.slice(0, 3).join(',') + more)
  }),
  AGE,
]

const lastSeen = (event: KubeObject): string =>
  textAt(event, 'series', 'lastObservedTime') ||
  textAt(event, 'lastTimestamp') ||
  textAt(event, 'eventTime') ||
  event.metadata.creationTimestamp

function firstSeen(event: KubeObject): string {
  return textAt(event, 'firstTimestamp') || textAt(event, 'eventTime')
}

export const EVENT_COLUMNS: readonly TableColumn[] = [
  column('Last Seen', (event, now) => ageSince(lastSeen(event), now)),
  column('Type', (event) => textAt(event, 'type')),
  column('Reason', (event) => textAt(event, 'reason')),
  column('Object', (event) => {
    return `${textAt(event, 'involvedObject', 'kind').toLowerCase()}/${textAt(event, 'involvedObject', 'name')}`
  }),
  column('Subobject', (event) => textAt(event, 'involvedObject', 'fieldPath'), 1),
  column('Source', (event) => textAt(event, 'source', 'component') || textAt(event, 'reportingComponent'), 1),
  column('Message', (event) => textAt(event, 'message').trim()),
  column('First Seen', (event, now) => ageSince(firstSeen(event), now), 1),
  column(
    'Count',
    (event) => Number(valueAt(event, 'series', 'count') ?? valueAt(event, 'count') ?? 1),
    1,
    'integer',
  ),
  { ...NAME, priority: 1 },
]

export const LEASE_COLUMNS = [NAME, column('Holder', (each) => textAt(each, 'spec', 'holderIdentity')), AGE]

const subjectNames =
  (kind: string): Cell =>
  (binding) =>
    listAt(binding, 'subjects')
      .filter((each) => textAt(each, 'kind') === kind)
      .map((each) =>
        kind === 'ServiceAccount'
          ? `${textAt(each, 'namespace')}/${textAt(each, 'name')}`
          : textAt(each, 'name'),
      )
      .join(', ')

export const BINDING_COLUMNS = [
  NAME,
  column('Role', (each) => `${textAt(each, 'roleRef', 'kind')}/${textAt(each, 'roleRef', 'name')}`),
  AGE,
  column('Users', subjectNames('User'), 1),
  column('Groups', subjectNames('Group'), 1),
  column('ServiceAccounts', subjectNames('ServiceAccount'), 1),
]

export const SERVICE_COLUMNS = [
  NAME,
  column('Type', (each) => textAt(each, 'spec', 'type')),
  column('Cluster-IP', (each) => orNone(textAt(each, 'spec', 'clusterIP'))),
  column('External-IP', (each) => orNone(textsAt(each, 'spec', 'externalIPs').join(','))),
  column('Port(s)', (each) =>
    orNone(
      listAt(each, 'spec', 'ports')
        .map((port) => `${String(valueAt(port, 'port'))}/${textAt(port, 'protocol') || 'TCP'}`)
        .join(','),
    ),
  ),
  AGE,
]
