/** What a pod meets at the metadata address, with and without a token in it. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'

const IMDS = 'http://169.254.169.254'
const TOKEN = '/metadata/identity/oauth2/token'
const ASKED = 'api-version=2018-02-01&resource=https://vault.azure.net'
const INSTANCE = '/metadata/instance?api-version=2021-02-01'
const METADATA = { Metadata: 'true' }

interface Ask {
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

/** By the code of the refusal; a pod that is bound to an identity asks all of them. */
const REFUSED: readonly (readonly [status: number, code: string, ask: Ask])[] = [
  [400, 'forwarded-request', { target: `${TOKEN}?${ASKED}`, headers: { 'X-Forwarded-For': '10.0.0.1' } }],
  [405, 'method-not-allowed', { target: `${TOKEN}?${ASKED}`, method: 'POST' }],
  [400, 'resource-missing', { target: `${TOKEN}?api-version=2018-02-01` }],
  [400, 'request-invalid', { target: `${TOKEN}?${ASKED}&client_id=a&msi_res_id=b` }],
  [400, 'bad-target', { target: `/metadata/identity%5Coauth2/token?${ASKED}` }],
  [400, 'bad-target', { target: `/metadata/identity%2Foauth2/token?${ASKED}` }],
  [400, 'bad-target', { target: `/metadata/instance/../identity/oauth2/token?${ASKED}` }],
  [400, 'bad-target', { target: `${TOKEN}s?${ASKED}` }],
  [403, 'host-only', { target: `/host/token?${ASKED}`, headers: { podns: 'default', podname: 'shop' } }],
  [404, 'path-unknown', { target: '/metadata/identity/credential' }],
  [404, 'path-unknown', { target: '/' }],
]

const statusCodes: Scenario = {
  name: 'status-codes-of-each-endpoint',
  proves:
    'each path of the metadata endpoint answers a pod with its own status: tokens, instance metadata, a missing header, wrong verbs and paths that only look like the token path, none of which reaches IMDS',
  smoke: true,
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name })
    const ask = ({ target, headers = {}, method }: Ask) =>
      pod.get(`${IMDS}${target}`, { ...METADATA, ...headers }, method)
    for (const path of [
      TOKEN,
      `${TOKEN}/`,
      '//metadata/identity/oauth2/token',
      '/Metadata/Identity/OAuth2/Token',
    ])
      assertToken(await ask({ target: `${path}?${ASKED}` }), shop.clientId)
    for (const [status, code, each] of REFUSED) assertRefused(await ask(each), status, code)
    for (const target of [`${TOKEN}?${ASKED}`, INSTANCE]) {
      const { status, body } = await pod.get(`${IMDS}${target}`)
      assert.equal(status, 400)
      assert.deepEqual(body, {
        error: 'invalid_request',
        error_description: 'Required metadata header not specified',
      })
    }
    const instance = await ask({ target: INSTANCE })
    assert.equal(instance.status, 200, JSON.stringify(instance))
    const { compute } = instance.body as { compute: { vmScaleSetName: string } }
    const node = (await pod.object()).spec.nodeName
    assert.equal(compute.vmScaleSetName, world.cluster.machines.find((each) => each.node === node)?.resource)
    assert.deepEqual(world.azure.journal.violations, [])
  },
}

const blocked: Scenario = {
  name: 'blocked-instance-metadata',
  proves:
    'with nmi.blockInstanceMetadata pods get no instance metadata and still their tokens; an excepted pod may read it; without the value all may again',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    await place.apply(exception('reader', { app: 'reader' }))
    const pod = await place.pod('shop', { selector: shop.name })
    const reader = await place.pod('reader', { labels: { app: 'reader' } })
    const url = `${IMDS}${INSTANCE}`
    try {
      await world.podid.install({ nmi: { blockInstanceMetadata: true } })
      const refused = await pod.get(url, METADATA)
      assertRefused(refused, 403, 'path-blocked')
      assertRefused(await pod.get(`${IMDS}/Metadata/Instance/compute`, METADATA), 403, 'path-blocked')
      assertToken(await pod.token(), shop.clientId)
      assert.equal((await pod.get(`${IMDS}/metadata/versions`, METADATA)).status, 200)
      assert.equal((await reader.get(url, METADATA)).status, 200)
    } finally {
      await world.podid.install()
    }
    assert.equal((await pod.get(url, METADATA)).status, 200)
  },
}

const exceptedPod: Scenario = {
  name: 'excepted-pod',
  proves:
    "a pod that an AzurePodIdentityException covers gets tokens of its node's identities, system-assigned and user-assigned, and loses them with the exception; a pod beside it never has them",
  async run(place, world) {
    const resource = 'blue'
    const node = 'blue-0'
    const onNode = place.identity('on-node')
    await place.bind(onNode)
    await place.pod('bound', { selector: onNode.name, node })
    await place.whenAssigned('bound', [onNode])
    await place.apply(exception('agents', { team: 'platform', tier: 'agent' }))
    const [excepted, stranger] = await Promise.all([
      place.pod('excepted', { labels: { tier: 'agent' }, node }),
      place.pod('stranger', { labels: { tier: 'shop' }, node }),
    ])
    const { system } = world.compute(resource)
    const claims = assertToken(await excepted.token(), system.clientId)
    assert.equal(String(claims['xms_mirid']).toLowerCase(), world.compute(resource).key)
    assertToken(await excepted.token({ clientId: onNode.clientId }), onNode.clientId)
    assertRefused(await stranger.token(), 403, 'no-label')
    assertRefused(await stranger.token({ clientId: onNode.clientId }), 403, 'no-label')
    assertRefused(await stranger.token({ clientId: system.clientId }), 403, 'no-label')
    await place.kubectl('delete', 'azurepodidentityexception', 'agents')
    await until(
      'the exception is gone',
      { deadlineMs: 20_000 },
      async () => (await excepted.token()).status === 403,
    )
    assertRefused(await excepted.token({ clientId: onNode.clientId }), 403, 'no-label')
  },
}

function exception(name: string, podLabels: Readonly<Record<string, string>>) {
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzurePodIdentityException',
    metadata: { name },
    spec: { podLabels },
  }
}

export const METADATA_ENDPOINT: readonly Scenario[] = [statusCodes, exceptedPod, blocked]
