import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  identityName,
  nodeName,
  rawAssigned,
  rawIdentity,
  rawNode,
  rawPod,
  scaleSetId,
} from './cluster-objects.ts'
import { type BenchOptions, median, type Row, round } from './figure.ts'
import { fetchText, freePort, type Rig, residentMb, startRig } from './rig.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUNDLE = fileURLToPath(new URL('../dist/podid.js', import.meta.url))
const TOKEN_PATH = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource='
const PODS_OF_NODE = 250
const NODES = 40
const IDENTITIES = 500
/** Identities that the pods of one node use. */
const IDENTITIES_OF_NODE = 10
const REQUESTS_PER_SECOND = 60

/** One node agent of a 10,000-pod cluster: its memory, and how soon it answers after its start. */
export async function agentMemory({ short }: BenchOptions): Promise<Row[]> {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: ROOT })
  const rig = await agentRig()
  try {
    const starts = short ? 2 : 5
    const seconds = short ? 3 : 10
    const source = await measure(rig, undefined, { starts, seconds })
    return rowsOf(await measure(rig, BUNDLE, { starts, seconds }), source, seconds)
  } finally {
    await rig.close()
  }
}

/** A 10,000-pod cluster, and an IMDS that knows the identities of one node. */
async function agentRig(): Promise<Rig> {
  const names = Array.from({ length: IDENTITIES }, (_, index) => identityName(index))
  const rig = await startRig({
    scaleSets: 1,
    instances: 1,
    identities: names,
    azure: { imdsLimits: false },
  })
  fill(rig)
  onNode(rig)
  return rig
}

function addressOf(pod: number): string {
  return `127.0.${1 + (pod >> 7)}.${1 + (pod & 127)}`
}

function fill(rig: Rig): void {
  const objects: Record<string, unknown>[] = []
  for (let index = 0; index < IDENTITIES; index += 1) objects.push(...rawIdentity(index))
  for (let node = 0; node < NODES; node += 1) {
    objects.push(rawNode(0, node))
    for (let pod = 0; pod < PODS_OF_NODE; pod += 1) {
      const name = `pod-${node}-${pod}`
      const identity = identityName((node * IDENTITIES_OF_NODE + (pod % IDENTITIES_OF_NODE)) % IDENTITIES)
      const address = node === 0 ? addressOf(pod) : `10.${node}.0.${1 + pod}`
      objects.push(rawPod({ name, selector: identity, node: nodeName(0, node), address }))
      objects.push(rawAssigned({ pod: name, identity, node: nodeName(0, node) }))
    }
  }
  rig.kube.load(objects)
}

/** The identities of the node are on its scale set, so that its IMDS answers for them. */
function onNode(rig: Rig): void {
  const identities = Array.from({ length: IDENTITIES_OF_NODE }, (_, index) => identityName(index))
  rig.azure.plant({ scaleSets: [{ id: scaleSetId(0), identities, instances: ['0'] }] })
}

/** Times in milliseconds, memory in MB (10^6 bytes). */
interface Measured {
  readonly starts: number
  readonly failed: number
  readonly rssMb: number
  readonly rssReadyMb: number
  readonly readyMs: number
  readonly fastestMs: number
  readonly sinceListMs: number
}

async function measure(
  rig: Rig,
  bundle: string | undefined,
  { starts, seconds }: { starts: number; seconds: number },
): Promise<Measured> {
  const ready: number[] = []
  const sinceList: number[] = []
  const rssReady: number[] = []
  const rssLoaded: number[] = []
  let failed = 0
  for (let index = 0; index < starts; index += 1) {
    const nmiPort = await freePort()
    rig.kube.audit.clear()
    const flags = [`--node=${nodeName(0, 0)}`, `--nmi-port=${nmiPort}`]
    const nmi = await rig.start('nmi', flags, bundle === undefined ? {} : { program: bundle })
    const pid = nmi.process.pid ?? 0
    ready.push(nmi.readyAt - nmi.startedAt)
    const listed = Math.max(...rig.kube.audit.entries().map((entry) => entry.at))
    sinceList.push(performance.timeOrigin + nmi.readyAt - listed)
    await pause(300)
    rssReady.push(residentMb(pid))
    if (index === starts - 1) {
      failed += await load(nmiPort, seconds)
      rssLoaded.push(residentMb(pid))
    }
    await nmi.stop()
  }
  return {
    starts,
    failed,
    rssMb: Math.max(...rssLoaded),
    rssReadyMb: median(rssReady),
    readyMs: median(ready),
    fastestMs: Math.min(...ready),
    sinceListMs: median(sinceList),
  }
}

/** The bundle is what is shipped; a source tree strips types at each start, and is shown beside it. */
function rowsOf(bundle: Measured, source: Measured, seconds: number): Row[] {
  const mb = round(bundle.rssMb, 1)
  const ms = round(bundle.readyMs, 0)
  const both = { ...bundle, sourceRssMb: source.rssMb, sourceReadyMs: source.readyMs }
  return [
    {
      figure: `NMI, 250 pods of 10,000: RSS after ${seconds} s of ${REQUESTS_PER_SECOND} requests/s`,
      measured: `${mb} MB (${round(bundle.rssReadyMb, 1)} MB after ready; ${bundle.failed} requests failed; from the source tree ${round(source.rssMb, 1)} MB)`,
      aim: '< 80 MB',
      reached: mb < 80 && bundle.failed === 0,
      numbers: both,
    },
    {
      figure: 'NMI, the same: process start -> ready, lists answered',
      measured: `${ms} ms (fastest of ${bundle.starts}: ${round(bundle.fastestMs, 0)}; ${round(bundle.sinceListMs, 0)} ms of it after the last list or watch was answered; from the source tree ${round(source.readyMs, 0)} ms)`,
      aim: '< 500 ms',
      reached: ms < 500,
      numbers: both,
    },
  ]
}

/** Tokens for all pods of the node in turns, each over a connection of its own. @returns how many failed */
async function load(port: number, seconds: number): Promise<number> {
  const answers: Promise<boolean>[] = []
  const started = performance.now()
  for (let index = 0; index < seconds * REQUESTS_PER_SECOND; index += 1) {
    const due = started + (index * 1_000) / REQUESTS_PER_SECOND
    if (due > performance.now()) await pause(due - performance.now())
    const resource = encodeURIComponent(`https://app-${index % 3}.example`)
    const request = fetchText(port, `${TOKEN_PATH}${resource}`, {
      localAddress: addressOf(index % PODS_OF_NODE),
      headers: { Metadata: 'true' },
    })
    answers.push(request.then(({ status }) => status === 200))
  }
  return (await Promise.all(answers)).filter((granted) => !granted).length
}
