import { type BenchOptions, median, type Row, round } from './figure.ts'
import { type KeyVaultRig, objectsText, type ProviderProcess, startKeyVaultRig } from './keyvault-rig.ts'

const LATENCY_MS = 20
const SIZES = [1, 10, 100]
const PODS = 100
const OBJECTS = 10

/** First mounts of pods at a vault that takes 20 ms, against bare reads in the same run. */
export async function keyvaultMounts({ short }: BenchOptions): Promise<Row[]> {
  const rig = await startKeyVaultRig({ identities: PODS, objects: 100, latencyMs: LATENCY_MS })
  try {
    // The rate of a node is for crowds: here it would be the figure itself.
    const unlimited = await rig.start(['--vault-requests-per-second=10000'])
    const rows = await sizes(rig, unlimited, short ? 5 : 40)
    await unlimited.stop()
    const provider = await rig.start()
    const pods = short ? 20 : PODS
    rows.push(await crowd(rig, provider, { pods, identities: 1 }))
    rows.push(await crowd(rig, provider, { pods, identities: pods }))
    return rows
  } finally {
    await rig.close()
  }
}

async function sizes(rig: KeyVaultRig, provider: ProviderProcess, rounds: number): Promise<Row[]> {
  const assertion = await rig.assertion('single', 0)
  const own = new Map(SIZES.map((size) => [size, [] as number[]]))
  const bare = new Map(SIZES.map((size) => [size, [] as number[]]))
  // The first rounds open the connections of both and warm them up.
  for (let index = -3; index < rounds; index += 1) {
    for (const size of SIZES) {
      const objects = objectsText(size)
      const mounted = await timed(() =>
        provider.mount({ pod: 'single', identity: 0, assertion, objects, target: `single-${index}-${size}` }),
      )
      const read = await timed(() => Promise.all(Array.from({ length: size }, (_, at) => rig.bareRead(at))))
      if (index < 0) continue
      own.get(size)?.push(mounted)
      bare.get(size)?.push(read)
    }
  }
  const trip = median(bare.get(1) ?? [])
  return SIZES.map((size) => {
    const ms = median(own.get(size) ?? [])
    const bareMs = median(bare.get(size) ?? [])
    const trips = round(ms / trip)
    // Ten reads of one pod at once: 100 objects take ten turns.
    const most = size <= OBJECTS ? 2 : size / OBJECTS + 1
    return {
      figure: `Key Vault, first mount of ${size} object${size === 1 ? '' : 's'}, median, in bare round trips of ${LATENCY_MS} ms and the network`,
      measured: `${trips} (${round(ms, 1)} ms; one bare read ${round(trip, 1)} ms, ${size} at once by a bare client ${round(bareMs, 1)} ms)`,
      aim: size <= OBJECTS ? 'one round trip: < 2' : `ten at a time: < ${most}`,
      reached: trips < most,
      numbers: { trips, ms, trip, bareMs },
    }
  })
}

/** Pods that come at once, each with a service-account token of its own, as kubelet gives them. */
async function crowd(
  rig: KeyVaultRig,
  provider: ProviderProcess,
  { pods, identities }: { pods: number; identities: number },
): Promise<Row> {
  const mounts = await Promise.all(
    Array.from({ length: pods }, async (_, index) => {
      const pod = `crowd-${identities}-${index}`
      const identity = index % identities
      return { pod, identity, assertion: await rig.assertion(pod, identity), objects: objectsText(OBJECTS) }
    }),
  )
  rig.azure.journal.clear()
  let failed = 0
  const ms = await timed(() =>
    Promise.all(
      mounts.map((each) =>
        provider.mount(each).catch(() => {
          failed += 1
        }),
      ),
    ),
  )
  const { vault, entra } = rig.counts()
  const old = pods * OBJECTS
  // Who asks later, since his token came later, is not given an earlier answer: a request for all who ask meanwhile.
  const most = identities === 1 ? old / 4 : old
  return {
    figure: `Key Vault, ${pods} pods mount the same ${OBJECTS} objects at once, ${identities === 1 ? 'one identity' : `${identities} identities`}: requests to the vault`,
    measured: `${vault} in ${round(ms / 1_000, 1)} s (200 a second at most by default; ${entra} tokens of Entra, ${failed} failed; one for each pod and object, as the old provider has it, computed: ${old})`,
    aim: identities === 1 ? `<= ${most}` : `<= ${most}: nothing is shared between identities`,
    reached: vault <= most && failed === 0,
    numbers: { vault, entra, ms, failed, old },
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
