/** Service meshes: iptables in the pod's own network namespace turn all that goes out to a sidecar. */
import assert from 'node:assert/strict'
import { type AppPod, appContainer } from '../app-pod.ts'
import type { Manifest, Place } from '../place.ts'
import { PODID_IMAGE } from '../podid-image.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertTokenOf } from '../token-proof.ts'

/** User of the sidecar, whose own connections are not turned back to it. */
const PROXY_USER = 1337
const PROXY_PORT = 15_001

const transparent: Scenario = {
  name: 'mesh-transparent',
  proves:
    'a sidecar that takes over all outgoing connections and passes them on byte by byte changes nothing; only what asks before the sidecar runs finds nobody',
  shapes: ['routed', 'bridge'],
  async run(place) {
    const shop = place.identity('meshed')
    await place.bind(shop)
    await place.apply(rules('all', []))
    const pod = await startMeshed(place, { name: 'meshed', selector: shop.name, rules: 'all', proxy: [] })
    assertTokenOf(await pod.token(), shop)
    const [early] = await pod.answers('early')
    assert.match(early?.error ?? '', /refused/, JSON.stringify(early))
  },
}

const reading: Scenario = {
  name: 'mesh-reads-http',
  proves:
    'a sidecar that adds X-Forwarded-For is refused as IMDS itself refuses it, with words that tell what to exclude; with 169.254.169.254 excluded every container of the pod gets its token, init containers too',
  async run(place) {
    const shop = place.identity('envoy')
    await place.bind(shop)
    await place.apply(rules('all', []), rules('but-imds', ['169.254.169.254/32']))
    const proxy = ['-forwarded']
    const wrong = await startMeshed(place, { name: 'wrong', selector: shop.name, rules: 'all', proxy })
    const refused = await wrong.token()
    assertRefused(refused, 'forwarded-request')
    assert.match(JSON.stringify(refused.body), /169\.254\.169\.254/)
    const right = await startMeshed(place, { name: 'right', selector: shop.name, rules: 'but-imds', proxy })
    assertTokenOf((await right.answers('early'))[0], shop)
    assertTokenOf(await right.token(), shop)
  },
}

interface Meshed {
  readonly name: string
  readonly selector: string
  readonly rules: string
  /** Flags of the sidecar. */
  readonly proxy: readonly string[]
}

async function startMeshed(place: Place, { name, selector, rules: map, proxy }: Meshed): Promise<AppPod> {
  const setUp = {
    name: 'rules',
    image: PODID_IMAGE,
    imagePullPolicy: 'Never',
    command: ['/usr/sbin/iptables-nft-restore', '--noflush', '/rules/rules'],
    securityContext: { runAsUser: 0, runAsNonRoot: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
    volumeMounts: [{ name: 'rules', mountPath: '/rules' }],
  }
  return place.pod(name, {
    selector,
    spec: {
      volumes: [{ name: 'rules', configMap: { name: map } }],
      initContainers: [setUp, appContainer('early', ['token', '-timeout=30'])],
      containers: [
        appContainer('app', ['wait']),
        appContainer('proxy', ['proxy', ...proxy, `127.0.0.1:${PROXY_PORT}`], {
          securityContext: { runAsUser: PROXY_USER },
        }),
      ],
    },
  })
}

/** What the init containers of Istio and Linkerd set up, reduced to its sense. */
function rules(name: string, excluded: readonly string[]): Manifest {
  const lines = [
    '*nat',
    `-A OUTPUT -p tcp -m owner --uid-owner ${PROXY_USER} -j RETURN`,
    ...['127.0.0.1/32', ...excluded].map((range) => `-A OUTPUT -p tcp -d ${range} -j RETURN`),
    `-A OUTPUT -p tcp -j REDIRECT --to-ports ${PROXY_PORT}`,
    'COMMIT',
    '',
  ]
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { rules: lines.join('\n') } }
}

export const MESHES: readonly Scenario[] = [transparent, reading]
