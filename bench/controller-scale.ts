import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { identityName, nodeName, rawIdentity, rawNode, rawPod } from './cluster-objects.ts'
import { type BenchOptions, median, type Row, round } from './figure.ts'
import { type ComponentProcess, fetchText, leading, type Rig, residentMb, startRig, until } from './rig.ts'

const SCALE_SETS = 10
const NODES_PER_SET = 20
const IDENTITIES = 500
const FLAGS = ['--clientQps=1000', '--createDeleteBatch=100']

/**
 * The real controller process in a cluster of 1,000 and of 10,000 pods: what one more pod costs it, how
 * long it takes to start when all objects are there, and how often it writes to ARM.
 */
export async function controllerScale({ short }: BenchOptions): Promise<Row[]> {
  const [small, large] = short ? [1_000, 3_000] : [1_000, 10_000]
  const rig = await startRig({
    scaleSets: SCALE_SETS,
    instances: NODES_PER_SET,
    identities: Array.from({ length: IDENTITIES }, (_, index) => identityName(index)),
    azure: { vmssOperationMs: 500 },
  })
  try {
    rig.kube.load(clusterWithoutPods())
    addPods(rig, 0, IDENTITIES)
    const mic = await rig.start('mic', FLAGS)
    await leading(mic)
    await allAssigned(rig, IDENTITIES)
    // One by one, so that the first figure is of compiled code as the second one is.
    await addSlowly(rig, IDENTITIES, small - IDENTITIES)
    const atSmall = await costOfPods(rig, mic, small)
    addPods(rig, atSmall.pods, large)
    await allAssigned(rig, large)
    const atLarge = await costOfPods(rig, mic, large)
    const { pods } = atLarge
    const rssMb = residentMb(mic.process.pid ?? 0)
    const patches = rig.azure.journal.counters['arm.vmss.patch'] ?? 0
    await mic.stop()
    const start = await fullStart(rig)
    return [
      eventRow(small, large, atSmall.msPerPod, atLarge.msPerPod),
      startRow(large, start, rssMb),
      {
        figure: `MIC, ARM writes for ${IDENTITIES} identities of ${pods} pods on ${SCALE_SETS} scale sets`,
        measured: `${patches} PATCH requests; ${start.patches} more after a restart`,
        aim: `${SCALE_SETS}: one for each scale set`,
        reached: patches === SCALE_SETS && start.patches === 0,
        numbers: { patches, least: SCALE_SETS, afterRestart: start.patches, pods },
      },
    ]
  } finally {
    await rig.close()
  }
}

function clusterWithoutPods(): Record<string, unknown>[] {
  const objects: Record<string, unknown>[] = []
  for (let set = 0; set < SCALE_SETS; set += 1) {
    for (let node = 0; node < NODES_PER_SET; node += 1) objects.push(rawNode(set, node))
  }
  for (let index = 0; index < IDENTITIES; index += 1) objects.push(...rawIdentity(index))
  return objects
}

/** Each identity lives on one scale set, so that the least number of writes is known. */
function podAt(index: number): Record<string, unknown> {
  const identity = index % IDENTITIES
  const node = nodeName(identity % SCALE_SETS, Math.floor(index / IDENTITIES) % NODES_PER_SET)
  const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
  return rawPod({ name: `pod-${index}`, selector: identityName(identity), node, address })
}

function addPods(rig: Rig, from: number, to: number): void {
  rig.kube.load(Array.from({ length: to - from }, (_, at) => podAt(from + at)))
}

async function allAssigned(rig: Rig, pods: number): Promise<void> {
  await until(
    `${pods} objects are Assigned`,
    120_000,
    () => {
      const objects = rig.kube.objects('azureassignedidentities', 'aadpodidentity.k8s.io')
      return objects.length >= pods && objects.every((object) => stateOf(object['status']) === 'Assigned')
    },
    100,
  )
}

function stateOf(status: unknown): unknown {
  return typeof status === 'object' && status !== null && 'status' in status ? status.status : undefined
}

/** One after the other, as a scheduler binds them. @returns how many there are then */
async function addSlowly(rig: Rig, from: number, count: number): Promise<number> {
  for (let index = from; index < from + count; index += 1) {
    addPods(rig, index, index + 1)
    await pause(4)
  }
  await allAssigned(rig, from + count)
  return from + count
}

const BATCHES = 5
const BATCH = 100

async function costOfPods(
  rig: Rig,
  mic: ComponentProcess,
  from: number,
): Promise<{ pods: number; msPerPod: number }> {
  let pods = from
  const costs: number[] = []
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const before = cpuMs(mic)
    pods = await addSlowly(rig, pods, BATCH)
    costs.push((cpuMs(mic) - before) / BATCH)
  }
  return { pods, msPerPod: median(costs) }
}

/** CPU time of all threads of a process, milliseconds. */
function cpuMs({ process }: ComponentProcess): number {
  const tasks = `/proc/${process.pid ?? 0}/task`
  return readdirSync(tasks).reduce((sum, task) => {
    const [nanoseconds] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')
    return sum + Number(nanoseconds) / 1e6
  }, 0)
}

interface Start {
  readonly readyMs: number
  readonly settledMs: number
  readonly patches: number
  readonly writes: number
}

/** A new process takes over with all objects present: until nothing is left to do and all groups were looked at. */
async function fullStart(rig: Rig): Promise<Start> {
  const { journal } = rig.azure
  const count = (route: string): number => journal.counters[route] ?? 0
  const looks = count('arm.vmss.get')
  const patches = count('arm.vmss.patch')
  rig.kube.audit.clear()
  const mic = await rig.start('mic', FLAGS)
  await until('MIC has looked at everything', 60_000, async () => {
    if (count('arm.vmss.get') - looks < SCALE_SETS) return false
    const { text } = await fetchText(mic.metricsPort, '/metrics')
    return /^podid_mic_queue_size\{lane="pods"\} 0$/m.test(text)
  })
  const settledMs = performance.now() - mic.startedAt
  // What it would still do after it seemed to be done.
  await pause(1_000)
  const writes = rig.kube.audit
    .entries({ resource: 'azureassignedidentities' })
    .filter(({ method }) => method !== 'GET').length
  await mic.stop()
  return {
    readyMs: mic.readyAt - mic.startedAt,
    settledMs,
    patches: count('arm.vmss.patch') - patches,
    writes,
  }
}

function eventRow(small: number, large: number, atSmall: number, atLarge: number): Row {
  const ratio = round(atLarge / atSmall)
  return {
    figure: `MIC, CPU for one more pod at ${large} pods against ${small}`,
    measured: `${ratio} (${round(atLarge)} ms against ${round(atSmall)} ms of process CPU, all writes included)`,
    aim: '<= 1.25',
    reached: ratio <= 1.25,
    numbers: { ratio, msAtSmall: atSmall, msAtLarge: atLarge, small, large },
  }
}

function startRow(pods: number, start: Start, rssMb: number): Row {
  const seconds = round(start.settledMs / 1_000)
  return {
    figure: `MIC, full start with ${pods} pods and their objects, ${SCALE_SETS} scale sets looked at`,
    measured: `${seconds} s (ready after ${round(start.readyMs / 1_000)} s, ${start.writes} objects written; RSS ${round(rssMb, 0)} MB)`,
    aim: '< 5 s',
    reached: seconds < 5 && start.writes === 0,
    numbers: { seconds, readyMs: start.readyMs, writes: start.writes, rssMb },
  }
}
