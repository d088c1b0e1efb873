/** The real kubectl is the judge. */
import assert from 'node:assert/strict'
import { createKubectl, type Kubectl } from '../harness/kubectl.ts'
import { map, namesOf, placedPod } from './case-objects.ts'
import type { CaseContext, CaseWorld, KubeCase } from './case-world.ts'
import { collection } from './case-world.ts'

async function kubectlIn(world: CaseWorld, context: CaseContext): Promise<Kubectl> {
  const kubectl = await createKubectl(world.kubeconfig())
  context.after(() => kubectl.close())
  return kubectl
}

async function names(world: CaseWorld, path: string): Promise<readonly (string | undefined)[]> {
  return namesOf((await world.http.ask('GET', path)).json())
}

const IDENTITY = `
apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentity
metadata:
  name: shop
spec:
  type: 0
  clientID: c0c0c0c0-0000-4000-8000-000000000001
`

const POD = `
apiVersion: v1
kind: Pod
metadata:
  name: shop-0
  labels: { aadpodidbinding: shop }
spec:
  schedulerName: nobody
  containers:
    - name: app
      image: shop:1
      env: [{ name: A, value: a }, { name: B, value: b }]
`

export const KUBECTL_CASES: readonly KubeCase[] = [
  {
    name: 'kubectl get shows the columns of core kinds and of custom kinds',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], `${IDENTITY}---${POD}`)
      const pods = await kubectl.ok(['get', 'pods', '-o', 'wide'])
      assert.match(pods, /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/)
      assert.match(pods, /shop-0 +0\/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>\n/)
      const identities = await kubectl.ok(['get', 'azureidentities', '-A'])
      assert.match(identities, /^NAMESPACE +NAME +TYPE +CLIENTID +AGE\n/)
      assert.match(
        identities,
        new RegExp(`${world.namespace} +shop +0 +c0c0c0c0-0000-4000-8000-000000000001 +\\d+s\n`),
      )
      assert.match(await kubectl.ok(['get', 'podid']), /azureidentity\.aadpodidentity\.k8s\.io\/shop/)
      assert.match(await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'yaml']), /clientID: c0c0c0c0-/)
    },
  },
  {
    name: 'client-side apply creates, then changes nothing, then merges the list of a pod by its keys',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      assert.match(await kubectl.ok(['apply', '-f', '-'], POD), /pod\/shop-0 created/)
      assert.match(await kubectl.ok(['apply', '-f', '-'], POD), /pod\/shop-0 unchanged/)
      assert.match(
        await kubectl.ok(['apply', '-f', '-'], POD.replace('shop:1', 'shop:2')),
        /pod\/shop-0 configured/,
      )
      const image = [
        'get',
        'pod',
        'shop-0',
        '-o',
        'jsonpath={.spec.containers[0].image} {.spec.containers[0].env[*].name}',
      ]
      assert.equal(await kubectl.ok(image), 'shop:2 A B')
      const refused = await kubectl.run(['apply', '-f', '-'], POD.replace('value: b', 'value: c'))
      assert.equal(refused.code, 1)
      assert.match(
        refused.stderr,
        /^The Pod "shop-0" is invalid: spec: Forbidden: pod updates may not change fields other than/,
      )
    },
  },
  {
    name: 'client-side apply of a custom object drops the field that is no longer in the file',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], IDENTITY)
      assert.match(await kubectl.ok(['apply', '-f', '-'], IDENTITY), /unchanged/)
      const without = IDENTITY.replace(/ {2}clientID: .*\n/, '')
      assert.match(await kubectl.ok(['apply', '-f', '-'], without), /configured/)
      assert.equal(await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'jsonpath={.spec}']), '{"type":0}')
    },
  },
  {
    name: 'server-side apply owns its fields, gives up what it drops, and refuses a foreign field',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const apply = ['apply', '--server-side', '-f', '-']
      assert.match(await kubectl.ok(apply, IDENTITY), /serverside-applied/)
      assert.match(await kubectl.ok(apply, IDENTITY), /serverside-applied/)
      const other = IDENTITY.replace('0001', '0002')
      const refused = await kubectl.run([...apply, '--field-manager=other'], other)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /Apply failed with 1 conflict: conflict with "kubectl": \.spec\.clientID/)
      await kubectl.ok([...apply, '--field-manager=other', '--force-conflicts'], other)
      await kubectl.ok(apply, IDENTITY.replace(/ {2}clientID: .*\n/, ''))
      const spec = await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'jsonpath={.spec.clientID}'])
      assert.equal(spec, 'c0c0c0c0-0000-4000-8000-000000000002')
      await kubectl.ok([...apply, '--field-manager=other'], IDENTITY.replace(/ {2}clientID: .*\n/, ''))
      assert.equal(await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'jsonpath={.spec}']), '{"type":0}')
    },
  },
  {
    name: 'an object made by client-side apply can be taken over by server-side apply',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], POD)
      const other = await kubectl.run(
        ['apply', '--server-side', '--field-manager=other', '-f', '-'],
        POD.replace('shop:1', 'shop:2'),
      )
      assert.match(
        other.stderr,
        /conflict with "kubectl-client-side-apply" using v1: \.spec\.containers\[name="app"\]\.image/,
      )
      // kubectl itself may change what its older way of applying wrote.
      await kubectl.ok(['apply', '--server-side', '-f', '-'], POD.replace('shop:1', 'shop:3'))
      const managers = [
        'get',
        'pod',
        'shop-0',
        '--show-managed-fields',
        '-o',
        'jsonpath={.metadata.managedFields[*].manager}',
      ]
      // kubectl moves the fields of its older way of applying over to the new one by itself.
      assert.deepEqual((await kubectl.ok(managers)).split(' ').sort(), ['kubectl', 'kubectl-last-applied'])
      assert.equal(
        await kubectl.ok(['get', 'pod', 'shop-0', '-o', 'jsonpath={.spec.containers[0].image}']),
        'shop:3',
      )
    },
  },
  {
    name: 'label, annotate and patch in its three kinds change an object',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], `${IDENTITY}---${POD}`)
      await kubectl.ok(['label', 'pod', 'shop-0', 'tier=front'])
      const again = await kubectl.run(['label', 'pod', 'shop-0', 'tier=back'])
      assert.match(again.stderr, /already has a value \(front\), and --overwrite is false/)
      await kubectl.ok(['label', 'pod', 'shop-0', 'tier-'])
      await kubectl.ok(['annotate', 'azureidentity', 'shop', 'aadpodidentity.k8s.io/Behavior=namespaced'])
      await kubectl.ok(['patch', 'azureidentity', 'shop', '--type=merge', '-p', '{"spec":{"type":1}}'])
      await kubectl.ok([
        'patch',
        'azureidentity',
        'shop',
        '--type=json',
        '-p',
        '[{"op":"remove","path":"/spec/clientID"}]',
      ])
      assert.equal(await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'jsonpath={.spec}']), '{"type":1}')
      const container = '{"spec":{"containers":[{"name":"app","image":"shop:9"}]}}'
      await kubectl.ok(['patch', 'pod', 'shop-0', '-p', container])
      assert.equal(
        await kubectl.ok(['get', 'pod', 'shop-0', '-o', 'jsonpath={.spec.containers[*].image}']),
        'shop:9',
      )
      const strategic = await kubectl.run(['patch', 'azureidentity', 'shop', '--type=strategic', '-p', '{}'])
      assert.match(
        strategic.stderr,
        /application\/strategic-merge-patch\+json is not supported by aadpodidentity\.k8s\.io\/v1/,
      )
    },
  },
  {
    name: 'kubectl get -w prints a line for every change',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], POD)
      const watch = kubectl.start(['get', 'pods', '-w', '--show-labels'])
      const lines = watch.lines[Symbol.asyncIterator]()
      const next = async (): Promise<string> => String((await lines.next()).value)
      assert.match(await next(), /^NAME +READY/)
      assert.match(await next(), /^shop-0 .*aadpodidbinding=shop$/)
      await kubectl.ok(['label', 'pod', 'shop-0', 'a=b'])
      assert.match(await next(), /a=b,aadpodidbinding=shop$/)
      await kubectl.ok(['delete', 'pod', 'shop-0'])
      assert.match(await next(), /^shop-0/)
      await watch.stop()
    },
  },
  {
    name: 'delete waits for a finalizer, and the object goes with it',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await kubectl.ok(['apply', '-f', '-'], IDENTITY)
      await kubectl.ok([
        'patch',
        'azureidentity',
        'shop',
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":["a.example/b"]}}',
      ])
      await kubectl.ok(['delete', 'azureidentity', 'shop', '--wait=false'])
      assert.match(
        await kubectl.ok(['get', 'azureidentity', 'shop', '-o', 'jsonpath={.metadata.deletionTimestamp}']),
        /^\d{4}-/,
      )
      const waiting = kubectl.run(['wait', '--for=delete', 'azureidentity/shop', '--timeout=30s'])
      await kubectl.ok([
        'patch',
        'azureidentity',
        'shop',
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":null}}',
      ])
      const { code, stdout } = await waiting
      assert.equal(code, 0, stdout)
      assert.deepEqual(await names(world, world.path('azureidentities')), [])
    },
  },
  {
    name: 'a pod on a node is only marked for deletion until its node lets it go',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      await world.make('pods', placedPod('p'))
      await kubectl.ok(['delete', 'pod', 'p', '--wait=false'])
      const pod = (await world.http.ask('GET', `${world.path('pods')}/p`)).json()
      assert.equal(pod.metadata?.['deletionGracePeriodSeconds'], 30)
      assert.match(await kubectl.ok(['get', 'pods']), /p +0\/1 +Terminating/)
      await kubectl.ok(['delete', 'pod', 'p', '--grace-period=0', '--force'])
      assert.deepEqual(await names(world, world.path('pods')), [])
    },
  },
  {
    name: 'foreground deletion removes the dependents first, background and orphan as they say',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const owner = async (name: string): Promise<string> => {
        await kubectl.ok(['create', 'configmap', name])
        const uid = await kubectl.ok(['get', 'configmap', name, '-o', 'jsonpath={.metadata.uid}'])
        const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true }
        const metadata = { name: `${name}-child`, ownerReferences: [reference] }
        return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata })
      }
      for (const policy of ['foreground', 'background', 'orphan']) {
        await kubectl.ok(['create', '-f', '-'], await owner(policy))
        await kubectl.ok(['delete', 'configmap', policy, `--cascade=${policy}`])
      }
      const orphan = `${world.path('configmaps')}/orphan-child`
      await world.until(
        world.path('configmaps'),
        (items) => namesOf({ items }).toSorted().join() === 'kube-root-ca.crt,orphan-child',
      )
      const { metadata } = (await world.http.ask('GET', orphan)).json()
      assert.deepEqual(metadata?.['ownerReferences'] ?? [], [])
    },
  },
  {
    name: 'a wrong field is refused when kubectl validates, and only warned about when it is asked to warn',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const wrong = IDENTITY.replace('clientID', 'clientId')
      const refused = await kubectl.run(['create', '-f', '-'], wrong)
      assert.match(
        refused.stderr,
        /^Error from server \(BadRequest\): error when creating "STDIN": AzureIdentity in version "v1" cannot be handled as a AzureIdentity: strict decoding error: unknown field "spec\.clientId"/,
      )
      const warned = await kubectl.run(['create', '--validate=warn', '-f', '-'], wrong)
      assert.equal(warned.code, 0)
      assert.match(warned.stderr, /Warning: unknown field "spec\.clientId"/)
      const pod = await kubectl.run(['create', '-f', '-'], POD.replace('image:', 'imgae:'))
      assert.match(pod.stderr, /strict decoding error: unknown field "spec\.containers\[0\]\.imgae"/)
      const typed = await kubectl.run(
        ['create', '-f', '-'],
        IDENTITY.replace('type: 0', 'type: zero').replace('shop', 'b'),
      )
      assert.match(
        typed.stderr,
        /The AzureIdentity "b" is invalid: \n\* spec\.type: Invalid value: "string": spec\.type in body must be of type integer: "string"\n\* <nil>: Invalid value: null: some validation rules were not checked/,
      )
      const ruled = await kubectl.run(
        ['create', '-f', '-'],
        IDENTITY.replace(/clientID: .*/, 'clientID: x').replace('shop', 'b'),
      )
      assert.match(
        ruled.stderr,
        /The AzureIdentity "b" is invalid: spec\.clientID: Invalid value: "x": must be a client id like 1/,
      )
    },
  },
  {
    name: 'generateName, dry run, selectors, wait, describe, explain and edit work',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const generated = await kubectl.ok(
        ['create', '-f', '-', '-o', 'name'],
        POD.replace('name: shop-0', 'generateName: shop-'),
      )
      assert.match(generated, /^pod\/shop-[a-z0-9]{5}\n$/)
      assert.match(
        await kubectl.ok(['apply', '--dry-run=server', '-f', '-'], POD),
        /created \(server dry run\)/,
      )
      assert.equal((await names(world, world.path('pods'))).length, 1)
      assert.match(
        await kubectl.ok(['get', 'pods', '-l', 'aadpodidbinding in (shop,till)', '-o', 'name']),
        /^pod\/shop-/,
      )
      assert.equal(await kubectl.ok(['get', 'pods', '-l', '!aadpodidbinding', '-o', 'name']), '')
      assert.match(
        await kubectl.ok(['get', 'pods', '--field-selector', 'status.phase=Pending', '-o', 'name']),
        /^pod\/shop-/,
      )
      const bad = await kubectl.run(['get', 'pods', '--field-selector', 'spec.foo=1'])
      assert.match(
        bad.stderr,
        /\(BadRequest\): Unable to find "\/v1, Resource=pods" that match label selector "", field selector "spec\.foo=1": field label not supported: spec\.foo/,
      )
      await kubectl.ok(['apply', '-f', '-'], IDENTITY)
      await kubectl.ok(['wait', '--for=jsonpath={.spec.type}=0', 'azureidentity/shop', '--timeout=20s'])
      assert.match(
        await kubectl.ok(['describe', 'azureidentity', 'shop']),
        /Kind: +AzureIdentity[\s\S]*Events: +<none>/,
      )
      assert.match(
        await kubectl.ok(['describe', generated.trim()]),
        /Status: +Pending[\s\S]*kube-api-access-/,
      )
      assert.match(await kubectl.ok(['explain', 'azureidentity.spec.type']), /FIELD: type <integer>/)
      assert.match(await kubectl.ok(['explain', 'pod.spec.containers']), /FIELD: containers <\[\]Container>/)
      assert.match(
        await kubectl.ok(['api-resources', '--api-group=aadpodidentity.k8s.io']),
        /azureassignedidentities +aadpodidentity\.k8s\.io\/v1 +true +AzureAssignedIdentity/,
      )
    },
  },
  {
    name: 'typed commands that send protobuf are understood',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const till = world.unique('till')
      await kubectl.ok(['create', 'namespace', till])
      await kubectl.ok(['create', 'serviceaccount', 'bob', '-n', till])
      await kubectl.ok(['create', 'secret', 'generic', 'code', '--from-literal=pin=1234', '-n', till])
      assert.equal(
        await kubectl.ok(['get', 'secret', 'code', '-n', till, '-o', 'jsonpath={.data.pin}']),
        'MTIzNA==',
      )
      await kubectl.ok([
        'create',
        'role',
        'reader',
        '--verb=get',
        '--resource=secrets',
        '--resource-name=code',
        '-n',
        till,
      ])
      await kubectl.ok([
        'create',
        'rolebinding',
        'reader',
        '--role=reader',
        `--serviceaccount=${till}:bob`,
        '-n',
        till,
      ])
      const bob = ['-n', till, `--as=system:serviceaccount:${till}:bob`]
      assert.match(await kubectl.ok(['auth', 'can-i', 'get', 'secret/code', ...bob]), /^yes/)
      assert.match((await kubectl.run(['auth', 'can-i', 'list', 'secrets', ...bob])).stdout, /^no/)
      const refused = await kubectl.run(['get', 'secrets', ...bob])
      assert.match(
        refused.stderr,
        new RegExp(
          `Error from server \\(Forbidden\\): secrets is forbidden: User "system:serviceaccount:${till}:bob" cannot list resource "secrets" in API group "" in the namespace "${till}"`,
        ),
      )
      const token = await kubectl.ok(['create', 'token', 'bob', '-n', till, '--duration=20m'])
      assert.equal(token.trim().split('.').length, 3)
      assert.match(await kubectl.ok(['auth', 'whoami']), /Username +\S+/)
      await kubectl.ok(['delete', 'namespace', till])
      assert.deepEqual(await names(world, collection('secrets', till)), [])
    },
  },
  {
    name: 'a namespace that is being deleted takes nothing new, and the first ones cannot be deleted',
    async run(world, t) {
      const kubectl = await kubectlIn(world, t)
      const old = world.unique('old')
      await kubectl.ok(['create', 'namespace', old])
      const held = map('held', { metadata: { name: 'held', finalizers: ['a.example/b'] } })
      await kubectl.ok(['create', '-n', old, '-f', '-'], JSON.stringify(held))
      await kubectl.ok(['delete', 'namespace', old, '--wait=false'])
      const refused = await kubectl.run(['create', 'configmap', 'late', '-n', old])
      assert.match(
        refused.stderr,
        new RegExp(
          `configmaps "late" is forbidden: unable to create new content in namespace ${old} because it is being terminated`,
        ),
      )
      assert.match(await kubectl.ok(['get', 'namespace', old]), /old-\w+ +Terminating/)
      await kubectl.ok([
        'patch',
        'configmap',
        'held',
        '-n',
        old,
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":[]}}',
      ])
      await kubectl.ok(['wait', '--for=delete', `namespace/${old}`, '--timeout=20s'])
      const immortal = await kubectl.run(['delete', 'namespace', 'kube-system'])
      assert.match(
        immortal.stderr,
        /namespaces "kube-system" is forbidden: this namespace may not be deleted/,
      )
    },
  },
]
