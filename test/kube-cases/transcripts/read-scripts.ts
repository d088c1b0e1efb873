import { CLIENT_ID, identity, map, placedPod } from '../case-objects.ts'
import { MERGE } from '../case-world.ts'
import { type Script, versionOf } from './transcript.ts'

const MAPS = '/api/v1/namespaces/{ns}/configmaps'
const PODS = '/api/v1/namespaces/{ns}/pods'
const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/azureidentities'
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json'
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'

const labelled = (name: string, labels: object): object => map(name, { metadata: { name, labels } })

export const READ_SCRIPTS: readonly Script[] = [
  {
    name: 'list-options',
    async run(ask) {
      for (const name of ['a', 'b', 'c']) await ask('POST', PODS, { body: placedPod(name, { n: name }) })
      const queries = [
        'limit=2',
        'limit=0',
        'limit=-1',
        'limit=x',
        'continue=x',
        'continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ',
        'continue=x&resourceVersion=1',
        'resourceVersion=x',
        'resourceVersion=-1',
        'resourceVersion=0',
        'resourceVersion=0&resourceVersionMatch=NotOlderThan',
        'resourceVersion=0&resourceVersionMatch=Exact',
        'resourceVersion=1&resourceVersionMatch=Sometimes',
        'resourceVersionMatch=NotOlderThan',
        'sendInitialEvents=true',
        'sendInitialEvents=x',
        'watch=1&timeoutSeconds=x&resourceVersion=0',
        'labelSelector=n=a',
        'labelSelector=n',
        'labelSelector=!n',
        'labelSelector=n%20in%20(a,b)',
        'labelSelector=n%20notin%20(a,b)',
        'labelSelector=n%3E1',
        'labelSelector=n=a,n!=b',
        'labelSelector=n%20in%20()',
        'labelSelector=bad_key!=x',
        'fieldSelector=metadata.name=a',
        'fieldSelector=metadata.name!=a,spec.nodeName=n',
        'fieldSelector=metadata.namespace=elsewhere',
        'fieldSelector=spec.nope=1',
        'fieldSelector=x',
        'fieldSelector=status.phase=Pending',
        'fieldSelector=status.podIP=',
        'fieldSelector=spec.restartPolicy=Always',
        'fieldSelector=spec.serviceAccountName=default',
      ]
      for (const query of queries) await ask('GET', `${PODS}?${query}`)
      for (const selector of ['a%20b', '=', 'n=bad%20value!'])
        await ask('GET', `${PODS}?labelSelector=${selector}`, { differs: 'the words of another parser' })
      await ask('GET', `${IDENTITIES}?fieldSelector=spec.type=0`)
      await ask('GET', `${IDENTITIES}?fieldSelector=metadata.name=a`)
      await ask('GET', '/api/v1/namespaces/none/pods')
      await ask('GET', `${PODS}?watch=1&sendInitialEvents=true`)
      await ask('GET', `${PODS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact`)
      await ask('GET', `${PODS}?watch=1&resourceVersionMatch=NotOlderThan`)
      await ask('GET', `${PODS}?watch=1&resourceVersion=x`)
      await ask('GET', `${PODS}?watch=1&limit=5&continue=x&resourceVersion=0&timeoutSeconds=1`)
      await ask('GET', '/api/v1/namespaces/{ns}/nothings')
      await ask('GET', '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/nothings')
      await ask('GET', '/apis/nothing.example/v1/things')
      await ask('GET', '/apis/aadpodidentity.k8s.io/v9/namespaces/{ns}/azureidentities')
      await ask('GET', `${MAPS}/a/status`)
    },
  },
  {
    name: 'watches',
    async run(ask) {
      const start = versionOf(await ask.quietly('GET', MAPS))
      await ask('POST', MAPS, { body: labelled('a', { x: '1' }) })
      await ask('PATCH', `${MAPS}/a`, { contentType: MERGE, body: { metadata: { labels: { x: '2' } } } })
      await ask('PATCH', `${MAPS}/a`, { contentType: MERGE, body: { metadata: { labels: { x: '1' } } } })
      await ask('DELETE', `${MAPS}/a`)
      const from = `watch=1&resourceVersion=${start}`
      await ask.watch(`${MAPS}?${from}`, 4)
      await ask.watch(`${MAPS}?${from}&labelSelector=x%3D1`, 4)
      await ask.watch(`${MAPS}?${from}&fieldSelector=metadata.name%3Da&allowWatchBookmarks=true`, 4)
      await ask.watch(`${MAPS}?${from}`, 4, { accept: TABLE })
      await ask.watch(`${MAPS}?${from}`, 2, { accept: METADATA })
      await ask.watch(`${MAPS}/a?${from}`, 2)
      const later = versionOf(await ask.quietly('GET', IDENTITIES))
      const held = { metadata: { name: 'i', finalizers: ['x.example/y'] } }
      await ask('POST', IDENTITIES, { body: identity('i', held) })
      await ask('DELETE', `${IDENTITIES}/i`)
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { metadata: { finalizers: null } } })
      await ask.watch(`${IDENTITIES}?watch=true&resourceVersion=${later}`, 3)
      await ask.watch(`${IDENTITIES}?watch=true&resourceVersion=${later}`, 3, { accept: TABLE })
    },
  },
  {
    name: 'forms',
    async run(ask) {
      await ask('POST', PODS, { body: placedPod('a', { n: 'a' }) })
      await ask('POST', IDENTITIES, { body: identity('i', { spec: { type: 1, clientID: CLIENT_ID } }) })
      for (const path of [PODS, `${PODS}/a`, IDENTITIES, `${IDENTITIES}/i`]) {
        await ask('GET', path, { accept: TABLE })
        await ask('GET', `${path}?includeObject=None`, { accept: TABLE })
        await ask('GET', path, { accept: METADATA })
        await ask('GET', path, { accept: METADATA_LIST })
        await ask('GET', path, { accept: 'text/plain' })
        await ask('GET', path, { accept: '*/*' })
      }
      await ask('GET', `${IDENTITIES}?includeObject=Object`, { accept: TABLE })
      await ask('GET', `${IDENTITIES}?includeObject=Other`, { accept: TABLE })
      await ask('GET', `${IDENTITIES}/none`, { accept: TABLE })
    },
  },
]
