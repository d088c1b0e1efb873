import { identityName, nodeName, rawIdentity, rawNode, rawPod, scaleSetId } from './cluster-objects.ts'
import { type BenchOptions, median, type Row, round } from './figure.ts'
import { fetchText, fineNow, freePort, leading, type Rig, startRig } from './rig.ts'

const TOKEN_PATH =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net'

/**
 * The two moments at which podid itself decides how long a pod waits, with real processes over loopback:
 * from the pod being scheduled to the PATCH arriving at ARM, and from ARM telling MIC that the operation
 * succeeded (its answer to the last poll) to the held request being answered. Between them is Azure.
 */
export async function assignmentLatency({ short }: BenchOptions): Promise<Row[]> {
  const rounds = short ? 5 : 20
  const names = Array.from({ length: rounds + 1 }, (_, index) => identityName(index))
  const rig = await startRig({
    scaleSets: 1,
    instances: 1,
    identities: names,
    azure: {
      vmssOperationMs: short ? 700 : 1_300,
      operationRetryAfterSeconds: 1,
      imdsLagMs: 0,
      armLimits: false,
    },
  })
  try {
    rig.kube.load([rawNode(0, 0), ...names.flatMap((_, index) => rawIdentity(index))])
    const nmiPort = await freePort()
    const [mic] = await Promise.all([
      rig.start('mic'),
      rig.start('nmi', [`--node=${nodeName(0, 0)}`, `--nmi-port=${nmiPort}`]),
    ])
    await leading(mic)
    const samples: Sample[] = []
    for (let index = 0; index <= rounds; index += 1) samples.push(await playRound(rig, nmiPort, index))
    // The first round logs in to Azure, compiles and opens connections: told apart.
    const [first, ...others] = samples
    if (first === undefined) throw new Error('no round was played')
    return rowsOf(first, others)
  } finally {
    await rig.close()
  }
}

/** Milliseconds. */
interface Sample {
  /** Pod stored with its node -> PATCH arrives at ARM. */
  readonly toPatch: number
  /** ARM gets the poll that it answers with success -> the pod has its token. */
  readonly fromPoll: number
  /** The operation really ended -> the pod has its token; Retry-After lies between. */
  readonly fromEnd: number
}

async function playRound(rig: Rig, nmiPort: number, index: number): Promise<Sample> {
  const address = `127.0.1.${index + 1}`
  const name = `pod-${index}`
  const from = rig.azure.journal.requests.length
  const scheduled = fineNow()
  rig.kube.load([rawPod({ name, selector: identityName(index), node: nodeName(0, 0), address })])
  const headers = { Metadata: 'true' }
  const answer = await fetchText(nmiPort, TOKEN_PATH, { localAddress: address, headers })
  const answered = fineNow()
  if (answer.status !== 200) throw new Error(`${name} was answered ${answer.status}: ${answer.text}`)
  const requests = rig.azure.journal.requests.slice(from)
  const patch = requests.find((each) => each.route === 'arm.vmss.patch')
  const ended = [...rig.azure.state.operations.values()].at(-1)?.endedMs
  if (patch === undefined || ended === undefined) throw new Error('no operation of ARM was seen')
  const poll = requests.find((each) => each.route === 'arm.operation.get' && each.atMs >= ended)
  if (poll === undefined) throw new Error(`no poll saw the end of the operation on ${scaleSetId(0)}`)
  return { toPatch: patch.atMs - scheduled, fromPoll: answered - poll.atMs, fromEnd: answered - ended }
}

function rowsOf(first: Sample, others: readonly Sample[]): Row[] {
  const of = (field: keyof Sample): number[] => others.map((sample) => sample[field])
  const row = (figure: string, field: keyof Sample, aim: number, more = ''): Row => {
    const middle = round(median(of(field)), 1)
    const most = round(Math.max(...of(field)), 1)
    return {
      figure,
      measured: `${middle} ms (slowest of ${others.length}: ${most}; the first after start: ${round(first[field], 1)}${more})`,
      aim: `< ${aim} ms`,
      reached: middle < aim,
      numbers: { medianMs: middle, slowestMs: most, firstMs: first[field], rounds: others.length },
    }
  }
  const honoured = round(median(of('fromEnd')))
  return [
    row('pod scheduled -> ARM PATCH sent, median', 'toPatch', 100),
    row(
      "ARM success (told to MIC's poll) -> waiting pod answered, median",
      'fromPoll',
      50,
      `; from the operation's true end, polling each Retry-After of 1 s: ${honoured}`,
    ),
  ]
}
