import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
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
  const relay = await openRelay(nmiPort, address)
  rig.owner.own(() => relay.close())
  rig.kube.load([
    rawPod({ name: `app-${credential}`, selector: identityName(0), node: nodeName(0, 0), address }),
  ])
  const started = performance.now()
  const [answer] = await askWithSdk(`http://127.0.0.1:${relay.port}`, [{ credential, scope: SCOPE }])
  if (answer === undefined) throw new Error('the SDK gave no answer')
  return { credential, answer, seconds: (performance.now() - started) / 1_000, requests: relay.requests() }
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

interface Relay {
  readonly port: number
  requests(): number
  close(): Promise<void>
}

/** A pod's way to the node agent: connections that come from the pod's own address. Counts requests. */
async function openRelay(nmiPort: number, localAddress: string): Promise<Relay> {
  const sockets = new Set<Socket>()
  let requests = 0
  const server = createServer((inbound) => {
    const outbound = connect({ host: '127.0.0.1', port: nmiPort, localAddress })
    // A client sends its next request after the answer, so each begins a chunk.
    inbound.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1', 0, 4) === 'GET ') requests += 1
    })
    for (const socket of [inbound, outbound]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        inbound.destroy()
        outbound.destroy()
      })
    }
    inbound.pipe(outbound).pipe(inbound)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    requests: () => requests,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
