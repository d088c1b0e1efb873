import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Story } from './day/story.ts'
import { type BenchOptions, type Row, round } from './figure.ts'

const HOUR = 3_600_000
const SEED = 20_260_101

/**
 * A day of a cluster in one process: MIC's core and the token path of every node agent on a simulated
 * clock, against an ARM, an IMDS and an API in memory that fail at random. The same faults in every run.
 */
export async function simulatedDay({ short }: BenchOptions): Promise<Row[]> {
  const size = short
    ? { pods: 200, identities: 40, nodes: 10, lifeMs: HOUR / 4 }
    : { pods: 5_000, identities: 200, nodes: 50, lifeMs: 6 * HOUR }
  const [warmHours, hours] = short ? [0.5, 1] : [2, 24]
  const collect = garbageCollector()
  const began = performance.now()
  const story = await Story.begin(size, SEED)
  await story.live(warmHours * HOUR)
  const early = collect()
  await story.live((hours - warmHours) * HOUR)
  const late = collect()
  const { tally } = story
  await story.settle()
  const verdict = story.verdict()
  await story.stop()
  const seconds = round((performance.now() - began) / 1_000, 0)
  const growth = round((late - early) / 1e6, 1)
  const share = round((late - early) / early)
  const what = `${hours} h simulated, ${size.pods} pods at a time`
  const refused = [...tally.refused].map(([code, count]) => `${count} ${code}`).join(', ')
  for (const line of [...verdict.leaked, ...verdict.missing, ...verdict.stranded].slice(0, 10))
    console.error(line)
  return [
    {
      figure: `${what}: wrong tokens`,
      measured: `${tally.wrong} of ${tally.granted} (${tally.started} pods, ${tally.faults} faults, ${tally.micRestarts} restarts of MIC, ${tally.agentRestarts} of agents; refused: ${refused}; ${seconds} s)`,
      aim: '0',
      reached: tally.wrong === 0 && tally.granted > 0,
      numbers: {
        wrong: tally.wrong,
        granted: tally.granted,
        pods: tally.started,
        faults: tally.faults,
        seconds,
      },
    },
    {
      figure: `${what}: identities leaked, objects stranded, either missing`,
      measured: `${verdict.leaked.length}, ${verdict.stranded.length}, ${verdict.missing.length}`,
      aim: '0, 0, 0',
      reached: verdict.leaked.length + verdict.stranded.length + verdict.missing.length === 0,
      numbers: {
        leaked: verdict.leaked.length,
        stranded: verdict.stranded.length,
        missing: verdict.missing.length,
      },
    },
    {
      figure: `heap growth from hour ${warmHours} to hour ${hours}`,
      measured: `${growth} MB (${round(early / 1e6, 1)} MB -> ${round(late / 1e6, 1)} MB, ${share})`,
      aim: 'flat: <= 0.1',
      reached: share <= 0.1,
      numbers: { growthMb: growth, earlyMb: early / 1e6, lateMb: late / 1e6, share },
    },
  ]
}

/** @returns a function that collects all garbage and returns what is left, bytes */
function garbageCollector(): () => number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  return () => {
    collect()
    collect()
    return process.memoryUsage().heapUsed
  }
}
