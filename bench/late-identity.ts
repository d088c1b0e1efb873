import { openRelay } from '../src/cli/demo/relay.ts'
import { askWithSdk, type SdkAnswer, type SdkRequest } from '../test/harness/sdk-client.ts'
import { identityName, nodeName, rawIdentity, rawNode, rawPod } from './cluster-objects.ts'
import { type BenchOptions, type Row, round } from './figure.ts'
import { freePort, leading, type Rig, startRig } from './rig.ts'

const SCOPE = 'https://vault.azure.net/.default'
const CREDENTIALS = ['managed-identity', 'default'] as const

/**
 * The application starts with its pod, a slow Azure lies before its identity: the assignment takes a
 * minute, and IMDS learns of it 15 s later. Does the first call of the unmodified SDK succeed?
 */
export async function lateIdentity({ short }: BenchOptions): Promise<Row[]> {
  const [assignmentMs, lagMs] = short ? [6_000, 2_000] : [60_000, 15_000]
  const rig = await startRig({
    scaleSets: 1,
    instances: 1,
    identities: [identityName(0)],
    azure: { vmssOperationMs: assignmentMs, imdsLagMs: lagMs, operationRetryAfterSeconds: 10 },
  })
  try {
    rig.kube.load([rawNode(0, 0), ...rawIdentity(0)])
    const nmiPort = await freePort()
    const [mic] = await Promise.all([
      rig.start('mic'),
      rig.start('nmi', [`--node=${nodeName(0, 0)}`, `--nmi-port=${nmiPort}`]),
    ])
    await leading(mic)
    const calls = await Promise.all(
      CREDENTIALS.map((credential, index) => firstCall(rig, { nmiPort, credential, index })),
    )
    const least = (assignmentMs + lagMs) / 1_000
    return calls.map((call) => rowOf(call, least))
  } finally {
    await rig.close()
  }
}

interface Call {
  readonly credential: SdkRequest['credential']
  readonly answer: SdkAnswer
  readonly seconds: number
  readonly requests: number
}

async function firstCall(
  rig: Rig,
  { nmiPort, credential, index }: { nmiPort: number; credential: SdkRequest['credential']; index: number },
): Promise<Call> {
  const address = `127.0.1.${index + 1}`
  let requests = 0
  const relay = await openRelay({
    targetPort: nmiPort,
    localAddress: address,
    // A client sends its next request after the answer, so each begins a chunk.
    onData: (chunk) => {
      if (chunk.toString('latin1', 0, 4) === 'GET ') requests += 1
    },
  })
  rig.owner.own(() => relay.close())
  rig.kube.load([
    rawPod({ name: `app-${credential}`, selector: identityName(0), node: nodeName(0, 0), address }),
  ])
  const started = performance.now()
  const [answer] = await askWithSdk(`http://127.0.0.1:${relay.port}`, [{ credential, scope: SCOPE }])
  if (answer === undefined) throw new Error('the SDK gave no answer')
  return { credential, answer, seconds: (performance.now() - started) / 1_000, requests }
}

function rowOf({ credential, answer, seconds, requests }: Call, least: number): Row {
  const name = credential === 'default' ? 'DefaultAzureCredential' : 'ManagedIdentityCredential'
  const succeeded = 'token' in answer && answer.token !== ''
  const how = succeeded ? 'succeeds' : `fails (${'error' in answer ? answer.error.slice(0, 120) : ''})`
  return {
    figure: `first call of ${name} (JavaScript, defaults), identity usable after ${least} s`,
    measured: `${how} after ${round(seconds, 1)} s, ${requests} requests`,
    aim: 'succeeds',
    reached: succeeded,
    numbers: { succeeded: succeeded ? 1 : 0, seconds, requests, leastSeconds: least },
  }
}
